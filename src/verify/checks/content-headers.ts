/** Whether the body is announced as what the route reads: no content encoding, and JSON where JSON is judged. */
import { headerValues, type InboundRequest } from '../inbound-request.js';
import { isIdentityCoding, isJsonMediaType } from '../media-type.js';
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
