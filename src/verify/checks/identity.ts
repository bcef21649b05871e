/** Whether the asserted identity exists, is not revoked, and has this certificate pinned now. */
import type { PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal } from '../refusal.js';
import type { SignedRequest } from '../signed-request.js';
import type { CertificatePin, Identity, Snapshot } from '../snapshot.js';
import { isValidAt } from '../validity-interval.js';

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
  const pins = identity.pins.filter((pin) => isPinOf(pin, certificate));
  if (pins.length === 0) return refuse('pin_mismatch');
  return pins.some((pin) => isValidAt(pin, nowMs)) ? { kind: 'identity', identity } : refuse('pin_not_valid');
}

function isPinOf(pin: CertificatePin, certificate: PeerCertificate): boolean {
  return pin.sha256 === (pin.kind === 'certificate' ? certificate.certificateSha256 : certificate.spkiSha256);
}
