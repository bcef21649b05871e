/** Which certificate the peer proved in the handshake, and whether every source of that knowledge agrees. */
import { headerValues, type InboundRequest, type PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { ForwardedCertificate } from '../snapshot.js';
import { onlyElementHash } from '../forwarded-client-cert.js';

/**
 * The true certificate: Envoy's `source.certificate`, or, where a trusted hop is declared and there is none,
 * the hash in that hop's `x-forwarded-client-cert`. Two sources that disagree are a refusal.
 */
export function checkPeerCertificate(
  request: InboundRequest,
  forwarded: ForwardedCertificate,
): { readonly kind: 'peer'; readonly certificate: PeerCertificate } | Refusal {
  const own = request.peerCertificate;
  if (own === 'malformed') return refuse('certificate_malformed');
  const hop = forwarded === 'trusted-hop' ? fromTrustedHop(request) : undefined;
  if (hop === 'malformed') return refuse('certificate_malformed', 'x-forwarded-client-cert');
  if (own !== 'missing' && hop !== undefined && hop !== own.certificateSha256)
    return refuse('certificate_sources_disagree');
  if (own !== 'missing') return { kind: 'peer', certificate: own };
  if (hop === undefined) return refuse('certificate_missing');
  return { kind: 'peer', certificate: { certificateSha256: hop, spkiSha256: undefined } };
}

/** 64 lower-case hex digits, or `malformed`; undefined when the hop sent none. */
function fromTrustedHop(request: InboundRequest): string | undefined {
  const values = headerValues(request, 'x-forwarded-client-cert');
  const [only] = values;
  if (only === undefined) return undefined;
  return (values.length === 1 ? onlyElementHash(only) : undefined) ?? 'malformed';
}
