/** Holds one scanned JSON value to the syntax of its field. */
import { decodeCanonicalBase64 } from '../crypto/bytes.js';
import type { SelectedValue } from '../json/scan.js';
import { NONCE, SHA256_HEX, SIGNATURE_BYTES, TIMESTAMP, UUID } from './syntax.js';

/** The syntax of one field. Lengths are in characters (code points), bounds are inclusive. */
export type FieldRule =
  | {
      readonly kind: 'string';
      readonly minLength: number;
      readonly maxLength: number;
      readonly forbid?: string;
    }
  | { readonly kind: 'uuid' }
  /** 64 hex digits of either case, compared in lower case. */
  | { readonly kind: 'sha256' }
  /** A JSON integer lexeme: never a string, `1.0` or `1e0`. */
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** `[A-Za-z0-9_-]{8,128}`, as in the header. */
  | { readonly kind: 'nonce' }
  /** An integer lexeme of the header's syntax `[1-9][0-9]{9,10}`. */
  | { readonly kind: 'timestamp' }
  /** Standard base64 of exactly 64 bytes, re-encoding to itself. */
  | { readonly kind: 'signature' }
  | { readonly kind: 'object' };

/** The longest integer lexeme that a bound of ours can be compared with exactly. */
const MAX_EXACT_DIGITS = 15;
/** RFC 8259 integers without `-0`. */
const INTEGER = /^-?[1-9][0-9]*$|^0$/;

/**
 * The field's text as the decision compares it: strings as they are, hashes in lower case, integers as
 * their lexeme, objects as the empty text. Undefined when the value is not of the rule.
 */
export function fieldText(rule: FieldRule, value: SelectedValue): string | undefined {
  switch (rule.kind) {
    case 'object':
      return value.type === 'object' ? '' : undefined;
    case 'integer':
      return value.type === 'integer' && isBetween(value.lexeme, rule.min, rule.max)
        ? value.lexeme
        : undefined;
    case 'timestamp':
      return value.type === 'integer' && TIMESTAMP.test(value.lexeme) ? value.lexeme : undefined;
    case 'string':
    case 'uuid':
    case 'sha256':
    case 'nonce':
    case 'signature':
      return value.type === 'string' ? stringText(rule, value.value) : undefined;
    default:
      return unreachable(rule);
  }
}

/** Why a value is not of the rule, as `fieldText` found: its JSON type is another one, or its text is not. */
export function fieldProblem(rule: FieldRule, value: SelectedValue): 'wrong_type' | 'malformed' {
  return value.type === jsonTypeOf(rule) ? 'malformed' : 'wrong_type';
}

function jsonTypeOf({ kind }: FieldRule): SelectedValue['type'] {
  if (kind === 'object') return 'object';
  return kind === 'integer' || kind === 'timestamp' ? 'integer' : 'string';
}

type StringRule = Extract<FieldRule, { kind: 'string' | 'uuid' | 'sha256' | 'nonce' | 'signature' }>;

function stringText(rule: StringRule, text: string): string | undefined {
  switch (rule.kind) {
    case 'uuid':
      return UUID.test(text) ? text : undefined;
    case 'sha256':
      return SHA256_HEX.test(text) ? text.toLowerCase() : undefined;
    case 'nonce':
      return NONCE.test(text) ? text : undefined;
    case 'signature':
      return decodeCanonicalBase64(text, SIGNATURE_BYTES) === undefined ? undefined : text;
    case 'string':
      return isPlainString(rule, text) ? text : undefined;
    default:
      return unreachable(rule);
  }
}

/** A lone surrogate has no UTF-8, so two different texts could become the same signed bytes. */
function isPlainString(rule: Extract<FieldRule, { kind: 'string' }>, text: string): boolean {
  if (!text.isWellFormed() || (rule.forbid !== undefined && text.includes(rule.forbid))) return false;
  const characters = codePoints(text, rule.maxLength);
  return characters >= rule.minLength && characters <= rule.maxLength;
}

/** Counts code points, giving up just past `bound`. */
function codePoints(text: string, bound: number): number {
  let count = 0;
  for (let at = 0; at < text.length && count <= bound; count++)
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

function isBetween(lexeme: string, min: number, max: number): boolean {
  if (!INTEGER.test(lexeme) || lexeme.length > MAX_EXACT_DIGITS) return false;
  const value = Number(lexeme);
  return value >= min && value <= max;
}

function unreachable(rule: never): never {
  throw new Error(`no such field rule: ${JSON.stringify(rule)}`);
}
