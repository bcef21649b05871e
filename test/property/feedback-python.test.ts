/** Whatever an upstream writes: what is signed of it is verified by a consumer in Python, and is what was written. */
import { randomBytes } from 'node:crypto';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { LocalFeedbackKey } from '../../src/feedback/feedback-key.js';
import type { FeedbackSettings } from '../../src/feedback/feedback-settings.js';
import { AnswerSource } from '../e2e/support/generated-answers.js';
import { consume, type ConsumerTask } from '../e2e/support/python-consumer.js';
import { localSign, signAnswer } from '../support/signing.js';
import { Chance, seed } from './json-documents.js';

const NOW_SECONDS = 1_764_000_000;
const TENANT = '11111111-1111-4111-8111-111111111111';
const ANSWERS = 2_000;

test(`${ANSWERS} generated answers are verified by the consumer in Python (JSON_SEED=${seed})`, () => {
  const validity = { notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER };
  const key = new LocalFeedbackKey('fb-1', generateKeyPair(randomBytes(32)), validity);
  const settings: FeedbackSettings = {
    defaultDomain: { keys: [key], activeKid: undefined },
    tenantDomains: new Map(),
    adjustmentSchemaVersions: new Set(['feedback.adjustment.v1']),
    maxAnswerBytes: 1_048_576,
    executions: { required: false, maxPerTenant: 1, retentionSeconds: 1 },
  };
  const query = { tenant: TENANT, decisionId: 'd-1', policy: 'feedback', operator: 'o', identity: 'i' };
  const source = new AnswerSource(new Chance(seed), TENANT);
  const sign = localSign();
  const tasks = Array.from({ length: ANSWERS }, (_, number): ConsumerTask => {
    const { text, executions, attestations } = source.answer();
    const nonce = (): string => `nonce-${number}`.padEnd(24, '_');
    const tools = { nowMs: NOW_SECONDS * 1000, nonce, sign, wasSubmitted: () => true };
    const signed = signAnswer(Buffer.from(text), query, settings, tools);
    if (signed.kind === 'refused')
      throw new Error(`answer ${number}: ${signed.code}, ${signed.detail}\n${text}`);
    return { body: signed.body, now: NOW_SECONDS, executions, attestations, upstream: Buffer.from(text) };
  });
  const keyring = JSON.stringify({ 'fb-1': Buffer.from(key.publicKey.raw).toString('base64') });
  const verdicts = consume({ keyring, tenant: TENANT }, tasks);
  for (const [number, verdict] of verdicts.entries()) {
    const applied = tasks[number]?.executions?.map((_, index) => index);
    const wanted = { accepted: true, applied, dropped: [], unchanged: true };
    expect({ number, verdict }).toMatchObject({ number, verdict: wanted });
  }
  expect(verdicts).toHaveLength(ANSWERS);
}, 120_000);
