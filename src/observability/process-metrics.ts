/** Gauges that are read when somebody scrapes: the store, the configuration, and what is about to expire. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Configuration } from '../config/settings.js';
import { earliestEndMs, readCertificateBundle } from '../crypto/certificate-bundle.js';
import { maxCertificateFileBytes, readBoundedFile } from '../config/read-file.js';
import type { NonceStore } from '../nonces/nonce-store.js';
import { isValidAt, type ValidityInterval } from '../verify/validity-interval.js';
import { feedbackDomains, feedbackKeysToRenew, keysToRenew, pinsToRenew, steadySpan } from './renewals.js';

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
  addExpiryGauges(registry, configuration, nowMs);
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

type ExpiryGauge = Gauge<'kind' | 'owner' | 'name'>;

/**
 * Unix seconds at which something ends. What never ends has no sample; what a reload removed has none any more, and
 * neither has what has ended and is replaced, or is of an identity that is revoked: nobody has to renew it.
 */
function addExpiryGauges(registry: Registry, configuration: () => Configuration, nowMs: () => number): void {
  let shown: { readonly configuration: Configuration; readonly span: ValidityInterval } | undefined;
  new Gauge({
    name: 'countersign_expiry_timestamp_seconds',
    help: 'When a pin, a key or a certificate ends, Unix seconds; without those that ended and are replaced.',
    labelNames: ['kind', 'owner', 'name'],
    registers: [registry],
    aggregator: 'min',
    collect() {
      const current = configuration();
      const now = nowMs();
      if (current === shown?.configuration && isValidAt(shown.span, now)) return;
      shown = { configuration: current, span: steadySpan(current.snapshot, now) };
      this.reset();
      setExpiries(this, current, now);
    },
  });
}

function setExpiries(expiry: ExpiryGauge, { snapshot, settings }: Configuration, nowMs: number): void {
  const set = (kind: string, owner: string, name: string, endMs: number): void => {
    if (Number.isFinite(endMs)) expiry.set({ kind, owner, name }, endMs / 1000);
  };
  for (const identity of snapshot.identities.values()) {
    for (const pin of pinsToRenew(identity, nowMs)) set('pin', identity.name, pin.sha256, pin.notAfterMs);
    for (const key of keysToRenew(identity, nowMs)) set('key', identity.name, key.kid, key.notAfterMs);
  }
  for (const [owner, domain] of feedbackDomains(snapshot))
    for (const key of feedbackKeysToRenew(domain, nowMs)) set('feedback_key', owner, key.kid, key.notAfterMs);
  for (const file of [settings.envoy?.tls.certificateFile, settings.envoy?.tls.clientCaFile]) {
    const endMs = file === undefined ? undefined : certificateEndMs(file);
    if (file !== undefined && endMs !== undefined) set('certificate', 'envoy', file, endMs);
  }
}

/** Of a chain or a bundle, the end of the first that ends. */
function certificateEndMs(file: string): number | undefined {
  const read = readBoundedFile(file, maxCertificateFileBytes);
  const bundle = read.ok ? readCertificateBundle(read.bytes) : undefined;
  return bundle === undefined || 'code' in bundle ? undefined : earliestEndMs(bundle.certificates);
}
