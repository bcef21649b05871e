/** Whether the body is announced as what the route reads: no content encoding, and JSON where JSON is judged. */
import { headerValues, type InboundRequest } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';

/** RFC 9110 §8.3: type and subtype are case-insensitive; parameters, if any, follow a `;`. */
const JSON_MEDIA_TYPE = /^application\/json[ \t]*(?:;.*)?$/i;

/** The signature covers the bytes as they came, so an encoded body would be judged as something else. */
export function checkContentHeaders(request: InboundRequest, json: boolean): Refusal | undefined {
  if (headerValues(request, 'content-encoding').length > 0) return refuse('content_encoding');
  if (!json) return undefined;
  const types = headerValues(request, 'content-type');
  const [only] = types;
  const accepted = only !== undefined && types.length === 1 && JSON_MEDIA_TYPE.test(only);
  return accepted ? undefined : refuse('content_type');
}
