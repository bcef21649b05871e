/** The store for one process that may forget everything when it ends: it then starts with the floor of docs/security-requirements.md#16. */
import { noteDelivery, NonceIndex } from './nonce-index.js';
import {
  checkNonceStoreOptions,
  type ClaimOutcome,
  type NonceClaim,
  type NonceStore,
  type NonceStoreOptions,
} from './nonce-store.js';
import { startFloorSeconds, stepDetectorOf, storeStatus } from './store-status.js';

const DIVERGED: ClaimOutcome = { kind: 'doubt', reason: 'clock_diverged' };
const CLOSED: ClaimOutcome = { kind: 'doubt', reason: 'store_unavailable' };

/** A `NonceStore` that answers at once. */
interface MemoryNonceStore extends NonceStore {
  claim(claim: NonceClaim): ClaimOutcome;
  withdraw(claim: NonceClaim): void;
  areAwaited(keys: readonly Buffer[]): readonly boolean[];
  /** Forgets what has expired; cheap, and done by every claim and by `status` as well. */
  tick(): void;
}

/**
 * Makes an empty store. It remembers nothing from before, so it refuses every timestamp up to
 * `now + futureSkewSeconds`. There are no timers. Throws `StorageError` on impossible options.
 */
export function createMemoryNonceStore(options: NonceStoreOptions): MemoryNonceStore {
  checkNonceStoreOptions(options);
  const index = new NonceIndex(options);
  const stepDetector = stepDetectorOf(index, options);
  index.raiseFloor(startFloorSeconds(options.clock.nowMs(), options.futureSkewSeconds));
  let closed = false;

  function tick(): void {
    const nowMs = stepDetector.observe();
    if (nowMs !== undefined) index.advance(nowMs);
  }
  return {
    name: 'memory',
    claim(claim) {
      if (closed) return CLOSED;
      const nowMs = stepDetector.observe();
      if (nowMs === undefined) return DIVERGED;
      if (claim.stillWanted?.() === false) return { kind: 'doubt', reason: 'abandoned' };
      return index.claim(claim, nowMs);
    },
    withdraw(claim) {
      index.withdraw(claim.key, claim.requestId);
    },
    noteDeliveries(deliveries) {
      for (const delivery of deliveries)
        if (noteDelivery(index, delivery) === 'withdrawn') delivery.onWithdrawn();
    },
    areAwaited: (keys) => keys.map((key) => index.isAwaited(key)),
    tick,
    status() {
      tick();
      return storeStatus({ index, stepDetector, options, fault: closed ? 'the store is closed' : undefined });
    },
    close() {
      closed = true;
      index.clear();
      return Promise.resolve();
    },
  };
}
