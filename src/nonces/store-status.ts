/** The status that the stores over a `NonceIndex` report, and the floor that every store starts from. */
import { ClockStepDetector } from './clock-step-detector.js';
import type { NonceIndex } from './nonce-index.js';
import type { NonceStoreOptions, NonceStoreStatus } from './nonce-store.js';

/** docs/security-requirements.md#16: whatever an earlier process let in has a timestamp of at most its last moment plus the window. */
export function startFloorSeconds(startMs: number, futureSkewSeconds: number): number {
  return Math.floor(startMs / 1000) + futureSkewSeconds;
}

/** A detector that raises the index's floor when a stepped clock is believed again, as a start without state would. */
export function stepDetectorOf(index: NonceIndex, options: NonceStoreOptions): ClockStepDetector {
  const { clock, clockStepMs: stepMs, clockSettleMs: settleMs, futureSkewSeconds } = options;
  const onSettled = (latestMs: number) => index.raiseFloor(startFloorSeconds(latestMs, futureSkewSeconds));
  return new ClockStepDetector({ clock, stepMs, settleMs, onSettled });
}

/** What a store knows about itself; `fault` is why it cannot serve at all. */
interface StoreParts {
  readonly index: NonceIndex;
  readonly stepDetector: ClockStepDetector;
  readonly options: NonceStoreOptions;
  readonly fault: string | undefined;
}

/** `unhealthy` also while a request signed this very second would be refused for the floor. */
export function storeStatus({ index, stepDetector, options, fault }: StoreParts): NonceStoreStatus {
  const nowSeconds = Math.floor(options.clock.nowMs() / 1000);
  const forgotten = index.forgottenThroughSeconds();
  const wentBack = forgotten >= nowSeconds - options.pastSkewSeconds;
  const floorSeconds = wentBack ? Math.max(index.floorSeconds(), forgotten) : index.floorSeconds();
  const unhealthy = fault ?? stepDetector.doubt() ?? floorReason(floorSeconds, nowSeconds);
  const status = {
    entries: index.entries(),
    maxEntries: options.maxEntries,
    floorSeconds,
    clockSteps: stepDetector.steps(),
  };
  return unhealthy === undefined ? status : { ...status, unhealthy };
}

/** Why a floor refuses a request that is signed now; undefined when it does not. */
export function floorReason(floorSeconds: number, nowSeconds: number): string | undefined {
  if (floorSeconds < nowSeconds) return undefined;
  const secondsLeft = floorSeconds - nowSeconds + 1;
  return `what was accepted before is not known; requests signed within the next ${secondsLeft} s are refused`;
}
