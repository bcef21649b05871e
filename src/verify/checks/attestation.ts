/** Whether the attestation measurement hash is one that this identity may present. */
import { refuse, type Refusal } from '../refusal.js';
import type { Identity } from '../snapshot.js';

/** `attestation` is 64 lower-case hex digits by now; its syntax was part of the body contract. */
export function checkAttestation(attestation: string | undefined, identity: Identity): Refusal | undefined {
  if (attestation === undefined || identity.attestations === undefined) return undefined;
  return identity.attestations.has(attestation) ? undefined : refuse('attestation_not_allowed');
}
