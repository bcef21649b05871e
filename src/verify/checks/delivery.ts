/** Whether Envoy delivered a plain request that can be judged: raw headers, raw body, and later the whole of that body. */
import { headerValues, type InboundRequest } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';

/** Refuses what the filter's settings have already spoilt, and upgrades, CONNECT and a doubled `Host`. */
export function checkDelivery(request: InboundRequest): Refusal | undefined {
  if (!request.rawHeaders) return refuse('check_malformed', 'ext_authz needs encode_raw_headers: true');
  if (!request.rawBody)
    return refuse('check_malformed', 'ext_authz needs with_request_body.pack_as_bytes: true');
  if (request.settingsFault !== undefined) return refuse('check_malformed', request.settingsFault);
  if (request.method === 'CONNECT' || headerValues(request, 'upgrade').length > 0)
    return refuse('upgrade_refused');
  if (request.method === '' || request.path === '')
    return refuse('check_malformed', 'the check has no method or no path');
  if (request.authority.includes(',')) return refuse('authority_ambiguous');
  return undefined;
}

const DECIMAL = /^(0|[1-9][0-9]{0,9})$/;

/**
 * Whether these bytes are the whole body (docs/envoy-behaviour.md#3), and no more than the policy takes.
 * Envoy marks a body that it cut with `x-envoy-auth-partial-body: true`, but sends an over-long last HTTP/2
 * frame upstream after our OK: so the mark must say `false`, and every count must equal what we hold.
 */
export function checkWholeBody(request: InboundRequest, maxBodyBytes: number): Refusal | undefined {
  if (request.absentBody !== undefined) return refuse('body_not_whole', request.absentBody);
  const length = request.body.length;
  const marks = headerValues(request, 'x-envoy-auth-partial-body');
  if (marks.some((mark) => mark !== 'false'))
    return refuse('body_not_whole', 'Envoy marked the body as partial');
  if (length > 0 && marks.length !== 1)
    return refuse('body_not_whole', 'Envoy did not mark the body as whole');
  if ((request.declaredSize ?? 0) !== length)
    return refuse('body_not_whole', 'the size that Envoy counted differs');
  if (!lengthHeaderAgrees(request, length)) return refuse('body_not_whole', 'content-length differs');
  if (length <= maxBodyBytes) return undefined;
  return {
    ...refuse('body_too_large', `over ${maxBodyBytes} bytes`),
    limit: { name: 'maxBodyBytes', value: maxBodyBytes },
  };
}

function lengthHeaderAgrees(request: InboundRequest, length: number): boolean {
  const values = headerValues(request, 'content-length');
  const [only] = values;
  if (only === undefined) return true;
  return values.length === 1 && DECIMAL.test(only) && Number(only) === length;
}
