/** What a source and the process of its module tell each other. */
import type { Pkcs11Settings } from '../settings.js';

/** How many signatures a token is asked for at once at most, each in a session and a thread of its own. */
export const AT_ONCE = 8;
/** The descriptor that is open from the parent to the process for as long as the parent lives. */
export const LIFELINE = 4;

/** The first message: arguments can be read by every user of the machine, so the PIN is here. */
export interface OpenMessage extends Pick<Pkcs11Settings, 'modulePath' | 'token' | 'slot'> {
  readonly pin: string;
}

/** One question; with a message its signature is asked for, and without one the public half of the key. */
export interface Question {
  readonly id: number;
  /** The label of the private key. */
  readonly key: string;
  readonly message: Uint8Array | undefined;
}

/**
 * What the process says: that the token is open, and how much may be under way; that it ends, and why (after
 * `isPinFault` nobody tries that PIN again); the answer to a question.
 */
export type ProcessMessage =
  | { readonly kind: 'ready'; readonly atOnce: number }
  | { readonly kind: 'ends'; readonly reason: string; readonly isPinFault: boolean }
  | { readonly kind: 'answer'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };
