/** Canonical JSON, the form that is signed: of a whole text, or of one member of it. Runs anywhere: no Node built-in and no Buffer. */
import type { JsonFault } from '../json/faults.js';
import { sameBytes } from '../json/bytes.js';
import type { MemberNames } from '../json/member-names.js';
import { parsePointer } from '../json/selection.js';
import { Tokeniser } from '../json/tokeniser.js';
import { Token, isValueToken } from '../json/tokens.js';
import { encodeName } from '../json/utf8.js';
import { CanonicalWriter } from './canonical-writer.js';

/** Why and where (byte offset) a text has no canonical form. */
interface CanonicalFailure {
  readonly ok: false;
  readonly fault: JsonFault;
  readonly offset: number;
}

/** The canonical form of a whole text, in ASCII. */
type CanonicalResult = { readonly ok: true; readonly canonical: Uint8Array } | CanonicalFailure;

/** A member of a text. */
interface CanonicalMember {
  /** The canonical form of its value, in ASCII. */
  readonly canonical: Uint8Array;
  /** Where its value stands in the text as it was given, from byte `start` up to and without `end`. */
  readonly start: number;
  readonly end: number;
}

/** A member of a text that is acceptable as a whole; `member` is undefined when the text has none there. */
type CanonicalMemberResult =
  { readonly ok: true; readonly member: CanonicalMember | undefined } | CanonicalFailure;

/**
 * The canonical form of a JSON text: exactly what CPython prints for
 * `json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))`. What that cannot be exact about is refused, as
 * `JsonFault` says. Source: docs/wire-contract.md#a-signed-answer. Linear time (members are sorted), no recursion; never throws.
 */
export function canonicalize(text: Uint8Array): CanonicalResult {
  const tokeniser = new Tokeniser(text);
  const writer = new CanonicalWriter(text, tokeniser);
  if (!writer.writeValue(tokeniser.next()) || tokeniser.next() !== Token.end) return failureOf(tokeniser);
  return { ok: true, canonical: writer.finish() };
}

/**
 * The canonical form of one member's value, by its RFC 6901 pointer ('' is the whole value; object members only).
 * The text is judged as a whole all the same: a fault anywhere in it is a failure.
 * @throws TypeError when the pointer is not RFC 6901's: pointers are ours, never the sender's.
 */
export function canonicalizeMember(text: Uint8Array, pointer: string): CanonicalMemberResult {
  const path = parsePointer(pointer)?.map(encodeName);
  if (path === undefined) throw new TypeError('not a JSON pointer');
  const tokeniser = new Tokeniser(text);
  let member: CanonicalMember | undefined;
  let token = tokeniser.next();
  let isTarget = path.length === 0;
  /** How many names of the path lead to the innermost open object, as far as it is on the path. */
  let matched = 0;
  for (; token !== Token.end; token = tokeniser.next()) {
    if (token === Token.fault) return failureOf(tokeniser);
    if (isTarget && isValueToken(token)) {
      member = writeMember(text, tokeniser, token);
      if (member === undefined) return failureOf(tokeniser);
      isTarget = false;
    } else if (token === Token.name) {
      matched = Math.min(matched, tokeniser.depth - 1);
      const isNext = matched === tokeniser.depth - 1 && isName(tokeniser.names, path[matched]);
      if (isNext) matched += 1;
      isTarget = isNext && matched === path.length;
    }
  }
  return { ok: true, member };
}

/** Writes the value that begins with a token; undefined on a fault in it. */
function writeMember(text: Uint8Array, tokeniser: Tokeniser, first: Token): CanonicalMember | undefined {
  const writer = new CanonicalWriter(text, tokeniser);
  const quote = first === Token.string ? 1 : 0;
  const start = tokeniser.start - quote;
  if (!writer.writeValue(first)) return undefined;
  return { canonical: writer.finish(), start, end: tokeniser.end + quote };
}

function isName(names: MemberNames, wanted: Uint8Array | undefined): boolean {
  const length = names.end - names.start;
  return wanted?.length === length && sameBytes(wanted, 0, names.source, names.start, length);
}

function failureOf(tokeniser: Tokeniser): CanonicalFailure {
  const { fault, faultOffset } = tokeniser;
  if (fault === undefined) throw new Error('a fault token without a fault');
  return { ok: false, fault, offset: faultOffset };
}
