/** Gauges that are read when somebody scrapes: the store, the configuration, and what is about to expire. */
import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Configuration } from '../config/settings.js';
import { certificateFingerprints } from '../crypto/fingerprint.js';
import type { NonceStore } from '../nonces/nonce-store.js';

/** What the gauges look at. */
export interface ProcessMetricsOptions {
  readonly configuration: Configuration;
  readonly store: NonceStore;
}

/** A registry with the process's own metrics in it. */
export function createRegistry({ configuration, store }: ProcessMetricsOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addStoreGauges(registry, store);
  addConfigurationGauges(registry, configuration);
  addExpiryGauges(registry, configuration);
  return registry;
}

function addStoreGauges(registry: Registry, store: NonceStore): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['store'],
      registers: [registry],
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
  gauge('countersign_nonce_store_healthy', '1 while the store serves.', () =>
    store.status().unhealthy === undefined ? 1 : 0,
  );
}

function addConfigurationGauges(registry: Registry, configuration: Configuration): void {
  new Gauge({
    name: 'countersign_configuration_generation',
    help: 'Generation of the configuration in force; 1 is that of the start.',
    registers: [registry],
    collect() {
      this.set(configuration.snapshot.generation);
    },
  });
}

/** Unix seconds at which something ends. What never ends has no sample. */
function addExpiryGauges(registry: Registry, { snapshot, settings }: Configuration): void {
  const expiry = new Gauge({
    name: 'countersign_expiry_timestamp_seconds',
    help: 'When a pin, a key or a certificate ends, Unix seconds.',
    labelNames: ['kind', 'owner', 'name'],
    registers: [registry],
  });
  const set = (kind: string, owner: string, name: string, endMs: number): void => {
    if (Number.isFinite(endMs)) expiry.set({ kind, owner, name }, endMs / 1000);
  };
  for (const identity of snapshot.identities.values()) {
    for (const pin of identity.pins) set('pin', identity.name, pin.sha256, pin.notAfterMs);
    for (const key of identity.keys) set('key', identity.name, key.kid, key.notAfterMs);
  }
  for (const file of [settings.envoy?.tls.certificateFile, settings.envoy?.tls.clientCaFile]) {
    const endMs = file === undefined ? undefined : certificateEndMs(file);
    if (file !== undefined && endMs !== undefined) set('certificate', 'envoy', file, endMs);
  }
}

function certificateEndMs(file: string): number | undefined {
  try {
    const found = certificateFingerprints(readFileSync(file));
    return found.ok ? found.notAfter : undefined;
  } catch {
    return undefined;
  }
}
