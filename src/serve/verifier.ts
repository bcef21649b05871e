/**
 * The composition root: the only place that knows every part. Starts them in the order in which they need
 * each other and stops them in the reverse; nothing else in the project wires anything.
 */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { AuditLog } from '../audit/audit-log.js';
import type { FileState } from '../config/files/read-file.js';
import type { Configuration, FileStates, LimitSettings, ServerSettings } from '../config/settings.js';
import { createStrictVerifier } from '../crypto/ed25519.js';
import { selectEngine } from '../crypto/engines.js';
import { AuthorizationService } from '../envoy/ext-authz/authorization-service.js';
import { PeerCertificates } from '../envoy/ext-authz/peer-certificates.js';
import { publishedKeys, toJwkSet } from '../feedback/keyring.js';
import { claimEffect } from '../nonces/claim-effect.js';
import type { NonceClaim, NonceStore } from '../nonces/nonce-store.js';
import type { AdminView } from '../observability/admin-server.js';
import { addBuildInfo, createRegistry } from '../observability/process-metrics.js';
import { timedClaims, DecisionMetrics } from '../observability/decision-metrics.js';
import { Health, keyHealth } from '../observability/health.js';
import { addLogMetrics } from '../observability/log-destination.js';
import { LoadMetrics } from '../observability/load-metrics.js';
import { Admission } from '../verify/admission.js';
import type { RateLimits } from '../verify/rate-limiter.js';
import { startGrpcServer } from './grpc-server.js';
import { openAuditLog } from './open-audit.js';
import { openNonceStore } from './open-nonces.js';
import { openRateLimits } from './open-rate-limits.js';
import { ownPlace, type Place } from './place.js';
import type { ConfigurationFiles } from './reload/judged-files.js';
import { LiveConfiguration } from './reload/live-configuration.js';
import type { ReloadCause } from './reload/reload.js';
import { startReloading, type Reloading } from './reload/reloading.js';
import { assembleSigner, openExecutions, type KnownExecutions } from './response-path.js';
import { run } from './running.js';
import { StallDetector } from './stall-detector.js';
import { StoreReport } from './store-report.js';
import { checkSuccession } from './succession.js';
import { systemClock as clock } from './system-clock.js';

/** A stop that nobody cuts short. */
const NEVER = new AbortController().signal;

/** A verifier that serves. */
export interface RunningVerifier {
  /**
   * Turns health to NOT_SERVING, waits until Envoy has noticed and for the checks under way, flushes and closes.
   * Bounded by `limits.drainMilliseconds`, and cut short when `cut` says so.
   */
  stop(cut?: AbortSignal): Promise<void>;
  /** Takes over what is in the files now. */
  readonly reload?: (cause: ReloadCause) => Promise<unknown>;
  /** Opens the audit file anew. Absent where others have it: a supervisor passes SIGHUP on to its workers. */
  readonly reopenLogs?: () => void;
  /** Resolves when a successor has taken the socket. Absent where there can be none. */
  readonly superseded?: Promise<void>;
}

/** What a verifier is told besides its configuration. */
export interface StartOptions {
  /** Default: the socket and the admin port of the settings. */
  readonly place?: Place;
  /** What the configuration was loaded from, and is loaded from again. Default: never. */
  readonly files?: ConfigurationFiles;
  /** What the files looked like when they were loaded: a change of any of them is a reload. */
  readonly fileStates?: FileStates;
  /** Start beside the process that serves the socket, and take it over once healthy. */
  readonly replace?: boolean;
  /** Lines of the log that could not be written. Default: none. */
  readonly lostLogLines?: (() => number) | undefined;
}

/** Starts everything; when a part cannot start, what had started is stopped and the part's sentence is thrown. */
export async function startVerifier(
  configuration: Configuration,
  logger: Logger,
  options: StartOptions = {},
): Promise<RunningVerifier> {
  const undo: Undo = [];
  try {
    if (options.replace === true) checkSuccession(configuration);
    return await start(configuration, logger, options, undo);
  } catch (error) {
    await runBackwards(undo);
    throw error;
  }
}

function onSocket(settings: ServerSettings, { socketPath }: Place): ServerSettings {
  return { ...settings, listen: { socketPath } };
}

function limitsAt({ isForsaken }: Place, limits: LimitSettings): LimitSettings {
  return isForsaken() ? { ...limits, drainDelayMilliseconds: 0 } : limits;
}

/** Said once; the counter goes on. */
const STREAMS_REFUSED =
  'HTTP/2 refused a call before the verifier saw it, and may refuse all of them (countersign_streams_refused_total): ' +
  'the name of a cluster with / or | becomes :authority; set `authority` in grpc_service.envoy_grpc and grpc_health_check';

/** What is to be undone at the stop, in the order in which it was done. */
type Undo = (() => unknown)[];

async function start(
  configuration: Configuration,
  logger: Logger,
  options: StartOptions,
  undo: Undo,
): Promise<RunningVerifier> {
  const { place = ownPlace(configuration), replace = false } = options;
  const { settings } = configuration;
  const live = new LiveConfiguration(configuration);
  const audit = openAuditLog(settings.audit.sink, clock.nowMs, (file) =>
    logger.info({ file }, 'the audit file was moved, removed or replaced: opened anew'),
  );
  undo.push(() => audit.close());
  const store = await openNonceStore(settings.nonces, configuration.snapshot, clock, (message) =>
    logger.warn(message),
  );
  undo.push(() => store.close());
  const executions = openExecutions(configuration);
  undo.push(() => executions.close());
  const rates = openRateLimits(settings, store);
  undo.push(() => rates.close());
  const registry = createRegistry({ configuration: () => live.current, store, nowMs: clock.nowMs });
  addBuildInfo(registry, selectEngine().name);
  addLogMetrics(registry, options.lostLogLines ?? (() => 0));
  const decisions = new DecisionMetrics(registry);
  const parts: Parts = { live, logger, audit, store, executions, rates: rates.limits, registry, decisions };
  const service = assembleService(parts, undo);
  const signer = assembleSigner(parts);
  const reloading = assembleReloading(parts, options, undo);
  const health = assembleHealth(parts, reloading);
  const maxAnswerBytes = configuration.snapshot.feedback?.maxAnswerBytes;
  const load = new LoadMetrics(registry, () => logger.warn(STREAMS_REFUSED));
  const served = { service, signer, health, load, maxAnswerBytes, replace };
  const grpc = await startGrpcServer(onSocket(settings, place), served);
  undo.push(() => grpc.stop(0));
  const report = new StoreReport(store, logger);
  const running = await run({
    grpc,
    health,
    place,
    openAdmin: () => place.openAdmin({ health, registry, ...shown(parts, reloading) }),
    limits: () => limitsAt(place, live.current.settings.limits),
    look: () => report.look(),
    logger,
    replace,
  });
  undo.pop();
  return {
    superseded: running.superseded,
    ...(reloading && { reload: reloading.reload }),
    reopenLogs: () => audit.reopen(),
    stop: async (cut = NEVER) => {
      await running.stop(cut);
      await runBackwards(undo);
    },
  };
}

/** What the others are made of. */
interface Parts {
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly store: NonceStore;
  readonly executions: KnownExecutions;
  readonly rates: RateLimits;
  readonly registry: Registry;
  readonly decisions: DecisionMetrics;
}

function assembleService(
  { live, logger, audit, store, executions, rates, registry, decisions }: Parts,
  undo: Undo,
): AuthorizationService {
  const { settings } = live.started;
  const certificates = new PeerCertificates();
  const stalls = new StallDetector();
  undo.push(
    () => certificates.close(),
    () => stalls.close(),
  );
  const { monotonicMs } = clock;
  const { checkTimeoutMilliseconds } = settings.limits;
  const timing = { registry, store: store.name, monotonicMs };
  const claim = timedClaims((one: NonceClaim) => store.claim(one), timing);
  const claimNonce = claimEffect(store, { checkTimeoutMilliseconds, claim });
  return new AuthorizationService({
    snapshot: () => live.snapshot,
    verifier: createStrictVerifier(selectEngine()),
    admission: new Admission({ rateLimiter: rates, claimNonce }),
    executions,
    certificates,
    audit,
    auditOnFailure: settings.audit.onFailure,
    metrics: decisions,
    clock,
    maxConcurrentChecks: settings.limits.maxConcurrentChecks,
    nonceBounds: settings.nonces,
    claimMarginMilliseconds: settings.limits.claimMarginMilliseconds,
    onDefect: (error, decisionId) =>
      logger.error({ err: error, decision_id: decisionId }, 'a check failed by a defect'),
    afterStall: () => stalls.afterStall(),
  });
}

function assembleReloading(
  { live, logger, registry }: Parts,
  { files, fileStates = new Map<string, FileState>() }: StartOptions,
  undo: Undo,
): Reloading | undefined {
  if (files === undefined) return undefined;
  const reloading = startReloading({ live, files, fileStates, registry, logger });
  undo.push(() => reloading.close());
  return reloading;
}

/**
 * A log whose losses are only counted does not make the verifier unready, and neither does a reload that was
 * refused: there always is a good configuration in force.
 */
function assembleHealth({ live, audit, store }: Parts, reloading: Reloading | undefined): Health {
  const matters = live.started.settings.audit.onFailure === 'refuse';
  return new Health([
    { name: 'configuration', fault: () => undefined, note: () => reloading?.log.warning() },
    keyHealth(() => live.snapshot, clock.nowMs),
    { name: 'nonce_store', fault: () => store.status().unhealthy },
    { name: 'audit', fault: () => (matters ? audit.fault() : undefined) },
  ]);
}

/** What the admin port shows of the configuration: facts for `/status`, the public feedback keys, and the reload. */
function shown(
  { live, store }: Parts,
  reloading: Reloading | undefined,
): Pick<AdminView, 'describe' | 'keyring' | 'reload'> {
  return {
    describe: () => ({
      configuration: {
        file: live.current.file,
        generation: live.snapshot.generation,
        last_reload: reloading?.log.describe(),
      },
      policies: [...live.snapshot.policies.keys()],
      nonces: { store: store.name, ...store.status() },
    }),
    keyring: (tenant) => {
      const { feedback } = live.snapshot;
      return feedback && toJwkSet(publishedKeys(feedback, clock.nowMs(), tenant));
    },
    ...(reloading && { reload: reloading.answer }),
  };
}

async function runBackwards(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}
