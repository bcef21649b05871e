/** Whether Envoy delivered something that can be judged at all: raw headers, raw body, a plain request. */
import { headerValues, type InboundRequest } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';

/** Refuses what the filter's settings have already spoilt, and upgrades, CONNECT and a doubled `Host`. */
export function checkDelivery(request: InboundRequest): Refusal | undefined {
  if (!request.delivery.rawHeaders)
    return refuse('check_malformed', 'ext_authz needs encode_raw_headers: true');
  if (!request.delivery.rawBody)
    return refuse('check_malformed', 'ext_authz needs with_request_body.pack_as_bytes: true');
  if (request.method === '' || request.path === '')
    return refuse('check_malformed', 'the check has no method or no path');
  if (request.method === 'CONNECT' || headerValues(request, 'upgrade').length > 0)
    return refuse('upgrade_refused');
  if (request.authority.includes(',')) return refuse('authority_ambiguous');
  return undefined;
}
