/**
 * What an allow took, as one text that goes with it through Envoy and comes back with Envoy's word on what became of it:
 * enough to give nonce and slot back from any process, so that none has to remember anything of the allows it gave.
 * Only the verifier writes it, into metadata that no client can set; nothing in it is a client's text, but a hash of it.
 */
import type { ClaimPlan } from './effects.js';

/** A nonce that was claimed, and the slot of a rate limit that went with it. */
export interface TakenClaim extends Pick<ClaimPlan, 'key' | 'identity' | 'timestampSeconds'> {
  /** `Reservation.slot`; undefined where there was no limit. */
  readonly slot: string | undefined;
}

/** Texts of another version are not read. */
const VERSION = 1;
const KEY_BYTES = 32;
/** Far more than the longest names that a configuration may hold. */
const MAX_CHARACTERS = 4_096;

/** One text, opaque to everybody else. */
export function claimText({ key, timestampSeconds, identity, slot }: TakenClaim): string {
  // Joined by hand: of the whole, `JSON.stringify` takes twice as long.
  const named = `${JSON.stringify(identity)},${slot === undefined ? 'null' : JSON.stringify(slot)}`;
  return `[${VERSION},"${key.toString('base64url')}",${timestampSeconds},${named}]`;
}

/** Undefined for whatever `claimText` of this version has not written. */
export function readClaimText(text: string): TakenClaim | undefined {
  const parts = text.length > MAX_CHARACTERS ? undefined : parsed(text);
  if (!Array.isArray(parts) || parts.length !== 5 || parts[0] !== VERSION) return undefined;
  const [, encodedKey, timestampSeconds, identity, slot] = parts as readonly unknown[];
  if (typeof encodedKey !== 'string' || typeof identity !== 'string') return undefined;
  if (typeof timestampSeconds !== 'number' || !Number.isSafeInteger(timestampSeconds)) return undefined;
  if (slot !== null && typeof slot !== 'string') return undefined;
  const key = Buffer.from(encodedKey, 'base64url');
  if (key.length !== KEY_BYTES || key.toString('base64url') !== encodedKey) return undefined;
  return { key, identity, timestampSeconds, slot: slot ?? undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
