/** The kinds of token; small integers, as they are compared for every few bytes of every request. */
export const Token = {
  fault: 0,
  /** The text is one whole JSON value and nothing else. */
  end: 1,
  beginObject: 2,
  endObject: 3,
  beginArray: 4,
  endArray: 5,
  /** A member's name together with its colon; its value is next. */
  name: 6,
  string: 7,
  integer: 8,
  float: 9,
  true: 10,
  false: 11,
  null: 12,
} as const;
export type Token = (typeof Token)[keyof typeof Token];
