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

export class UnansweredClaims {
  /** When they were made, Unix ms, by their keys; more or less in that order. */
  readonly #madeAtMs = new Map<string, number>();

  /** Forgets those that nobody can be waiting for any longer, which processes that were killed have left. */
  add(key: Buffer, seenAtMs: number): void {
    for (const [oldest, madeAtMs] of this.#madeAtMs) {
      if (madeAtMs > seenAtMs - LONGEST_MS) break;
      this.#madeAtMs.delete(oldest);
    }
    this.#madeAtMs.set(nameOf(key), seenAtMs);
  }

  delete(key: Buffer): void {
    if (this.#madeAtMs.size > 0) this.#madeAtMs.delete(nameOf(key));
  }

  has(key: Buffer): boolean {
    return this.#madeAtMs.size > 0 && this.#madeAtMs.has(nameOf(key));
  }

  clear(): void {
    this.#madeAtMs.clear();
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1', 0, KEPT_KEY_BYTES);
}
