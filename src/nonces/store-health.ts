/** The status that stores around a ledger report, and the floor that they start from. */
import { createClockGuard, type ClockGuard } from './clock-guard.js';
import type { NonceLedger } from './nonce-ledger.js';
import type { NonceStoreStatus } from './nonce-store.js';
import type { NonceStoreOptions } from './store-options.js';

/** docs/security-requirements.md#16: whatever an earlier process let in has a timestamp of at most its last moment plus the window. */
export function startFloorSeconds(startMs: number, futureSkewSeconds: number): number {
  return Math.floor(startMs / 1000) + futureSkewSeconds;
}

/** A clock guard whose settling raises the ledger's floor, as a start without state would. */
export function guardOver(ledger: NonceLedger, options: NonceStoreOptions): ClockGuard {
  const { clock, clockStepMs: stepMs, clockSettleMs: settleMs, futureSkewSeconds } = options;
  const onSettled = (latestMs: number) => ledger.raiseFloor(startFloorSeconds(latestMs, futureSkewSeconds));
  return createClockGuard({ clock, stepMs, settleMs, onSettled });
}

/** What a store knows about itself; `fault` is why it cannot serve at all. */
export interface StoreParts {
  readonly ledger: NonceLedger;
  readonly guard: ClockGuard;
  readonly options: NonceStoreOptions;
  readonly fault: string | undefined;
}

/** `unhealthy` also while a request signed this very second would be refused for the floor. */
export function storeHealth(parts: StoreParts): NonceStoreStatus {
  const { ledger, guard, options, fault } = parts;
  const nowSeconds = Math.floor(options.clock.nowMs() / 1000);
  const forgotten = ledger.forgottenThroughSeconds();
  const wentBack = forgotten >= nowSeconds - options.pastSkewSeconds;
  const floorSeconds = wentBack ? Math.max(ledger.floorSeconds(), forgotten) : ledger.floorSeconds();
  const unhealthy = fault ?? guard.doubt() ?? floorReason(floorSeconds, nowSeconds);
  const status = {
    entries: ledger.entries(),
    maxEntries: options.maxEntries,
    floorSeconds,
    clockSteps: guard.steps(),
  };
  return unhealthy === undefined ? status : { ...status, unhealthy };
}

/** Why a floor refuses a request that is signed now; undefined when it does not. */
export function floorReason(floorSeconds: number, nowSeconds: number): string | undefined {
  if (floorSeconds < nowSeconds) return undefined;
  const secondsLeft = floorSeconds - nowSeconds + 1;
  return `what was accepted before is not known; requests signed within the next ${secondsLeft} s are refused`;
}
