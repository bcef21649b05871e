/**
 * Where signing keys are that never come to us: what every source of signatures (a PKCS#11 token, Vault's Transit
 * engine) gives, whatever is behind it.
 */
import type { KeyReference } from '../feedback/feedback-key.js';
import type { KeySourceSettings } from './settings.js';

export type { KeyReference } from '../feedback/feedback-key.js';

/**
 * Why there is no signature. `away`: nobody answers, or not in time; `refused`: the source answers, and not with a
 * signature (no such key, no right to it); `overloaded`: more wait than may; `too_large`: longer than it signs.
 */
export type KeySourceFault = 'away' | 'refused' | 'overloaded' | 'too_large';

/** Bytes, or why there are none: `reason` is a sentence without subject, for logs, and holds no secret. */
export type KeySourceAnswer =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly fault: KeySourceFault; readonly reason: string };

/** Signs with keys that stay where they are. Nothing of it ever rejects. */
export interface KeySource {
  readonly name: string;
  readonly kind: KeySourceSettings['kind'];
  /** The longest message that it signs, in bytes. */
  readonly maxMessageBytes: number;
  /** 64 bytes of pure Ed25519 (RFC 8032 §5.1.6) over exactly these bytes. Not verified here: whoever asks verifies strictly. */
  sign(reference: KeyReference, message: Uint8Array): Promise<KeySourceAnswer>;
  /** The 32 raw bytes of the public half, as the source has it now; not judged as a point. */
  publicKey(reference: KeyReference): Promise<KeySourceAnswer>;
  /**
   * Looks for another token or the like to be asked with, and counts those that there were. Absent where only a restart
   * brings another one.
   */
  credentials?(): number;
  /** Ends what is under way (as `away`) and lets go of connections, sessions and processes. */
  close(): Promise<void>;
}
