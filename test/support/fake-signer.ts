/** The signer of answers with every effect faked, and messages as Envoy sends them. */
import { createPublicKey, verify } from 'node:crypto';
import { Registry } from 'prom-client';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { SigningSession } from '../../src/envoy/ext-proc/session.js';
import { LocalFeedbackKey } from '../../src/feedback/feedback-key.js';
import type { FeedbackSettings } from '../../src/feedback/feedback-settings.js';
import type { SignWithKey } from '../../src/feedback/sign-answer.js';
import { FeedbackMetrics } from '../../src/observability/decision-metrics.js';
import type { ExecutionPair } from '../../src/executions/execution-store.js';
import type { Snapshot } from '../../src/verify/snapshot.js';
import { FakeAudit } from './fake-service.js';
import {
  headersMessage,
  readProcessingResponse,
  type HeadersParts,
  type ReadProcessingResponse,
} from './processing-messages.js';
import { canonicalize } from '../../src/feedback/canonical-json.js';
import { localSign } from './signing.js';
import { always, makeSnapshot, NOW_MS, profilePolicy, TENANT } from './snapshots.js';

export const FEEDBACK_KID = 'fb-2026-11';
const feedbackKey = generateKeyPair(new Uint8Array(32).fill(9));

export const POLICY = 'federation.feedback-query';
export const DECISION_ID = '3f8c2c0e-6f7a-4c8e-9d55-0a4b1c2d3e4f';

/** What `feedback` in the configuration becomes. */
export function feedbackSettings(change: Partial<FeedbackSettings> = {}): FeedbackSettings {
  return {
    defaultDomain: {
      keys: [new LocalFeedbackKey(FEEDBACK_KID, feedbackKey, always)],
      activeKid: undefined,
    },
    tenantDomains: new Map(),
    adjustmentSchemaVersions: new Set(['feedback.adjustment.v1']),
    maxAnswerBytes: 4096,
    executions: { required: false, maxPerTenant: 10, retentionSeconds: 60 },
    ...change,
  };
}

/** The snapshot whose feedback queries have signed answers. */
export function signingSnapshot(
  settings: Partial<FeedbackSettings> = {},
  change: Partial<Snapshot> = {},
): Snapshot {
  const policy = profilePolicy(POLICY, { answer: 'signed_feedback' });
  const snapshot = makeSnapshot({ policies: [policy], feedback: feedbackSettings(settings) });
  return { ...snapshot, ...change };
}

/** An allow, as the verifier writes it into the metadata. */
export const ALLOWED = {
  code: 'allow',
  decision_id: DECISION_ID,
  policy: POLICY,
  identity: 'consumer-01',
  tenant: TENANT,
  operator: 'operator-7',
};

/** The headers of a good answer through an Envoy that is set up as ours. */
export const GOOD_HEADERS: HeadersParts = {
  headers: [
    [':status', '200'],
    ['content-type', 'application/json'],
    ['content-length', '2'],
  ],
  endOfStream: false,
  context: ALLOWED,
  codeDetails: 'via_upstream',
  responseBodyMode: 2,
  observed: false,
};

/** A status in the place of 200. */
export function withStatus(status: string, change: Partial<HeadersParts> = {}): HeadersParts {
  return { ...GOOD_HEADERS, headers: [[':status', status]], ...change };
}

/** A good answer with one more header. */
export function withHeader(name: string, value: string): HeadersParts {
  return { ...GOOD_HEADERS, headers: [...GOOD_HEADERS.headers, [name, value]] };
}

/** An adjustment that may be signed. */
export function adjustment(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    tenant_id: TENANT,
    execution_fingerprint: 'ab'.repeat(32),
    target_urn: 'urn:target:1',
    action: 'tighten',
    confidence: 0.82,
    ttl_seconds: 600,
    timestamp: 1_764_000_000,
    schema_version: 'feedback.adjustment.v1',
    attestation_measurement_hash: 'cd'.repeat(32),
    ...change,
  };
}

/** What a test may replace. */
export interface FakeSignerOptions {
  readonly snapshot?: () => Snapshot;
  readonly auditOnFailure?: 'refuse' | 'count';
  readonly nonce?: () => string;
  readonly sign?: SignWithKey;
  readonly submitted?: (pair: ExecutionPair) => boolean | Promise<boolean>;
}

export type FakeSigner = ReturnType<typeof fakeSigner>;

/** The signer, its fakes and a stream to it. */
export function fakeSigner(options: FakeSignerOptions = {}) {
  const snapshot = signingSnapshot();
  const audit = new FakeAudit();
  const registry = new Registry();
  const defects: unknown[] = [];
  const lost = { records: 0 };
  let nonces = 0;
  const tools = {
    snapshot: options.snapshot ?? (() => snapshot),
    hold: () => () => undefined,
    sign: options.sign ?? localSign(),
    nonce: options.nonce ?? (() => `nonce-${String(++nonces).padStart(18, '0')}`),
    executions: { has: options.submitted ?? (() => true) },
    audit,
    auditOnFailure: options.auditOnFailure ?? 'refuse',
    onRecordLost: () => (lost.records += 1),
    metrics: new FeedbackMetrics(registry),
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 1_000 },
    onDefect: (error: unknown) => void defects.push(error),
  };
  const open = () => {
    const session = new SigningSession(tools);
    const send = async (message: Buffer): Promise<ReadProcessingResponse> =>
      readProcessingResponse(await session.answer(message));
    return { session, send, headers: (parts: HeadersParts = GOOD_HEADERS) => send(headersMessage(parts)) };
  };
  /** How often each code was counted, by policy. */
  const counted = async (): Promise<Record<string, number>> => {
    const metric = await registry.getSingleMetric('countersign_feedback_answers_total')?.get();
    const values = (metric?.values ?? []).map(({ labels, value }) => [
      `${String(labels['policy'])} ${String(labels['code'])}`,
      value,
    ]);
    return Object.fromEntries(values) as Record<string, number>;
  };
  return { open, audit, registry, defects, lost, counted };
}

/** Whether OpenSSL finds the signature good over the text that docs/wire-contract.md says. */
export function holds(envelope: string, tenant: string = TENANT): boolean {
  const { data, signature, kid, signed_at, nonce, schema_version } = JSON.parse(envelope) as Record<
    string,
    string | number | unknown[]
  >;
  const canonical = canonicalize(Buffer.from(JSON.stringify(data)));
  if (!canonical.ok) throw new Error(canonical.fault);
  const head = `${tenant}|${String(signed_at)}|${String(nonce)}|${String(schema_version)}|${String(kid)}|`;
  const text = Buffer.concat([Buffer.from(head), canonical.canonical]);
  const x = Buffer.from(feedbackKey.publicKey.raw).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, text, publicKey, Buffer.from(String(signature), 'base64'));
}
