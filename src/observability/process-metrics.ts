/** The registry of a process: Node's own metrics, the build, the nonce store, the configuration and what is about to expire. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Configuration } from '../config/settings.js';
import type { NonceStore } from '../nonces/nonce-store.js';
import { addExpiryGauge } from './expiry-gauge.js';
import { addGauge } from './metric-kinds.js';
import { addStoreMetrics } from './store-metrics.js';
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
