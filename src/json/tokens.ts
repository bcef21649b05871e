/**
 * The kinds of token; small integers, as they are compared for every few bytes of every request.
 * Those from `beginObject` on are values or begin one (`isValueToken`).
 */
export const Token = {
  fault: 0,
  /** The text is one whole JSON value and nothing else. */
  end: 1,
  endObject: 2,
  endArray: 3,
  /** A member's name together with its colon; its value is next. */
  name: 4,
  beginObject: 5,
  beginArray: 6,
  string: 7,
  integer: 8,
  float: 9,
  true: 10,
  false: 11,
  null: 12,
} as const;
export type Token = (typeof Token)[keyof typeof Token];

/** The tokens that are a value or begin one. */
export type ValueToken = Exclude<
  Token,
  typeof Token.fault | typeof Token.end | typeof Token.endObject | typeof Token.endArray | typeof Token.name
>;

/** Whether a token is a value or begins one; one comparison, as most tokens are. */
export function isValueToken(token: Token): token is ValueToken {
  return token >= Token.beginObject;
}
