/** The registry of a process: Node's own metrics, the build, the nonce store, the configuration and what is about to expire. */
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Configuration } from '../config/settings.js';
import type { NonceStore, SharedStoreFigures } from '../nonces/nonce-store.js';
import { addExpiryGauge } from './expiry-gauge.js';
import { addCounter, addGauge } from './metric-kinds.js';
import { packageVersion } from './package-version.js';

/** What the gauges look at. */
interface ProcessMetricsOptions {
  /** The one in force. */
  readonly configuration: () => Configuration;
  readonly store: NonceStore;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
}

/** A registry with the process's own metrics in it. */
export function createRegistry({ configuration, store, nowMs }: ProcessMetricsOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addStoreMetrics(registry, store);
  addGauge(registry, {
    name: 'countersign_configuration_generation',
    help: 'Generation of the configuration in force; 1 is that of the start.',
    aggregator: 'min',
    read: () => configuration().snapshot.generation,
  });
  addExpiryGauge(registry, configuration, nowMs);
  return registry;
}

/** Which build runs: for dashboards, and to see a roll-out that stopped half-way. `engine` is the name of the one that verifies signatures. */
export function addBuildInfo(registry: Registry, engine: string): void {
  new Gauge({
    name: 'countersign_build_info',
    help: '1; the labels say which version runs on which Node, and what verifies signatures.',
    labelNames: ['version', 'node_version', 'engine'],
    registers: [registry],
    aggregator: 'max',
  }).set({ version: packageVersion(), node_version: process.versions.node, engine }, 1);
}

const BREAKER_STATES = ['closed', 'half_open', 'open'] as const;

/** Workers that share a store see the same: one of them says it for all. */
export function addStoreMetrics(registry: Registry, store: NonceStore): void {
  const labels = { store: store.name };
  const gauge = (name: string, help: string, read: () => number, aggregator: 'max' | 'min' = 'max'): void =>
    addGauge(registry, { name, help, labels, aggregator, read });
  gauge('countersign_nonce_entries', 'Nonces that are remembered.', () => store.status().entries);
  gauge('countersign_nonce_entries_max', 'Nonces that may be remembered.', () => store.status().maxEntries);
  const floor = 'Unix time at or below which requests are refused; 0 for none.';
  gauge('countersign_nonce_floor_seconds', floor, () => store.status().floorSeconds);
  const healthy = (): number => (store.status().unhealthy === undefined ? 1 : 0);
  gauge('countersign_nonce_store_healthy', '1 while the store serves.', healthy, 'min');
  // Workers of one machine see the same steps, so the most that one of them saw is how many there were.
  addCounter(registry, {
    name: 'countersign_clock_steps_total',
    help: 'Steps of the wall clock against the monotonic one; nonces are refused until it has run evenly again.',
    aggregator: 'max',
    read: () => store.status().clockSteps,
  });
  const figures = store.figures?.bind(store);
  if (figures !== undefined) addNetworkMetrics(registry, store.name, figures);
}

/** How a store behind a network does: its circuit breaker, and claims whose outcome was not known in time. */
function addNetworkMetrics(registry: Registry, store: string, read: () => SharedStoreFigures): void {
  new Gauge({
    name: 'countersign_nonce_breaker',
    help: '1 for the state that the circuit breaker is in.',
    labelNames: ['store', 'state'],
    registers: [registry],
    collect() {
      const breaker = read().breaker;
      for (const state of BREAKER_STATES) this.set({ store, state }, state === breaker ? 1 : 0);
    },
  });
  const labels = { store };
  addGauge(registry, {
    name: 'countersign_nonce_withdrawals_owed',
    help: 'Claims of unknown outcome that wait for the store to be taken back.',
    labels,
    read: () => read().withdrawalsOwed,
  });
  const count = (name: string, help: string, of: (figures: SharedStoreFigures) => number): void =>
    addCounter(registry, { name, help, labels, read: () => of(read()) });
  const unknown = 'Claims of which it was not known in time whether they were made.';
  count('countersign_nonce_unknown_outcomes_total', unknown, ({ unknownOutcomes }) => unknownOutcomes);
  count('countersign_nonce_withdrawals_total', 'Claims that were taken back.', (one) => one.withdrawals);
  const losses = 'Times at which claims may have been lost and the floor was raised.';
  count('countersign_nonce_state_losses_total', losses, ({ stateLosses }) => stateLosses);
}
