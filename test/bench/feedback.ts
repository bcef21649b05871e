/**
 * What a signed answer costs: canonical text and signatures in this process, and what the signer adds for a
 * consumer through Envoy. Ratios against the least that anybody would pay: one bare signature, and parsing and
 * printing the same JSON without any check.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { encodeBase64Url } from '../../src/crypto/bytes.js';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';
import { canonicalize } from '../../src/feedback/canonical-json.js';
import { LocalFeedbackKey } from '../../src/feedback/feedback-key.js';
import type { FeedbackSettings } from '../../src/feedback/feedback-settings.js';
import { signAnswer, type AnswerTools } from '../support/signing.js';

const TENANT = '3b241101-e2bb-4255-8caf-4136c566a962';
const HASH = 'ab'.repeat(32);
/** Long enough for the compiler, short enough for a patient reader. */
const WARM_UP_MILLISECONDS = 400;
const MEASURED_MILLISECONDS = 1_000;
const ALWAYS = { notBeforeMs: -Infinity, notAfterMs: Infinity };

/** Figures of one core. */
export interface FeedbackFigures {
  readonly canonicalMegabytesPerSecond: number;
  /** Of the same text, by `JSON.parse` and `JSON.stringify`, which check and sort nothing. */
  readonly parseAndPrintMegabytesPerSecond: number;
  readonly signaturesPerSecond: number;
  /** Whole answers, by the number of their adjustments. */
  readonly answersPerSecond: Readonly<Record<'none' | 'ten' | 'hundred', number>>;
}

/** Adjustments as the reference application answers with. */
export function adjustments(count: number, tenant = TENANT): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => ({
    tenant_id: tenant,
    execution_fingerprint: HASH,
    target_urn: `urn:robot:${index}`,
    action: 'tighten',
    confidence: 0.82,
    rationale: 'eight nodes or more in the execution graph, é and 漢字 among them',
    control: 'speed_limit',
    ttl_seconds: 3600,
    timestamp: 1_764_000_000 + index,
    schema_version: 'feedback.adjustment.v1',
    attestation_measurement_hash: HASH,
  }));
}

/** Takes some fifteen seconds. */
export function benchFeedback(): FeedbackFigures {
  const text = Buffer.from(JSON.stringify(adjustments(1_000)));
  const megabytes = text.length / 1e6;
  const key = generateKeyPair(randomBytes(32));
  const message = Buffer.alloc(64, 1);
  const signer = selectSigner();
  const tools: AnswerTools = {
    nowMs: Date.now(),
    nonce: () => encodeBase64Url(randomBytes(18)),
    sign: (one, bytes) => (one.kind === 'local' ? one.sign(signer, bytes) : bytes),
    wasSubmitted: () => true,
  };
  const settings: FeedbackSettings = {
    defaultDomain: { keys: [new LocalFeedbackKey('bench', key, ALWAYS)], activeKid: undefined },
    tenantDomains: new Map(),
    adjustmentSchemaVersions: new Set(['feedback.adjustment.v1']),
    maxAnswerBytes: 1_048_576,
    executions: { required: false, maxPerTenant: 1, retentionSeconds: 1 },
  };
  const query = {
    tenant: TENANT,
    decisionId: randomUUID(),
    policy: 'feedback',
    operator: 'o',
    identity: 'i',
  };
  const answers = (count: number): number => {
    const body = Buffer.from(JSON.stringify({ data: adjustments(count) }));
    return perSecond(() => {
      if (signAnswer(body, query, settings, tools).kind !== 'signed') throw new Error('not signed');
    });
  };
  return {
    canonicalMegabytesPerSecond: megabytes * perSecond(() => canonicalize(text)),
    parseAndPrintMegabytesPerSecond: megabytes * perSecond(() => JSON.stringify(JSON.parse(text.toString()))),
    signaturesPerSecond: perSecond(() => signer.sign(key, message)),
    answersPerSecond: { none: answers(0), ten: answers(10), hundred: answers(100) },
  };
}

function perSecond(run: () => unknown): number {
  repeat(run, WARM_UP_MILLISECONDS);
  return repeat(run, MEASURED_MILLISECONDS);
}

function repeat(run: () => unknown, milliseconds: number): number {
  const started = performance.now();
  let count = 0;
  let passed = 0;
  for (; passed < milliseconds; passed = performance.now() - started) {
    run();
    count++;
  }
  return (count * 1000) / passed;
}
