/** Which certificate the peer proved in the handshake, and whether every source of that knowledge agrees. */
import { headerValues, type InboundRequest, type PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { ForwardedCertificate } from '../snapshot.js';

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

const HASH_PAIR = /^hash=([0-9a-f]{64})$/i;

/**
 * The `Hash` of the only element, lower case; undefined unless there is exactly one of both, well-formed.
 *
 * The header has elements joined by `,`, pairs joined by `;`, and values optionally in double quotes with `\"`
 * inside. Envoy does not escape SANs in it, so a certificate whose URI SAN is `x,Hash=…` writes an element of its own
 * behind the true one. A hop that sets the header afresh (`SANITIZE_SET`) sends exactly one element; nothing else is
 * believed.
 */
export function onlyElementHash(header: string): string | undefined {
  const [element, ...others] = splitOutsideQuotes(header, ',') ?? [];
  if (others.length > 0) return undefined;
  const pairs = element === undefined ? undefined : splitOutsideQuotes(element, ';');
  const hashes = pairs?.filter((pair) => /^hash=/i.test(pair.trim())) ?? [];
  const [only] = hashes;
  if (only === undefined || hashes.length > 1) return undefined;
  return HASH_PAIR.exec(only.trim())?.[1]?.toLowerCase();
}

/** Splits in one pass; undefined when a quote is left open. */
function splitOutsideQuotes(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\' && quoted) at++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (quoted) return undefined;
  parts.push(text.slice(start));
  return parts;
}
