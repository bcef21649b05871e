/**
 * The composition root of one verifier, read from top to bottom: opens what it writes to (`stores.ts`), assembles the
 * services (`services.ts`), serves them on the socket (`grpc-server.ts`), and undoes all of it in the reverse order.
 * Several workers are started by `workers/supervisor.ts`, and each is such a verifier.
 */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Configuration, FileStates } from '../config/settings.js';
import type { OpenKeySource } from '../keys/open-sources.js';
import { selectEngine } from '../crypto/engines.js';
import { selectSigner } from '../crypto/signing.js';
import { addAuditLogMetrics } from '../observability/audit-log-view.js';
import { addKeyRotationMetrics } from '../observability/key-rotation-view.js';
import { DecisionMetrics } from '../observability/decision-metrics.js';
import type { Health } from '../observability/health.js';
import { addKeySetMetrics } from '../observability/key-sets-view.js';
import { LoadMetrics } from '../observability/load-metrics.js';
import { addLogMetrics } from '../observability/log-destination.js';
import { RecentDecisions } from '../observability/page/recent-decisions.js';
import { addReportOnlyGauge } from '../observability/report-only-view.js';
import { addBuildInfo, createRegistry } from '../observability/process-metrics.js';
import { openSealedLog } from './audit-log.js';
import { AuditLogReport } from './audit-log-report.js';
import { systemClock as clock } from './clocks.js';
import { startGrpcServer, type RunningGrpcServer } from './grpc-server.js';
import { type ProcessRole, checkTakeover, run, standaloneRole } from './lifecycle.js';
import { LifeRecords } from './life-records.js';
import { followKeySets } from './key-sets/key-sets-in-force.js';
import { followDelegation } from './delegation.js';
import { startKeySources } from './key-sources/open-key-sources.js';
import { LiveConfiguration } from './reload/live-configuration.js';
import type { ConfigurationSource } from './reload/load-files.js';
import { startReloading, type ReloadCause } from './reload/reload.js';
import type { KeyRotation } from './rotation/key-rotation.js';
import { recordRotation } from './rotation/tell-rotation.js';
import { ReportOnlyReport } from './report-only-report.js';
import {
  adminView,
  assembleAccessLog,
  assembleCertificates,
  assembleCheckService,
  assembleHealth,
  assembleSigner,
  signWith,
  type Parts,
} from './services.js';
import type { AccessLogCollector } from '../envoy/access-log/collector.js';
import { tcpFrontOf } from './tcp-front.js';
import { openTracing, type OpenTracing } from './tracing.js';
import { openStores, StoreReport, type Stores, type Undo } from './stores.js';

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
  readonly reload: (cause: ReloadCause) => Promise<unknown>;
  /** Opens the audit file anew. */
  readonly reopenLogs: () => void;
  /** Resolves when a successor has taken the socket. */
  readonly superseded: Promise<void>;
}

/** What a verifier is told besides its configuration. */
export interface StartOptions {
  /** Default: alone on the socket and the admin port of the settings. */
  readonly role?: ProcessRole;
  /** What the configuration was loaded from, and is loaded from again. */
  readonly files: ConfigurationSource;
  /** What the files looked like when they were loaded: a change of any of them is a reload. */
  readonly fileStates: FileStates;
  /** Feedback keys on schedule, in the process that keeps them. */
  readonly rotation?: KeyRotation | undefined;
  /** Start beside the process that serves the socket, and take it over once healthy. */
  readonly replace?: boolean;
  /** Lines of the log that could not be written. */
  readonly lostLogLines: () => number;
  /** How the sources of keys are opened; replaced in tests. */
  readonly openKeySource?: OpenKeySource;
}

/** Starts everything; when a part cannot start, what had started is stopped and the part's sentence is thrown. */
export async function startVerifier(
  configuration: Configuration,
  logger: Logger,
  options: StartOptions,
): Promise<RunningVerifier> {
  const undo: Undo = [];
  try {
    if (options.replace === true) checkTakeover(configuration);
    return await start(configuration, logger, options, undo);
  } catch (error) {
    await runBackwards(undo);
    throw error;
  }
}

/** Said once; the counter goes on. */
const STREAMS_REFUSED =
  'HTTP/2 refused a call before the verifier saw it, and may refuse all of them (countersign_streams_refused_total): ' +
  'the name of a cluster with / or | becomes :authority; set `authority` in grpc_service.envoy_grpc and grpc_health_check';

async function start(
  configuration: Configuration,
  logger: Logger,
  options: StartOptions,
  undo: Undo,
): Promise<RunningVerifier> {
  const { role = standaloneRole(configuration), replace = false, files, fileStates, rotation } = options;
  const live = new LiveConfiguration(configuration);
  // Before the writers are opened; it seals what they have left when they are closed.
  const sealed = options.role === undefined ? await openSealedLog(configuration, logger) : undefined;
  undo.push(() => sealed?.close());
  const stores = await openStores(configuration, logger, undo);
  const registry = openRegistry(live, stores, options);
  if (sealed !== undefined) addAuditLogMetrics(registry, sealed);
  if (rotation !== undefined) addKeyRotationMetrics(registry, rotation.status, clock.nowMs);
  const tracing = await startTracing(configuration, { logger, registry, worker: options.role?.number }, undo);
  const life = new LifeRecords(stores.events, clock.nowMs);
  rotation?.status.onEvent((event) => recordRotation(event, life));
  const keySets = followKeySets({ live, logger, life });
  undo.push(() => keySets.close());
  addKeySetMetrics(registry, keySets, clock.nowMs);
  const keySources = await startKeySources({ live, logger, registry, life, open: options.openKeySource });
  undo.push(() => keySources.close());
  const signer = selectSigner();
  const sign = signWith(signer, keySources);
  const delegation = followDelegation({ live, logger, registry, life, signer, sign });
  undo.push(() => delegation.close());
  const looks = {
    sealed,
    rotation: rotation?.status,
    tracing,
    keySets,
    keySources,
    signer,
    sign,
    delegation,
  };
  const parts: Parts = { ...stores, live, logger, registry, ...looks, ...openCounts(registry) };
  const reloading = startReloading({ live, files, fileStates, registry, logger, life });
  undo.push(() => reloading.close());
  const health = assembleHealth(parts, reloading);
  const accessLog = assembleAccessLog(parts, undo);
  const grpc = await serveOnSocket(parts, { accessLog, health, role, replace }, undo);
  undo.push(() => grpc.stop(0));
  const running = await run({
    grpc,
    role,
    view: { health, registry, isTold: () => accessLog.isTold, ...adminView(parts, reloading, accessLog) },
    limits: () => live.current.settings.limits,
    look: looksAt(parts, life, grpc),
    logger,
    replace,
  });
  // From here on the server is drained.
  undo.pop();
  life.started(configuration, selectEngine().name);
  const { reload } = reloading;
  const { superseded } = running;
  const stop = async (cut = NEVER): Promise<void> => stopAll(() => running.stop(cut), life, undo);
  return { superseded, reload, reopenLogs: () => stores.audit.reopen(), stop };
}

/** Drains, records the end, and closes in the reverse order. */
async function stopAll(drain: () => Promise<void>, life: LifeRecords, undo: Undo): Promise<void> {
  await drain();
  await life.stopped();
  await runBackwards(undo);
}

/** What is looked at now and then, so that its faults and recoveries are told. */
function looksAt(
  { store, sealed, logger, live }: Pick<Parts, 'store' | 'sealed' | 'logger' | 'live'>,
  life: LifeRecords,
  grpc: RunningGrpcServer,
): () => void {
  const report = new StoreReport(store, logger, life);
  const logReport = sealed && new AuditLogReport(sealed, life);
  const { nowMs } = clock;
  const reportOnly = new ReportOnlyReport({ snapshot: () => live.snapshot, nowMs, logger, life });
  return () => {
    report.look();
    logReport?.look();
    grpc.look();
    reportOnly.look();
  };
}

async function startTracing(
  { settings }: Configuration,
  parts: Parameters<typeof openTracing>[1],
  undo: Undo,
): Promise<OpenTracing | undefined> {
  const tracing = settings.tracing && (await openTracing(settings.tracing, parts));
  undo.push(() => tracing?.close());
  return tracing;
}

function openCounts(registry: Registry): Pick<Parts, 'decisions' | 'recent'> {
  return { decisions: new DecisionMetrics(registry), recent: new RecentDecisions() };
}

function openRegistry(live: LiveConfiguration, { store }: Stores, { lostLogLines }: StartOptions): Registry {
  const registry = createRegistry({ configuration: () => live.loaded, store, nowMs: clock.nowMs });
  addBuildInfo(registry, selectEngine().name);
  addReportOnlyGauge(registry, () => live.snapshot, clock.nowMs);
  addLogMetrics(registry, lostLogLines);
  return registry;
}

/** Listens, once the services are assembled. */
function serveOnSocket(
  parts: Parts,
  {
    accessLog,
    health,
    role,
    replace,
  }: {
    readonly accessLog: AccessLogCollector;
    readonly health: Health;
    readonly role: ProcessRole;
    readonly replace: boolean;
  },
  undo: Undo,
): Promise<RunningGrpcServer> {
  const { registry, logger } = parts;
  const { settings, snapshot } = parts.live.started;
  return startGrpcServer(
    { ...settings, listen: { ...settings.listen, socketPath: role.socketPath } },
    {
      tcp: tcpFrontOf(parts, role.number),
      service: assembleCheckService(
        parts,
        {
          allowed: (nowMs) => accessLog.allowed(nowMs),
          isTold: () => accessLog.isTold || role.isToldElsewhere?.() === true,
        },
        undo,
      ),
      certificates: assembleCertificates(undo),
      signer: assembleSigner(parts),
      snapshot: () => parts.live.snapshot,
      accessLog,
      health,
      load: new LoadMetrics(registry, () => logger.warn(STREAMS_REFUSED)),
      maxAnswerBytes: snapshot.feedback?.maxAnswerBytes,
      replace,
    },
  );
}

async function runBackwards(undo: Undo): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}
