/** The services of a verifier, its health and what its admin port shows, each assembled of the parts that they share. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { encodeBase64Url } from '../crypto/bytes.js';
import { fastVerifier } from '../crypto/engines.js';
import { selectSigner } from '../crypto/signing.js';
import { AuthorizationService } from '../envoy/ext-authz/authorization-service.js';
import { PeerCertificates } from '../envoy/ext-authz/peer-certificates.js';
import { SigningSession, type ProcessingSession } from '../envoy/ext-proc/session.js';
import { publishedKeys, toJwkSet } from '../feedback/keyring.js';
import { findDisagreeingKey } from '../feedback/feedback-settings.js';
import { claimEffect } from '../nonces/claim-effect.js';
import type { NonceClaim } from '../nonces/nonce-store.js';
import type { AdminView } from '../observability/admin-server.js';
import { FeedbackMetrics, timedClaims, type DecisionMetrics } from '../observability/decision-metrics.js';
import { Health, keyHealth } from '../observability/health.js';
import { Admission } from '../verify/admission.js';
import { StallDetector, systemClock as clock } from './clocks.js';
import type { LiveConfiguration } from './reload/live-configuration.js';
import type { Reloading } from './reload/reload.js';
import type { Stores, Undo } from './stores.js';

/** 24 URL-safe characters (docs/wire-contract.md#a-signed-answer). */
const NONCE_BYTES = 18;

/** What the services are made of. */
export interface Parts extends Stores {
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly decisions: DecisionMetrics;
}

/** Judges requests: the ext_authz service. */
export function assembleCheckService(
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
  const claimNonce = claimEffect(store, { checkTimeoutMilliseconds, bounds: settings.nonces, claim });
  return new AuthorizationService({
    snapshot: () => live.snapshot,
    verifier: fastVerifier(),
    admission: new Admission({ rateLimits: rates, claimNonce }),
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

/** What makes a session for each answer, once every key has signed as tweetnacl does (docs/security-requirements.md#6). Throws a sentence when one has not. */
export function assembleSigner(parts: Parts): () => ProcessingSession {
  const { live, logger, audit, executions, registry, decisions } = parts;
  const { feedback } = live.snapshot;
  const signer = selectSigner();
  const disagreeing = feedback && findDisagreeingKey(feedback, signer);
  if (disagreeing !== undefined)
    throw new Error(`the signing self-test failed for the feedback key ${disagreeing}`);
  const tools = {
    snapshot: () => live.snapshot,
    hold: () => live.hold(),
    signer,
    nonce: () => encodeBase64Url(randomBytes(NONCE_BYTES)),
    executions,
    audit,
    auditOnFailure: live.started.settings.audit.onFailure,
    onRecordLost: () => decisions.recordLost(),
    metrics: new FeedbackMetrics(registry),
    clock,
    onDefect: (error: unknown, decisionId: string) =>
      logger.error({ err: error, decision_id: decisionId }, 'an answer failed by a defect'),
  };
  return () => new SigningSession(tools);
}

/**
 * A log whose losses are only counted does not make the verifier unready, and neither does a reload that was
 * refused: there always is a good configuration in force.
 */
export function assembleHealth({ live, audit, store }: Parts, reloading: Reloading): Health {
  const matters = live.started.settings.audit.onFailure === 'refuse';
  return new Health([
    { name: 'configuration', fault: () => undefined, note: () => reloading.log.warning() },
    keyHealth(() => live.snapshot, clock.nowMs),
    { name: 'nonce_store', fault: () => store.status().unhealthy },
    { name: 'audit', fault: () => (matters ? audit.fault() : undefined) },
  ]);
}

/** What the admin port shows of the configuration: facts for `/status`, the public feedback keys, and the reload. */
export function adminView(
  { live, store }: Parts,
  reloading: Reloading,
): Pick<AdminView, 'describe' | 'keyring' | 'reload'> {
  return {
    describe: () => ({
      configuration: {
        file: live.current.file,
        generation: live.snapshot.generation,
        last_reload: reloading.log.describe(),
      },
      policies: [...live.snapshot.policies.keys()],
      nonces: { store: store.name, ...store.status() },
    }),
    keyring: (tenant) => {
      const { feedback } = live.snapshot;
      return feedback && toJwkSet(publishedKeys(feedback, clock.nowMs(), tenant));
    },
    reload: reloading.answer,
  };
}
