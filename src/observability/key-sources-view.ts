/** How the keys stand that stay in a source: a note of readiness, `/status`, and metrics from which alerts are made. */
import { Gauge, type Registry } from 'prom-client';
import type { SignatureResult } from '../keys/guarded-key.js';
import type { KeyLook, SigningSources } from '../keys/signing-sources.js';
import type { HealthComponent } from './health.js';
import { lowest } from './lowest.js';
import { CounterTable, HistogramTable } from './metric-kinds.js';

/** What is looked at. */
export type KeySourcesLook = Pick<SigningSources, 'look' | 'names'>;

/** Of `/status`: those that do not sign first. */
const MAX_DESCRIBED = 100;
const WORST_FIRST: readonly KeyLook['state'][] = ['down', 'untested', 'up'];
const STATES = ['untested', 'up', 'down'] as const;
/** 1 ms to 10 s: a token is reached in microseconds, a vault over a network. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Answers are withheld by themselves while a key does not sign, and everything else goes on: a note, and no fault. */
export function keySourcesHealth(sources: KeySourcesLook): HealthComponent {
  return { name: 'key_sources', fault: () => undefined, note: () => noteOf(sources.look()) };
}

function noteOf(keys: readonly KeyLook[]): string | undefined {
  const without = keys.filter(({ state }) => state !== 'up');
  const first = without.find(({ state }) => state === 'down') ?? without[0];
  if (first === undefined) return undefined;
  const why = first.reason ?? 'was not tested yet';
  return `${without.length} of ${keys.length} keys in sources do not sign, so their answers are withheld, such as ${first.kid}: the source ${first.source}: ${why}`;
}

/** For `/status`; undefined where there are no sources. */
export function describeKeySources(sources: KeySourcesLook): Readonly<Record<string, unknown>> | undefined {
  const names = sources.names();
  if (names.length === 0) return undefined;
  const keys = sources.look();
  const worst = lowest(keys, MAX_DESCRIBED, ({ state }) => WORST_FIRST.indexOf(state));
  return { sources: names, count: keys.length, keys: worst };
}

/** What is counted as it happens. */
export interface KeySourceCounts {
  readonly result: (source: string, result: SignatureResult, seconds: number | undefined) => void;
}

/** The metrics of signatures, which count from before the first source is open. */
export function keySourceCounts(registry: Registry): KeySourceCounts {
  const results = new CounterTable<string, SignatureResult>(registry, {
    name: 'countersign_key_source_signatures_total',
    help: 'Signatures that were asked of a source, by what became of them.',
    labels: ['source', 'result'],
  });
  const times = new HistogramTable<string>(
    registry,
    {
      name: 'countersign_key_source_seconds',
      help: 'Seconds that a source took for one signature, or until it was given up.',
      labels: 'source',
    },
    SECONDS,
  );
  return {
    result: (source, result, seconds) => {
      results.increment(source, result);
      if (seconds !== undefined) times.observe(source, seconds);
    },
  };
}

/** The metrics that are read when somebody scrapes; none where there are no sources. */
export function addKeySourceMetrics(registry: Registry, sources: KeySourcesLook): void {
  const registers = [registry];
  if (sources.names().length === 0) return;
  /** Walked once a scrape: a tenant may have a source of its own. */
  const bySource = (): (readonly [string, readonly KeyLook[]])[] => {
    const keys = grouped(sources.look());
    return sources.names().map((name) => [name, keys.get(name) ?? []] as const);
  };
  new Gauge({
    name: 'countersign_key_source_up',
    help: '1 while every key of the source signs; with workers, in each of them.',
    labelNames: ['source'],
    aggregator: 'min',
    registers,
    collect() {
      for (const [source, keys] of bySource())
        this.set({ source }, keys.every(({ state }) => state === 'up') ? 1 : 0);
    },
  });
  new Gauge({
    name: 'countersign_key_source_keys',
    help: 'Keys of the source by state: up signs, untested and down do not.',
    labelNames: ['source', 'state'],
    aggregator: 'max',
    registers,
    collect() {
      for (const [source, keys] of bySource())
        for (const state of STATES)
          this.set({ source, state }, keys.filter((key) => key.state === state).length);
    },
  });
  new Gauge({
    name: 'countersign_key_source_waiting',
    help: 'Answers that wait for a signature of the source.',
    labelNames: ['source'],
    registers,
    collect() {
      for (const [source, keys] of bySource())
        this.set(
          { source },
          keys.reduce((sum, { waiting }) => sum + waiting, 0),
        );
    },
  });
}

function grouped(keys: readonly KeyLook[]): ReadonlyMap<string, KeyLook[]> {
  const groups = new Map<string, KeyLook[]>();
  for (const key of keys) {
    const group = groups.get(key.source);
    if (group === undefined) groups.set(key.source, [key]);
    else group.push(key);
  }
  return groups;
}
