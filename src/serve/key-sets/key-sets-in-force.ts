/** The key sets of one process, from the settings to the snapshot: fetched, put over the configuration in force, and told of. */
import type { Logger } from 'pino';
import { KeySets } from '../../keys/key-sets/key-sets.js';
import type { KeySetsLook, KeySetState } from '../../observability/key-sets-view.js';
import { systemClock as clock } from '../clocks.js';
import type { LifeRecords } from '../life-records.js';
import type { LiveConfiguration } from '../reload/live-configuration.js';
import { KeySetOverlay, staleAt } from './key-set-overlay.js';
import { KeySetReport } from './key-set-report.js';

/** A set that has not answered by then is not waited for any longer: others have theirs. */
const FIRST_FETCHES_MILLISECONDS = 10_000;
/** Looking at ten thousand sets takes a millisecond. */
const LOOK_MILLISECONDS = 1_000;

/** What it works with. */
interface KeySetsOptions {
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly life: Pick<LifeRecords, 'fetchedKeys' | 'keySet'>;
}

/** Key sets that are followed. */
export interface KeySetsInForce extends KeySetsLook {
  close(): void;
}

/** Begins to fetch at once; from now on `live` has their keys. */
export function followKeySets({ live, logger, life }: KeySetsOptions): KeySetsInForce {
  const startedMs = clock.monotonicMs();
  const report = new KeySetReport({ logger, life });
  const sets = new KeySets({
    nowMs: clock.nowMs,
    onChange: () => live.extendBy(extend),
    onDefect: (error) => logger.error({ err: error }, 'a fetch of a key set failed by a defect'),
  });
  const overlay = new KeySetOverlay(sets);
  const extend: Parameters<LiveConfiguration['extendBy']>[0] = (loaded) => {
    const extended = overlay.extend(loaded);
    report.changed(overlay.inForce, loaded.snapshot.generation);
    return extended;
  };
  live.extendBy(extend);
  const states = (): KeySetState[] =>
    overlay.inForce.map((set) => {
      const look = sets.look(set.settings);
      const { lastSuccessMs, fault, isPending } = look;
      return { ...set, lastSuccessMs, fault, isPending, staleMs: staleAt(set.settings, look) };
    });
  const timer = setInterval(() => report.look(states(), clock.nowMs()), LOOK_MILLISECONDS).unref();
  let isOver = false;
  return {
    states,
    fetches: sets.fetches,
    awaited: () => {
      isOver ||= sets.pending === 0 || clock.monotonicMs() - startedMs > FIRST_FETCHES_MILLISECONDS;
      return isOver ? 0 : sets.pending;
    },
    close() {
      clearInterval(timer);
      sets.close();
    },
  };
}
