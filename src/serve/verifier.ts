/**
 * The composition root: the only place that knows every part. Starts them in the order in which they need
 * each other and stops them in the reverse; nothing else in the project wires anything.
 */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { AuditLog } from '../audit/audit-log.js';
import { openAuditLog } from '../audit/open.js';
import type { Configuration } from '../config/settings.js';
import { createStrictVerifier } from '../crypto/ed25519.js';
import { selectEngine } from '../crypto/engines.js';
import { AuthorizationService } from '../envoy/authorization-service.js';
import { PeerCertificates } from '../envoy/peer-certificates.js';
import { nonceGate } from '../nonces/nonce-gate.js';
import type { NonceStore } from '../nonces/nonce-store.js';
import { openNonceStore } from '../nonces/open.js';
import { publishedKeys, toJwkSet } from '../feedback/keyring.js';
import { startAdminServer, type AdminOptions } from '../observability/admin-server.js';
import { timedClaims } from '../observability/claim-metrics.js';
import { DecisionMetrics } from '../observability/decision-metrics.js';
import { Health } from '../observability/health.js';
import { createRegistry } from '../observability/process-metrics.js';
import { Admission } from '../verify/admission.js';
import { RateLimiter } from '../verify/rate-limiter.js';
import { startGrpcServer } from './grpc-server.js';
import { assembleSigner, openExecutions, type KnownExecutions } from './response-path.js';
import { StallDetector } from './stall-detector.js';
import { systemClock as clock } from './system-clock.js';

const HEALTH_POLL_MILLISECONDS = 100;

/** A verifier that serves. */
export interface RunningVerifier {
  /** Turns health to NOT_SERVING, waits for the checks under way, flushes and closes. Bounded by `drainMilliseconds`. */
  stop(): Promise<void>;
}

/** Starts everything; when a part cannot start, what had started is stopped and the part's sentence is thrown. */
export async function startVerifier(configuration: Configuration, logger: Logger): Promise<RunningVerifier> {
  const undo: Undo = [];
  try {
    return await start(configuration, logger, undo);
  } catch (error) {
    await runBackwards(undo);
    throw error;
  }
}

/** What is to be undone at the stop, in the order in which it was done. */
type Undo = (() => unknown)[];

async function start(configuration: Configuration, logger: Logger, undo: Undo): Promise<RunningVerifier> {
  const { settings } = configuration;
  const audit = openAuditLog(settings.audit.sink, clock.nowMs);
  undo.push(() => audit.close());
  const store = await openNonceStore(settings.nonces, configuration.snapshot, clock);
  undo.push(() => store.close());
  const executions = openExecutions(configuration);
  undo.push(() => executions.close());
  const registry = createRegistry({ configuration, store });
  const decisions = new DecisionMetrics(registry);
  const parts: Parts = { configuration, logger, audit, store, executions, registry, decisions };
  const service = assembleService(parts, undo);
  const signer = assembleSigner(parts);
  const health = assembleHealth(parts);
  const admin = await startAdminServer({ ...settings.admin, health, registry, ...shown(parts) });
  undo.push(() => admin.close());
  const maxAnswerBytes = configuration.snapshot.feedback?.maxAnswerBytes;
  const grpc = await startGrpcServer(settings, { service, signer, health, maxAnswerBytes });
  undo.push(() => grpc.stop(settings.limits.drainMilliseconds));
  const poll = setInterval(() => health.poll(), HEALTH_POLL_MILLISECONDS);
  undo.push(
    () => clearInterval(poll),
    () => health.drain(),
  );
  return { stop: () => runBackwards(undo) };
}

/** What the others are made of. */
interface Parts {
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly store: NonceStore;
  readonly executions: KnownExecutions;
  readonly registry: Registry;
  readonly decisions: DecisionMetrics;
}

function assembleService(
  { configuration, logger, audit, store, executions, registry, decisions }: Parts,
  undo: Undo,
): AuthorizationService {
  const { settings, snapshot } = configuration;
  const certificates = new PeerCertificates();
  const stalls = new StallDetector();
  undo.push(
    () => certificates.close(),
    () => stalls.close(),
  );
  const { monotonicMs } = clock;
  const claimNonce = timedClaims(nonceGate(store), { registry, store: store.name, monotonicMs });
  return new AuthorizationService({
    snapshot: () => snapshot,
    verifier: createStrictVerifier(selectEngine()),
    admission: new Admission({ rateLimiter: new RateLimiter(), claimNonce }),
    executions,
    certificates,
    audit,
    auditOnFailure: settings.audit.onFailure,
    metrics: decisions,
    clock,
    maxConcurrentChecks: settings.limits.maxConcurrentChecks,
    claimMarginMilliseconds: settings.limits.claimMarginMilliseconds,
    onDefect: (error, decisionId) =>
      logger.error({ err: error, decision_id: decisionId }, 'a check failed by a defect'),
    afterStall: () => stalls.afterStall(),
  });
}

/** A log whose losses are only counted does not make the verifier unready. */
function assembleHealth({ configuration, audit, store }: Parts): Health {
  const matters = configuration.settings.audit.onFailure === 'refuse';
  return new Health([
    { name: 'nonce_store', fault: () => store.status().unhealthy },
    { name: 'audit', fault: () => (matters ? audit.fault() : undefined) },
  ]);
}

/** What the admin port shows of the configuration: facts for `/status`, and the public feedback keys. */
function shown({ configuration, store }: Parts): Pick<AdminOptions, 'describe' | 'keyring'> {
  const { file, snapshot } = configuration;
  return {
    describe: () => ({
      configuration: { file, generation: snapshot.generation },
      policies: [...snapshot.policies.keys()],
      nonces: { store: store.name, ...store.status() },
    }),
    keyring: (tenant) =>
      snapshot.feedback && toJwkSet(publishedKeys(snapshot.feedback, clock.nowMs(), tenant)),
  };
}

async function runBackwards(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}
