/** Whether the asserted identity exists, is not revoked, and has this certificate pinned now. */
import type { PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { SignedRequest } from './security-headers.js';
import type { CertificatePin, Identity, Snapshot } from '../snapshot.js';
import { isValidAt } from '../../protocol/validity-interval.js';

/** Ties the asserted name to the certificate of the handshake. The caller's own claim must agree with the truth. */
export function checkIdentity(
  signed: SignedRequest,
  certificate: PeerCertificate,
  snapshot: Snapshot,
  nowMs: number,
): { readonly kind: 'identity'; readonly identity: Identity } | Refusal {
  const claim = signed.claimedCertificateSha256;
  if (claim !== undefined && claim !== certificate.certificateSha256)
    return refuse('certificate_claim_mismatch');
  const identity = snapshot.identities.get(signed.identity);
  if (identity === undefined) return refuse('identity_unknown');
  if (identity.revoked) return refuse('identity_revoked');
  let isPinned = false;
  for (const pin of identity.pins) {
    if (!isPinOf(pin, certificate)) continue;
    if (isValidAt(pin, nowMs)) return { kind: 'identity', identity };
    isPinned = true;
  }
  return refuse(isPinned ? 'pin_not_valid' : 'pin_mismatch');
}

function isPinOf(pin: CertificatePin, certificate: PeerCertificate): boolean {
  return pin.sha256 === (pin.kind === 'certificate' ? certificate.certificateSha256 : certificate.spkiSha256);
}
