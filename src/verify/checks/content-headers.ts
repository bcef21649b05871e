/** Whether the body is announced as what the route reads: no content encoding, and JSON where JSON is judged. */
import { headerValues, type InboundRequest } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';

/**
 * The signature covers the bytes as they came, so an encoded body would be judged as something else. One
 * `identity` changes nothing; a list or a second header is refused, as it may be read either way.
 */
export function checkContentHeaders(request: InboundRequest, json: boolean): Refusal | undefined {
  const [coding, anotherCoding] = headerValues(request, 'content-encoding');
  if (coding !== undefined && (anotherCoding !== undefined || !isIdentityCoding(coding)))
    return refuse('content_encoding');
  if (!json) return undefined;
  const [type, anotherType] = headerValues(request, 'content-type');
  if (type === undefined) return refuse('content_type', 'there is no content-type');
  if (anotherType !== undefined) return refuse('content_type', 'there are several content-types');
  return isJsonMediaType(type)
    ? undefined
    : refuse('content_type', 'not application/json, or a parameter other than charset=utf-8');
}

/** Type, subtype, parameter name and charset are case-insensitive; no white space stands around a `=`. */
const JSON_MEDIA_TYPE = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*$/i;

/**
 * `application/json` (RFC 9110, section 8.3), without a parameter or with exactly one, `charset=utf-8`, quoted or not.
 * JSON is UTF-8 (RFC 8259, section 8.1), yet frameworks honour a `charset` and then read other text out of the same
 * bytes; so no other character set may be announced.
 */
export function isJsonMediaType(value: string): boolean {
  return JSON_MEDIA_TYPE.test(value);
}

/** Whether a `content-encoding` leaves the bytes as they are: exactly `identity` (RFC 9110, section 12.5.3). */
export function isIdentityCoding(value: string): boolean {
  return value.toLowerCase() === 'identity';
}
