/** What a verifier with Redis, a supervisor, a log that others hold, and one under report-only, show besides: the real metrics over made-up figures. */
import { Registry } from 'prom-client';
import { addAuditLogMetrics } from '../../src/observability/audit-log-view.js';
import { AccessLogMetrics } from '../../src/observability/access-log-metrics.js';
import { DecisionMetrics } from '../../src/observability/decision-metrics.js';
import { addReportOnlyGauge } from '../../src/observability/report-only-view.js';
import { addStoreMetrics } from '../../src/observability/process-metrics.js';
import type { NonceStore } from '../../src/nonces/nonce-store.js';
import type { Snapshot } from '../../src/verify/snapshot.js';
import type { KeySetSettings } from '../../src/keys/key-sets/settings.js';
import { addKeyRotationMetrics } from '../../src/observability/key-rotation-view.js';
import { addKeySetMetrics } from '../../src/observability/key-sets-view.js';
import { addKeySourceMetrics } from '../../src/observability/key-sources-view.js';
import { addDelegationMetrics } from '../../src/observability/delegation-view.js';
import { supervisorView } from '../../src/serve/workers/supervisor-view.js';

const holder = { name: 'one', size: 40, lagSeconds: 2, fault: undefined, isConflict: false };

function redisStore(): NonceStore {
  return {
    name: 'redis',
    status: () => ({ entries: 1, maxEntries: 10, floorSeconds: 0, clockSteps: 0 }),
    figures: () => ({
      breaker: 'closed',
      unknownOutcomes: 1,
      withdrawals: 1,
      withdrawalsOwed: 0,
      stateLosses: 1,
    }),
  } as unknown as NonceStore;
}

function underReportOnly(): Snapshot {
  const untilMs = Date.now() + 3_600_000;
  return {
    reportOnly: [{ untilMs, reason: 'roll-out', checks: new Set(['pin_mismatch']) }],
  } as unknown as Snapshot;
}

/** Of a process. */
export function rarerMetrics(): Registry {
  const registry = new Registry();
  addStoreMetrics(registry, redisStore());
  addAuditLogMetrics(registry, {
    nowMs: Date.now,
    status: () => ({
      origin: 'log.example',
      size: 40,
      checkpointAtMs: Date.now(),
      unsealedBytes: 0,
      unsealedSinceMs: undefined,
      minimumIndex: 0,
      losses: 0,
      fault: undefined,
      companions: { mirror: holder, witnesses: [holder], otlp: { ...holder, rejected: 0 } },
    }),
  });
  new AccessLogMetrics(registry).gap('stream_ended');
  new DecisionMetrics(registry).wouldRefuse('telemetry', 'pin_mismatch');
  addReportOnlyGauge(registry, underReportOnly, Date.now);
  addMetricsOfKeys(registry);
  return registry;
}

/** Keys in a source, of a producer's set, on schedule, and in memory. */
function addMetricsOfKeys(registry: Registry): void {
  const key = { kid: 'fb', source: 'hsm', state: 'up', reason: undefined, waiting: 0 } as const;
  addKeySourceMetrics(registry, { names: () => ['hsm'], look: () => [key] });
  const settings = { identity: 'producer-a', url: 'https://keys.example/jwks.json' } as KeySetSettings;
  const set = { settings, keys: [], refused: [], lastSuccessMs: Date.now(), staleMs: Infinity };
  addKeySetMetrics(
    registry,
    {
      states: () => [{ ...set, fault: undefined, isPending: false }],
      fetches: { succeeded: 1, failed: 0 },
      awaited: () => 0,
    },
    Date.now,
  );
  const rotation = { nextRotationMs: Date.now(), domains: 1, failed: [], waitsFor: undefined, directory: '' };
  addKeyRotationMetrics(registry, { look: () => rotation, counts: { rotations: 1, failures: 0 } }, Date.now);
  addDelegationMetrics(registry, { look: () => [{ tenant: undefined, keys: [], isFailing: false }] });
}

/** Of a supervisor. */
export function supervisorMetrics(): ReturnType<typeof supervisorView>['registry'] {
  const state = { kind: 'state', serving: true, components: [] } as const;
  return supervisorView([
    { number: 0, pid: 1, state, replacements: 1, ask: () => Promise.resolve(undefined) },
  ]).registry;
}
