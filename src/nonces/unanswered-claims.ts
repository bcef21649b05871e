/** Claims whose callers were not answered yet, as far as a journal tells: few, whatever is remembered in all. */
import { KEPT_KEY_BYTES } from './entry-table.js';
import type { NonceClaim } from './nonce-store.js';

/** What became of a claim of this process, and is still to be written. */
export interface Note {
  readonly kind: 'stands' | 'withdrawn';
  readonly claim: NonceClaim;
}

/** No claim stays unanswered for so long: the longest check that can be configured, with the grace after it. */
const LONGEST_MS = 61_000;

interface Made {
  /** Unix ms. */
  readonly atMs: number;
  readonly requestId: string;
}

export class UnansweredClaims {
  /** By their keys; more or less in the order in which they were made. */
  readonly #made = new Map<string, Made>();

  /** Forgets those that nobody can be waiting for any longer, which processes that were killed have left. */
  add(key: Buffer, atMs: number, requestId: string): void {
    for (const [oldest, made] of this.#made) {
      if (made.atMs > atMs - LONGEST_MS) break;
      this.#made.delete(oldest);
    }
    this.#made.set(nameOf(key), { atMs, requestId });
  }

  delete(key: Buffer): void {
    if (this.#made.size > 0) this.#made.delete(nameOf(key));
  }

  has(key: Buffer): boolean {
    return this.#made.size > 0 && this.#made.has(nameOf(key));
  }

  /** Whether the claim is that of `requestId`. */
  isOf(key: Buffer, requestId: string): boolean {
    return this.#made.get(nameOf(key))?.requestId === requestId;
  }

  clear(): void {
    this.#made.clear();
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1', 0, KEPT_KEY_BYTES);
}
