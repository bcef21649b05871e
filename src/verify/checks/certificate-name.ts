/**
 * Whether the peer is known by a name: one of its certificate, issued for it under a declared authority, or the SPIFFE ID
 * that a declared mesh says. Weaker than a pin: whoever can have the authority issue a certificate can be the identity.
 */
import type { LeafCertificate } from '../../crypto/authority.js';
import { isValidAt } from '../../protocol/validity-interval.js';
import type { Assurance } from '../decision.js';
import type { PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { CertificateName, Identity, Snapshot } from '../snapshot.js';

/** What the names of an identity come to; `unnamed` where it has none. */
export type NameVerdict = Assurance | Refusal | 'unnamed';

/** The first name that holds counts; where none does, the refusal that came nearest to one. */
export function checkCertificateNames(
  { certificateNames = [], meshNames = [] }: Identity,
  peer: PeerCertificate,
  { authorities }: Snapshot,
  nowMs: number,
): NameVerdict {
  if (certificateNames.length === 0 && meshNames.length === 0) return 'unnamed';
  let nearest: Refusal | undefined;
  for (const expected of certificateNames) {
    const verdict = judgeName(expected, peer.leaf, authorities, nowMs);
    if (verdict === 'holds') return 'name_under_authority';
    if (verdict !== 'other') nearest ??= verdict;
  }
  for (const expected of meshNames) {
    if (expected.name !== peer.meshId) continue;
    if (isValidAt(expected, nowMs)) return 'mesh_identity';
    nearest ??= refuse('certificate_name_not_valid', 'the name does not count now');
  }
  return nearest ?? refuse('certificate_name_mismatch', peer.leaf?.facts.unfit);
}

function judgeName(
  expected: CertificateName,
  leaf: LeafCertificate | undefined,
  authorities: Snapshot['authorities'],
  nowMs: number,
): 'holds' | 'other' | Refusal {
  if (leaf === undefined) return refuse('certificate_details_missing');
  const { facts } = leaf;
  if (!bears(expected, facts)) return 'other';
  if (facts.unfit !== undefined) return refuse('certificate_untrusted', facts.unfit);
  const authority = authorities?.get(expected.authority);
  const issuers = authority === undefined ? [] : leaf.issuersIn(authority);
  if (issuers.length === 0) return refuse('certificate_untrusted', `not issued by ${expected.authority}`);
  const late = untimely(expected, facts, nowMs);
  if (late !== undefined) return refuse('certificate_name_not_valid', late);
  const isIssuerValid = issuers.some((issuer) => isValidAt(issuer, nowMs));
  return isIssuerValid ? 'holds' : refuse('certificate_name_not_valid', 'its issuer is not valid now');
}

/** X509-SVID, section 2: a certificate has exactly one URI. A DNS name may be one of several. */
function bears({ kind, name }: CertificateName, { uris, dnsNames }: LeafCertificate['facts']): boolean {
  return kind === 'uri' ? uris.length === 1 && uris[0] === name : dnsNames.has(name);
}

/** Judged at every request: a connection may outlive the certificate that it was opened with. */
function untimely(
  expected: CertificateName,
  facts: LeafCertificate['facts'],
  nowMs: number,
): string | undefined {
  if (!isValidAt(expected, nowMs)) return 'the name does not count now';
  if (!isValidAt(facts, nowMs)) return 'the certificate is not valid now';
  return facts.notBeforeMs < expected.issuedFromMs ? 'the certificate was issued too early' : undefined;
}
