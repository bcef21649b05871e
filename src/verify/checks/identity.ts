/** Whether the asserted identity exists, is not revoked, and this certificate is its own now: by a pin, or else by a name. */
import type { Assurance } from '../decision.js';
import type { PeerCertificate } from '../inbound-request.js';
import { refuse, type Refusal, type RefusalCode } from '../refusal.js';
import { checkCertificateNames } from './certificate-name.js';
import type { SignedRequest } from './security-headers.js';
import type { CertificatePin, Identity, Snapshot } from '../snapshot.js';
import { isValidAt } from '../../protocol/validity-interval.js';

/** An identity that the certificate proves, and what that rests on. */
interface KnownIdentity {
  readonly kind: 'identity';
  readonly identity: Identity;
  readonly assurance: Assurance;
}

/** Ties the asserted name to the certificate of the handshake. The caller's own claim must agree with the truth. */
export function checkIdentity(
  signed: SignedRequest,
  certificate: PeerCertificate,
  snapshot: Snapshot,
  nowMs: number,
): KnownIdentity | Refusal {
  const claim = signed.claimedCertificateSha256;
  if (claim !== undefined && claim !== certificate.certificateSha256)
    return refuse('certificate_claim_mismatch');
  const identity = snapshot.identities.get(signed.identity);
  if (identity === undefined) return refuse('identity_unknown');
  if (identity.revoked) return refuse('identity_revoked');
  const pinned = checkPins(identity, certificate, nowMs);
  if (pinned === 'certificate_pin' || pinned === 'key_pin')
    return { kind: 'identity', identity, assurance: pinned };
  const named = checkCertificateNames(identity, certificate, snapshot, nowMs);
  if (named === 'unnamed') return refuse(PIN_REFUSALS[pinned]);
  if (typeof named === 'string') return { kind: 'identity', identity, assurance: named };
  return named.code === 'certificate_name_mismatch' && pinned !== 'mismatch'
    ? refuse(PIN_REFUSALS[pinned])
    : named;
}

/** Why no pin proves the identity. `unknown`: it is pinned by its key, and only the certificate's hash is known. */
type PinFault = 'mismatch' | 'unknown' | 'not_valid';

const PIN_REFUSALS = {
  mismatch: 'pin_mismatch',
  unknown: 'certificate_details_missing',
  not_valid: 'pin_not_valid',
} as const satisfies Readonly<Record<PinFault, RefusalCode>>;

/** The strongest pin that counts now. */
function checkPins(
  { pins }: Identity,
  certificate: PeerCertificate,
  nowMs: number,
): Extract<Assurance, 'certificate_pin' | 'key_pin'> | PinFault {
  let hasKeyPin = false;
  let fault: PinFault = 'mismatch';
  for (const pin of pins) {
    if (!isPinOf(pin, certificate)) {
      if (pin.kind === 'spki' && certificate.spkiSha256 === undefined && fault === 'mismatch')
        fault = 'unknown';
    } else if (!isValidAt(pin, nowMs)) fault = 'not_valid';
    else if (pin.kind === 'certificate') return 'certificate_pin';
    else hasKeyPin = true;
  }
  return hasKeyPin ? 'key_pin' : fault;
}

function isPinOf(pin: CertificatePin, certificate: PeerCertificate): boolean {
  return pin.sha256 === (pin.kind === 'certificate' ? certificate.certificateSha256 : certificate.spkiSha256);
}
