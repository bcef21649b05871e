/**
 * Media types of JSON (RFC 9110, section 8.3). JSON is UTF-8 (RFC 8259, section 8.1), yet frameworks honour a
 * `charset` and then read other text out of the same bytes; so no other character set may be announced.
 */

/** Type, subtype, parameter name and charset are case-insensitive; no white space stands around a `=`. */
const JSON_MEDIA_TYPE = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?[ \t]*$/i;

/** `application/json`, without a parameter or with exactly one, `charset=utf-8`, quoted or not. */
export function isJsonMediaType(value: string): boolean {
  return JSON_MEDIA_TYPE.test(value);
}

/** Whether a `content-encoding` leaves the bytes as they are: exactly `identity` (RFC 9110, section 12.5.3). */
export function isIdentityCoding(value: string): boolean {
  return value.toLowerCase() === 'identity';
}
