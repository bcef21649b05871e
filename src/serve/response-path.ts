/** The parts of the way back: which executions are known, and the signer that asks for them. */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { AuditLog } from '../audit/audit-log.js';
import type { Configuration } from '../config/settings.js';
import { encodeBase64Url } from '../crypto/bytes.js';
import { selectSigner } from '../crypto/signing.js';
import { SigningSession, type ProcessingSession } from '../envoy/ext-proc/session.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import { openExecutionStore } from './open-executions.js';
import { findDisagreeingKey } from '../feedback/signing-self-test.js';
import { type DecisionMetrics, FeedbackMetrics } from '../observability/decision-metrics.js';
import type { LiveConfiguration } from './reload/live-configuration.js';
import { systemClock as clock } from './system-clock.js';

/** 24 URL-safe characters (docs/wire-contract.md#a-signed-answer). */
const NONCE_BYTES = 18;

/** What the verifier and the signer need of the executions. */
export type KnownExecutions = Pick<ExecutionStore, 'remember' | 'has' | 'close'>;

/** Without feedback nobody asks for an execution, and none is kept. */
const NO_EXECUTIONS: KnownExecutions = {
  remember: () => Promise.resolve(),
  has: () => false,
  close: () => Promise.resolve(),
};

/** Opens the store beside the nonces, which were opened before. Throws a sentence with the remedy when it cannot. */
export function openExecutions({ settings, snapshot }: Configuration): KnownExecutions {
  return snapshot.feedback === undefined
    ? NO_EXECUTIONS
    : openExecutionStore(snapshot.feedback.executions, settings.nonces);
}

/** What the signer is made of. */
export interface ResponsePathOptions {
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly executions: KnownExecutions;
  readonly registry: Registry;
  readonly decisions: DecisionMetrics;
}

/** What makes a session for each answer, once every key has signed as tweetnacl does (docs/security-requirements.md#6). Throws a sentence when one has not. */
export function assembleSigner(options: ResponsePathOptions): () => ProcessingSession {
  const { live, logger, audit, executions, registry, decisions } = options;
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
