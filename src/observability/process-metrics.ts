/** Gauges that are read when somebody scrapes: the store, the configuration, and what is about to expire. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Configuration } from '../config/settings.js';
import type { NonceStore } from '../nonces/nonce-store.js';
import { addExpiryGauge } from './expiry-gauge.js';

/** What the gauges look at. */
export interface ProcessMetricsOptions {
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
  addStoreGauges(registry, store);
  addClockCounter(registry, store);
  addConfigurationGauges(registry, configuration);
  addExpiryGauge(registry, configuration, nowMs);
  return registry;
}

function addStoreGauges(registry: Registry, store: NonceStore): void {
  // Workers that share a store see the same: one of them says it for all.
  const gauge = (name: string, help: string, read: () => number, aggregator: 'max' | 'min' = 'max'): void => {
    new Gauge({
      name,
      help,
      labelNames: ['store'],
      registers: [registry],
      aggregator,
      collect() {
        this.set({ store: store.name }, read());
      },
    });
  };
  gauge('countersign_nonce_entries', 'Nonces that are remembered.', () => store.status().entries);
  gauge('countersign_nonce_entries_max', 'Nonces that may be remembered.', () => store.status().maxEntries);
  gauge(
    'countersign_nonce_floor_seconds',
    'Unix time at or below which requests are refused; 0 for none.',
    () => store.status().floorSeconds,
  );
  const healthy = (): number => (store.status().unhealthy === undefined ? 1 : 0);
  gauge('countersign_nonce_store_healthy', '1 while the store serves.', healthy, 'min');
}

/** Workers of one machine see the same steps, so the most that one of them saw is how many there were. */
function addClockCounter(registry: Registry, store: NonceStore): void {
  new Counter({
    name: 'countersign_clock_steps_total',
    help: 'Steps of the wall clock against the monotonic one; nonces are refused until it has run evenly again.',
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.reset();
      this.inc(store.status().clockSteps);
    },
  });
}

function addConfigurationGauges(registry: Registry, configuration: () => Configuration): void {
  new Gauge({
    name: 'countersign_configuration_generation',
    help: 'Generation of the configuration in force; 1 is that of the start.',
    registers: [registry],
    aggregator: 'min',
    collect() {
      this.set(configuration().snapshot.generation);
    },
  });
}
