/** The services of a verifier, its health and what its admin port shows, each assembled of the parts that they share. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ServerSettings } from '../config/settings.js';
import { encodeBase64Url } from '../crypto/bytes.js';
import { engineInUse, fastVerifier } from '../crypto/engines.js';
import type { Signer } from '../crypto/signing.js';
import { AccessLogCollector } from '../envoy/access-log/collector.js';
import { CheckService } from '../envoy/check/check-service.js';
import { PeerCertificates } from '../envoy/check/peer-certificates.js';
import { SigningSession, type ProcessingSession, type VerifiedRequest } from '../envoy/ext-proc/session.js';
import { publishedKeys, toJwkSet } from '../feedback/keyring.js';
import { findDisagreeingKey } from '../feedback/feedback-settings.js';
import type { SignWithKey } from '../feedback/sign-answer.js';
import type { SigningSources } from '../keys/signing-sources.js';
import { claimEffect } from '../nonces/claim-effect.js';
import { deliveryNotes } from '../nonces/deliveries.js';
import { DeliveryWaits } from '../nonces/delivery-waits.js';
import type { NonceClaim } from '../nonces/nonce-store.js';
import { addGauge } from '../observability/metric-kinds.js';
import { AccessLogMetrics } from '../observability/access-log-metrics.js';
import type { AdminView } from '../observability/admin-server.js';
import { auditLogHealth, describeAuditLog, type AuditLogLook } from '../observability/audit-log-view.js';
import { FeedbackMetrics, timedClaims, type DecisionMetrics } from '../observability/decision-metrics.js';
import { soonestEnds } from '../observability/expiry-gauge.js';
import { engineHealth, Health, keyHealth } from '../observability/health.js';
import { describeKeySets, keySetsHealth, type KeySetsLook } from '../observability/key-sets-view.js';
import { describeDelegation } from '../observability/delegation-view.js';
import { describeKeySources, keySourcesHealth } from '../observability/key-sources-view.js';
import { describeEntry, entriesInForce, reportOnlyHealth } from '../observability/report-only-view.js';
import {
  describeKeyRotation,
  keyRotationHealth,
  type KeyRotationLook,
} from '../observability/key-rotation-view.js';
import { pageSource } from '../observability/page/page-source.js';
import type { RecentDecisions } from '../observability/page/recent-decisions.js';
import type { Tracing } from '../observability/tracing/tracing.js';
import { Admission } from '../verify/admission.js';
import { WhySearch, type SearchOutcome } from '../why/search.js';
import { StallDetector, systemClock as clock } from './clocks.js';
import type { DelegationInForce } from './delegation.js';
import { signRemotely } from './key-sources/open-key-sources.js';
import type { LiveConfiguration } from './reload/live-configuration.js';
import type { Reloading } from './reload/reload.js';
import type { Stores, Undo } from './stores.js';

/** 24 URL-safe characters (docs/wire-contract.md#a-signed-answer). */
const NONCE_BYTES = 18;

/** What the services are made of. */
export interface Parts extends Stores {
  /** The audit log, where this process seals it. */
  readonly sealed: AuditLogLook | undefined;
  /** Feedback keys on schedule, where this process keeps them. */
  readonly rotation: KeyRotationLook | undefined;
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly decisions: DecisionMetrics;
  /** For the page. */
  readonly recent: RecentDecisions;
  /** Where it is configured. */
  readonly tracing: Tracing | undefined;
  readonly keySets: KeySetsLook;
  /** Those that sign with keys which stay there. */
  readonly keySources: SigningSources;
  /** Of keys that are here. */
  readonly signer: Signer;
  /** With any key, through its source where it stays there. */
  readonly sign: SignWithKey;
  readonly delegation: Pick<DelegationInForce, 'look'>;
}

/** What checks need of the access log: `isTold`, whether Envoy tells this process, or one beside it, what becomes of allows. */
interface AccessLogForChecks {
  readonly allowed: AccessLogCollector['allowed'];
  readonly isTold: () => boolean;
}

/** Of what a process takes on copies that wait may be this part, and those of one identity this part of it. */
const WAITING_PART = 4;
/** More than a producer sends again before it was answered. */
const WAITING_COPIES_OF_ONE = 4;

function waitsFor(
  store: Stores['store'],
  isTold: () => boolean,
  { maxConcurrentChecks, checkTimeoutMilliseconds }: ServerSettings['limits'],
): DeliveryWaits {
  const maxInAll = Math.ceil(maxConcurrentChecks / WAITING_PART);
  const maxPerIdentity = Math.ceil(maxInAll / WAITING_PART);
  const maxWaitMs = checkTimeoutMilliseconds / 2;
  const maxPerNonce = WAITING_COPIES_OF_ONE;
  return new DeliveryWaits({ store, isTold, maxInAll, maxPerIdentity, maxPerNonce, maxWaitMs, clock });
}

/** What peers showed of themselves, for the fronts. */
export function assembleCertificates(undo: Undo): PeerCertificates {
  const certificates = new PeerCertificates();
  undo.push(() => certificates.close());
  return certificates;
}

/** Judges requests, whichever front reads them. */
export function assembleCheckService(
  { live, logger, audit, store, executions, rates, registry, decisions, recent, tracing }: Parts,
  accessLog: AccessLogForChecks,
  undo: Undo,
): CheckService {
  const { settings } = live.started;
  const stalls = new StallDetector();
  undo.push(() => stalls.close());
  const { monotonicMs } = clock;
  const { checkTimeoutMilliseconds } = settings.limits;
  const timing = { registry, store: store.name, monotonicMs };
  const claim = timedClaims((one: NonceClaim) => store.claim(one), timing);
  const waits = waitsFor(store, accessLog.isTold, settings.limits);
  const claimNonce = claimEffect(store, { checkTimeoutMilliseconds, bounds: settings.nonces, claim, waits });
  return new CheckService({
    snapshot: () => live.snapshot,
    verifier: fastVerifier(),
    admission: new Admission({ rateLimits: rates, claimNonce }),
    executions,
    audit,
    auditOnFailure: settings.audit.onFailure,
    metrics: decisions,
    recent,
    tracing,
    onAllowed: () => accessLog.allowed(clock.nowMs()),
    clock,
    maxConcurrentChecks: settings.limits.maxConcurrentChecks,
    waitingCopies: () => waits.waiting,
    claimMarginMilliseconds: settings.limits.claimMarginMilliseconds,
    onDefect: (error, decisionId) =>
      logger.error({ err: error, decision_id: decisionId }, 'a check failed by a defect'),
    afterStall: () => stalls.afterStall(),
  });
}

/** Often enough to tell of a loss while somebody may still look for it. */
const ACCESS_LOG_LOOK_MILLISECONDS = 10_000;

/** Takes what Envoy tells of requests and connections that are over. */
export function assembleAccessLog(
  { live, events, registry, decisions, store, rates }: Parts,
  undo: Undo,
): AccessLogCollector {
  const collector = new AccessLogCollector({
    audit: events,
    metrics: new AccessLogMetrics(registry),
    onRecordLost: () => decisions.recordLost(),
    onDeliveries: deliveryNotes(store, rates),
    nowMs: clock.nowMs,
    monotonicMs: clock.monotonicMs,
    isAlone: live.started.settings.workers === 1,
  });
  const look = setInterval(() => collector.look(), ACCESS_LOG_LOOK_MILLISECONDS).unref();
  undo.push(() => {
    clearInterval(look);
    collector.close();
  });
  return collector;
}

/** What makes a session for each answer, once every key has signed as tweetnacl does (docs/security-requirements.md#6). Throws a sentence when one has not. */
export function assembleSigner(parts: Parts): (verified?: VerifiedRequest) => ProcessingSession {
  const { live, logger, audit, executions, registry, decisions, signer, sign } = parts;
  const { feedback } = live.snapshot;
  const disagreeing = feedback && findDisagreeingKey(feedback, signer);
  if (disagreeing !== undefined)
    throw new Error(`the signing self-test failed for the feedback key ${disagreeing}`);
  const tools = {
    snapshot: () => live.snapshot,
    hold: () => live.hold(),
    sign,
    nonce: () => encodeBase64Url(randomBytes(NONCE_BYTES)),
    executions,
    audit,
    auditOnFailure: live.started.settings.audit.onFailure,
    onRecordLost: () => decisions.recordLost(),
    metrics: new FeedbackMetrics(registry, (code) => parts.recent.answered(code)),
    tracing: parts.tracing,
    clock,
    onDefect: (error: unknown, decisionId: string) =>
      logger.error({ err: error, decision_id: decisionId }, 'an answer failed by a defect'),
  };
  return (verified) => new SigningSession(tools, verified);
}

/** Keys that are here sign at once, others through their source. */
export function signWith(signer: Signer, keySources: SigningSources): SignWithKey {
  return (key, message, tenant) =>
    key.kind === 'local' ? key.sign(signer, message) : signRemotely(keySources, key, message, tenant);
}

/**
 * A log whose losses are only counted does not make the verifier unready, and neither does a reload that was
 * refused: there always is a good configuration in force.
 */
export function assembleHealth(
  { live, audit, store, sealed, rotation, registry, keySets, keySources }: Parts,
  reloading: Reloading,
): Health {
  const matters = live.started.settings.audit.onFailure === 'refuse';
  const health = new Health([
    { name: 'configuration', fault: () => undefined, note: () => reloading.log.warning() },
    keyHealth(() => live.snapshot, clock.nowMs),
    keySetsHealth(keySets, clock.nowMs),
    keySourcesHealth(keySources),
    { name: 'nonce_store', fault: () => store.status().unhealthy },
    { name: 'audit', fault: () => (matters ? audit.fault() : undefined) },
    reportOnlyHealth(() => live.snapshot, clock.nowMs),
    ...engineHealth(engineInUse().notes),
    ...(sealed === undefined ? [] : [auditLogHealth(sealed)]),
    ...(rotation === undefined ? [] : [keyRotationHealth(rotation)]),
  ]);
  addGauge(registry, {
    name: 'countersign_serving',
    help: '1 while every component works (what /readyz says); with workers while one of them serves.',
    aggregator: 'max',
    read: () => (health.isServing() ? 1 : 0),
  });
  return health;
}

/** What the admin port shows of the configuration: facts for `/status`, the public feedback keys, and the reload. */
export function adminView(
  { live, store, sealed, rotation, recent, keySets, keySources, delegation }: Parts,
  reloading: Reloading,
  accessLog: Pick<AccessLogCollector, 'status'>,
): Pick<AdminView, 'describe' | 'keyring' | 'reload' | 'page'> {
  const source = pageSource({
    recent,
    reloads: () => reloading.log.history(),
    soonestEnds: soonestEnds(() => live.loaded, clock.nowMs),
    snapshot: () => live.snapshot,
    nowMs: clock.nowMs,
  });
  return {
    page: { source, search: searchOf(live.started.settings) },
    describe: () => ({
      configuration: {
        file: live.current.file,
        generation: live.snapshot.generation,
        last_reload: reloading.log.describe(),
      },
      policies: [...live.snapshot.policies.keys()],
      report_only: entriesInForce(live.snapshot, clock.nowMs()).map(describeEntry),
      key_sets: describeKeySets(keySets, clock.nowMs()),
      key_sources: describeKeySources(keySources),
      delegation: describeDelegation(delegation.look()),
      nonces: { store: store.name, ...store.status() },
      access_log: accessLog.status(),
      audit_log: sealed && describeAuditLog(sealed),
      key_rotation: rotation && describeKeyRotation(rotation),
    }),
    keyring: (tenant) => {
      const { feedback } = live.snapshot;
      return feedback && toJwkSet(publishedKeys(feedback, clock.nowMs(), tenant));
    },
    reload: reloading.answer,
  };
}

/** Looks a request up in what this machine has of its records. */
export function searchOf({ audit, envoy }: ServerSettings): (id: string) => Promise<SearchOutcome> {
  const files = audit.sink?.kind === 'file' ? [audit.sink.path] : [];
  const search = new WhySearch({
    audit: files,
    envoy: envoy === undefined ? [] : [envoy.accessLogPath],
    log: audit.log?.directory,
  });
  return (id) => search.search(id);
}
