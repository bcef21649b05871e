/** What signing an answer needs, and an upstream's answer to sign, for a test to change. */
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';
import {
  type FeedbackQuery,
  type JudgingTools,
  type SignedAnswer,
  type SigningTools,
  type SignWithKey,
  judgeAnswer,
  signJudged,
} from '../../src/feedback/sign-answer.js';
import type { AnswerRefusal } from '../../src/feedback/refusal-code.js';
import { LocalFeedbackKey, type FeedbackKey } from '../../src/feedback/feedback-key.js';
import type { FeedbackSettings } from '../../src/feedback/feedback-settings.js';
import type { ValidityInterval } from '../../src/protocol/validity-interval.js';
import { ADJUSTMENT, KID, TENANT } from './signed-feedback.js';

/** The last millisecond of a second, so that a test sees whether fractions are cut. */
export const SIGNING_MS = 1_764_000_000_999;
export const SIGNING_SECONDS = 1_764_000_000;
export const DECISION_ID = 'd-0001';
export const FEEDBACK_NONCE = 'AbCdEfGhIjKlMnOpQrStUv_-';

const always = { notBeforeMs: -Infinity, notAfterMs: Infinity };

/** The key that is made of one byte, as `testKey` of the consumer's tests is. */
export function feedbackKey(
  kid: string = KID,
  fill = 1,
  validity: Partial<ValidityInterval> = {},
): LocalFeedbackKey {
  return new LocalFeedbackKey(kid, generateKeyPair(new Uint8Array(32).fill(fill)), {
    ...always,
    ...validity,
  });
}

/** Settings with one key that is always valid. */
export function feedbackSettings(change: Partial<FeedbackSettings> = {}): FeedbackSettings {
  return {
    defaultDomain: { keys: [feedbackKey()], activeKid: undefined },
    tenantDomains: new Map(),
    adjustmentSchemaVersions: new Set(['feedback.adjustment.v1']),
    maxAnswerBytes: 1_048_576,
    executions: { required: false, maxPerTenant: 100, retentionSeconds: 3600 },
    ...change,
  };
}

/** The query of the tenant of `ADJUSTMENT`. */
export function feedbackQuery(change: Partial<FeedbackQuery> = {}): FeedbackQuery {
  return {
    tenant: TENANT,
    decisionId: DECISION_ID,
    ...change,
  };
}

/** Of both halves. */
export type AnswerTools = JudgingTools & SigningTools;

/** Judges an answer and signs it at once, as the session does where it has nothing to wait for. */
export function signAnswer(
  upstreamBody: Buffer,
  query: FeedbackQuery,
  settings: FeedbackSettings,
  tools: AnswerTools,
): SignedAnswer | AnswerRefusal {
  const judged = judgeAnswer(upstreamBody, query, settings, tools);
  if (judged.kind === 'refused') return judged;
  const signed = signJudged(judged, query, tools);
  if (signed instanceof Promise) throw new Error('a key that is here signs at once');
  return signed;
}

/** A key whose private half is here. */
export function localKey(key: FeedbackKey | undefined): LocalFeedbackKey {
  if (key?.kind !== 'local') throw new Error('not a key that is here');
  return key;
}

/** Keys that are here, and no other. */
export function localSign(signer = selectSigner()): SignWithKey {
  return (key, message) => localKey(key).sign(signer, message);
}

/** Tools whose clock stands and whose nonce repeats. */
export function signingTools(change: Partial<AnswerTools> = {}): AnswerTools {
  return {
    nowMs: SIGNING_MS,
    nonce: () => FEEDBACK_NONCE,
    sign: localSign(),
    wasSubmitted: () => {
      throw new Error('asked although nothing is required');
    },
    ...change,
  };
}

/** JSON text of an adjustment, its members replaced by JSON texts, left out with `undefined`, or added. */
export function adjustmentText(change: Readonly<Record<string, string | undefined>> = {}): string {
  const members = new Map<string, string | undefined>(
    Object.entries(ADJUSTMENT).map(([name, value]) => [name, JSON.stringify(value)]),
  );
  for (const [name, text] of Object.entries(change)) members.set(name, text);
  const written = [...members].flatMap(([name, text]) =>
    text === undefined ? [] : [`${JSON.stringify(name)}: ${text}`],
  );
  return `{${written.join(', ')}}`;
}
