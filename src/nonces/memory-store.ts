/** The store for one process that may forget everything when it ends: it then starts with the floor of docs/security-requirements.md#16. */
import { NonceLedger } from './nonce-ledger.js';
import type { ClaimOutcome, NonceClaim, NonceStore } from './nonce-store.js';
import { guardOver, startFloorSeconds, storeHealth } from './store-health.js';
import { checkNonceStoreOptions, type NonceStoreOptions } from './store-options.js';

const DIVERGED: ClaimOutcome = { kind: 'doubt', reason: 'clock_diverged' };
const CLOSED: ClaimOutcome = { kind: 'doubt', reason: 'store_unavailable' };

/** A `NonceStore` that answers at once. */
export interface MemoryNonceStore extends NonceStore {
  claim(claim: NonceClaim): ClaimOutcome;
  withdraw(claim: NonceClaim): void;
  /** Forgets what has expired; cheap, and done by every claim and by `status` as well. */
  tick(): void;
}

/**
 * Makes an empty store. It remembers nothing from before, so it refuses every timestamp up to
 * `now + futureSkewSeconds`. There are no timers. Throws `StorageError` on impossible options.
 */
export function createMemoryNonceStore(options: NonceStoreOptions): MemoryNonceStore {
  checkNonceStoreOptions(options);
  const ledger = new NonceLedger(options);
  const guard = guardOver(ledger, options);
  ledger.raiseFloor(startFloorSeconds(options.clock.nowMs(), options.futureSkewSeconds));
  let closed = false;

  function tick(): void {
    const nowMs = guard.observe();
    if (nowMs !== undefined) ledger.advance(nowMs);
  }
  return {
    name: 'memory',
    claim(claim) {
      if (closed) return CLOSED;
      const nowMs = guard.observe();
      if (nowMs === undefined) return DIVERGED;
      if (claim.stillWanted?.() === false) return { kind: 'doubt', reason: 'abandoned' };
      return ledger.claim(claim, nowMs);
    },
    withdraw(claim) {
      ledger.withdraw(claim.key, claim.requestId);
    },
    tick,
    status() {
      tick();
      return storeHealth({ ledger, guard, options, fault: closed ? 'the store is closed' : undefined });
    },
    close() {
      closed = true;
      ledger.clear();
      return Promise.resolve();
    },
  };
}
