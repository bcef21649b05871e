/** How the key sets of identities stand: readiness, `/status`, and metrics from which alerts are made. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FetchCounts } from '../keys/key-sets/key-sets.js';
import type { SelectedKeys } from '../keys/key-sets/select-keys.js';
import type { KeySetSettings } from '../keys/key-sets/settings.js';
import { isValidAt } from '../protocol/validity-interval.js';
import type { HealthComponent } from './health.js';
import { lowest } from './lowest.js';

/** One set of one identity. */
export interface KeySetState extends SelectedKeys {
  readonly settings: KeySetSettings;
  /** When the last fetch that succeeded began, Unix milliseconds; undefined before the first. */
  readonly lastSuccessMs: number | undefined;
  /** When its keys stop counting unless it is fetched again, Unix milliseconds; -Infinity where it was never fetched. */
  readonly staleMs: number;
  /** Why the last fetch failed, in words whose subject is the server. */
  readonly fault: string | undefined;
  /** It was not fetched yet, well or not. */
  readonly isPending: boolean;
}

/** What is looked at. */
export interface KeySetsLook {
  readonly states: () => readonly KeySetState[];
  readonly fetches: FetchCounts;
  /** How many are still being fetched for the first time since the start; 0 once that has taken too long to be waited for. */
  readonly awaited: () => number;
}

/** Samples of a scrape and lines of `/status`: those that stop counting first. */
const MAX_SHOWN = 1_000;
const MAX_DESCRIBED = 100;

function keysInForce({ keys }: KeySetState, nowMs: number): KeySetState['keys'] {
  return keys.filter((key) => isValidAt(key, nowMs));
}

function firstToEnd(states: readonly KeySetState[], most: number): readonly KeySetState[] {
  return states.length <= most ? states : lowest(states, most, ({ staleMs }) => staleMs);
}

/** Not ready before each set was tried once: a 401 for a key that is about to come is final for its sender. */
export function keySetsHealth({ states, awaited }: KeySetsLook, nowMs: () => number): HealthComponent {
  return {
    name: 'key_sets',
    fault: () => {
      const left = awaited();
      return left === 0 ? undefined : `${left} key sets are fetched for the first time`;
    },
    note: () => noteOf(states(), nowMs()),
  };
}

function noteOf(states: readonly KeySetState[], nowMs: number): string | undefined {
  const away = states.filter(({ fault }) => fault !== undefined);
  const without = states.filter((state) => !state.isPending && keysInForce(state, nowMs).length === 0);
  const [first] = [...without, ...away];
  if (first === undefined) return undefined;
  const { identity, url } = first.settings;
  const counts = [
    ...(away.length > 0 ? [`${away.length} of ${states.length} cannot be fetched`] : []),
    ...(without.length > 0 ? [`${without.length} of ${states.length} give no key that counts`] : []),
  ];
  return `${counts.join(', ')}, such as ${url} of ${identity}: ${reasonOf(first)}; see /status`;
}

function reasonOf({ fault, keys, refused: [refused] }: KeySetState): string {
  if (fault !== undefined) return `its server ${fault}`;
  if (refused !== undefined) return `${refused.kid} ${refused.reason}`;
  return keys.length === 0 ? 'no pinned key is published' : 'no key of it is valid now';
}

/** For `/status`. */
export function describeKeySets(
  { states, fetches }: KeySetsLook,
  nowMs: number,
): Readonly<Record<string, unknown>> | undefined {
  const all = states();
  if (all.length === 0) return undefined;
  return {
    count: all.length,
    fetches,
    sets: firstToEnd(all, MAX_DESCRIBED).map((state) => ({
      identity: state.settings.identity,
      url: state.settings.url,
      last_success: dateOf(state.lastSuccessMs),
      counts_until: dateOf(state.staleMs),
      fault: state.fault,
      kids: keysInForce(state, nowMs).map(({ kid }) => kid),
      refused: state.refused,
    })),
  };
}

function dateOf(ms: number | undefined): string | undefined {
  return ms === undefined || !Number.isFinite(ms) ? undefined : new Date(ms).toISOString();
}

/** One number for each set; with workers, of the worker that is worst off. */
interface SetGauge {
  readonly name: string;
  readonly help: string;
  readonly aggregator: 'min' | 'max';
  readonly read: (state: KeySetState, nowMs: number) => number;
}

const GAUGES: readonly SetGauge[] = [
  {
    name: 'countersign_key_set_up',
    help: '1 while the last fetch of the key set succeeded.',
    aggregator: 'min',
    read: ({ fault, isPending }) => (fault === undefined && !isPending ? 1 : 0),
  },
  {
    name: 'countersign_key_set_last_success_timestamp_seconds',
    help: 'When the key set was fetched well last, Unix seconds; 0 where it never was.',
    aggregator: 'min',
    read: ({ lastSuccessMs = 0 }) => lastSuccessMs / 1000,
  },
  {
    name: 'countersign_key_set_stale_timestamp_seconds',
    help: 'When the keys of the key set stop counting unless it is fetched again, Unix seconds; 0 where it never was.',
    aggregator: 'min',
    read: ({ staleMs }) => Math.max(0, staleMs / 1000),
  },
  {
    name: 'countersign_key_set_keys',
    help: 'Keys of the key set that count now.',
    aggregator: 'min',
    read: (state, nowMs) => keysInForce(state, nowMs).length,
  },
  {
    name: 'countersign_key_set_refused_keys',
    help: 'Pinned keys in the key set that do not count: /status says why.',
    aggregator: 'max',
    read: ({ refused }) => refused.length,
  },
];

/** Samples of the sets that stop counting first; none where there are no sets. */
export function addKeySetMetrics(
  registry: Registry,
  { states, fetches }: KeySetsLook,
  nowMs: () => number,
): void {
  const registers = [registry];
  for (const { read, ...metric } of GAUGES)
    new Gauge({
      ...metric,
      labelNames: ['identity', 'url'],
      registers,
      collect() {
        this.reset();
        for (const state of firstToEnd(states(), MAX_SHOWN)) {
          const { identity, url } = state.settings;
          this.set({ identity, url }, read(state, nowMs()));
        }
      },
    });
  addFetchCounter(registry, fetches);
}

function addFetchCounter(registry: Registry, fetches: FetchCounts): void {
  new Counter({
    name: 'countersign_key_set_fetches_total',
    help: 'Fetches of key sets since the start, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(fetches)) this.inc({ outcome }, count);
    },
  });
}
