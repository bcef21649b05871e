/** Which certificate the peer proved in the handshake, and whether every source of that knowledge agrees. */
import { trustDomainOf } from '../../protocol/spiffe-id.js';
import { headerValues, type InboundRequest, type PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { ForwardedCertificate } from '../snapshot.js';

/** What a hop wrote in `x-forwarded-client-cert`. */
interface Forwarded {
  /** 64 lower-case hex digits. */
  readonly sha256: string | undefined;
  /** Of the mesh. */
  readonly meshId: string | undefined;
}

interface Peer {
  readonly kind: 'peer';
  readonly certificate: PeerCertificate;
}

/**
 * The true certificate: Envoy's `source.certificate`, or, where a trusted hop is declared and there is none, what that hop
 * says in `x-forwarded-client-cert`: the hash, or the SPIFFE ID of a mesh. Two sources that disagree are a refusal.
 */
export function checkPeerCertificate(
  request: InboundRequest,
  forwarded: ForwardedCertificate,
): Peer | Refusal {
  const own = request.peerCertificate;
  if (own === 'malformed') return refuse('certificate_malformed');
  const hop = forwarded === 'ignore' ? undefined : fromHop(request, forwarded);
  if (hop === 'malformed') return refuse('certificate_malformed', 'x-forwarded-client-cert');
  if (own === 'missing') return hop === undefined ? refuse('certificate_missing') : peerOfHop(hop);
  if (hop === undefined) return { kind: 'peer', certificate: own };
  return agrees(hop, own)
    ? { kind: 'peer', certificate: withMeshId(own, hop) }
    : refuse('certificate_sources_disagree');
}

function peerOfHop({ sha256, meshId }: Forwarded): Peer {
  const certificate = { certificateSha256: sha256, spkiSha256: undefined };
  return { kind: 'peer', certificate: meshId === undefined ? certificate : { ...certificate, meshId } };
}

function withMeshId(own: PeerCertificate, { meshId }: Forwarded): PeerCertificate {
  return meshId === undefined ? own : { ...own, meshId };
}

/** Where the hop gives no hash, the certificate has to bear the name itself. */
function agrees({ sha256, meshId }: Forwarded, { certificateSha256, leaf }: PeerCertificate): boolean {
  if (sha256 !== undefined) return sha256 === certificateSha256;
  const uris = leaf?.facts.uris ?? [];
  return uris.length === 1 && uris[0] === meshId;
}

/** What is demanded of it; undefined when the hop sent none. */
function fromHop(
  request: InboundRequest,
  forwarded: Exclude<ForwardedCertificate, 'ignore'>,
): Forwarded | 'malformed' | undefined {
  const values = headerValues(request, 'x-forwarded-client-cert');
  const [only] = values;
  if (only === undefined) return undefined;
  if (values.length > 1) return 'malformed';
  if (forwarded === 'mesh-identity') return onlyElementNames(only) ?? 'malformed';
  const sha256 = onlyElementHash(only);
  return sha256 === undefined ? 'malformed' : { sha256, meshId: undefined };
}

const SHA256 = /^[0-9a-f]{64}$/i;

/**
 * The `Hash` of the only element, lower case; undefined unless there is exactly one of both, well-formed.
 *
 * The header has elements joined by `,`, pairs joined by `;`, and values optionally in double quotes with `\"`
 * inside. Envoy does not escape SANs in it, so a certificate whose URI SAN is `x,Hash=…` writes an element of its own
 * behind the true one. A hop that sets the header afresh (`SANITIZE_SET`) sends exactly one element; nothing else is
 * believed.
 */
export function onlyElementHash(header: string): string | undefined {
  const hashes = valuesOf(pairsOfOnlyElement(header), 'hash');
  const [only] = hashes;
  return hashes.length === 1 && only !== undefined && SHA256.test(only) ? only.toLowerCase() : undefined;
}

/**
 * The `URI` of the only element, which has to be the SPIFFE ID of a workload, and its `Hash` if it has one; undefined
 * for everything else. A SPIFFE ID has no character that means something in the header, so it says what it looks like;
 * two of them, as a certificate with two URIs would write, are none.
 */
function onlyElementNames(header: string): Forwarded | undefined {
  const pairs = pairsOfOnlyElement(header);
  const [meshId, ...otherIds] = valuesOf(pairs, 'uri');
  if (meshId === undefined || otherIds.length > 0 || trustDomainOf(meshId) === undefined) return undefined;
  if (valuesOf(pairs, 'hash').length === 0) return { sha256: undefined, meshId };
  const sha256 = onlyElementHash(header);
  return sha256 === undefined ? undefined : { sha256, meshId };
}

/** The pairs of the header's only element; none where it has several, or is out of form. */
function pairsOfOnlyElement(header: string): readonly string[] {
  const [element, ...others] = splitOutsideQuotes(header, ',') ?? [];
  return element === undefined || others.length > 0 ? [] : (splitOutsideQuotes(element, ';') ?? []);
}

/** What stands behind `name=`, of every pair of that name, whatever its case. */
function valuesOf(pairs: readonly string[], name: string): readonly string[] {
  const beginning = `${name}=`;
  return pairs
    .map((pair) => pair.trim())
    .filter((pair) => pair.slice(0, beginning.length).toLowerCase() === beginning)
    .map((pair) => pair.slice(beginning.length));
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
