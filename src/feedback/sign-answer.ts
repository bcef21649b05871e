/**
 * From an upstream's plain answer to the signed envelope, or to the reason for withholding it: judged first, and signed
 * when the caller, who may have to wait for a submission in between, says so.
 */
import { type AdjustmentDemands, refuseNotSubmitted } from './adjustments.js';
import { type ReadAnswer, readAnswer } from './answer-reader.js';
import {
  FEEDBACK_RESPONSE_SCHEMA,
  type SignedFields,
  feedbackSigningInput,
  isSignableField,
  writeEnvelope,
} from './envelope.js';
import type { FeedbackKey } from './feedback-key.js';
import { type FeedbackSettings, activeKeyOf, domainOf } from './feedback-settings.js';
import { type AnswerRefusal, refuseAnswer } from './refusal-code.js';

/** For whom an answer is signed, as the verifier established it when it let the query through. */
export interface FeedbackQuery {
  /** The verified tenant, byte for byte as the query had it. */
  readonly tenant: string;
  /** Our id of the decision on the query. */
  readonly decisionId: string;
}

/** An answer that may go to the client. */
export interface SignedAnswer {
  readonly kind: 'signed';
  /** The envelope, JSON in ASCII; up to six times as long as the upstream's answer, where that is full of DEL. */
  readonly body: Buffer;
  readonly kid: string;
  readonly adjustments: number;
  readonly nonce: string;
  readonly signedAtSeconds: number;
  /** Of a key in memory: the document in which a root key vouches for it. */
  readonly keyring: string | undefined;
}

/** Time and memory, passed in. */
export interface JudgingTools {
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Whether the query's tenant has submitted this pair, both in lower-case hex; asked only where it is required. */
  readonly wasSubmitted: (execution: string, attestation: string) => boolean;
}

/** Time, chance and arithmetic, passed in. */
export interface SigningTools {
  /** Unix milliseconds: those of the judgement, by which the key was chosen. */
  readonly nowMs: number;
  /** 24 URL-safe characters, fresh with every call: base64url of 18 random bytes. */
  readonly nonce: () => string;
  readonly sign: SignWithKey;
}

/**
 * Signs exactly these bytes with a key, for a tenant: at once with a key that is here; a source takes its time, and may
 * say why there is no signature. What it resolves with was verified. Never rejects.
 */
export type SignWithKey = (
  key: FeedbackKey,
  message: Uint8Array,
  tenant: string,
) => Uint8Array | Promise<Uint8Array | AnswerRefusal>;

const NONCE = /^[A-Za-z0-9_-]{24}$/;
const NO_ERRORS = Uint8Array.of(0x5b, 0x5d);

/** An answer that may be signed with the key that may sign now. */
interface JudgedAnswer {
  readonly kind: 'judged';
  readonly answer: ReadAnswer;
  readonly key: FeedbackKey;
}

/**
 * Judges an upstream's answer. What was verified afterwards: every adjustment carries the query's tenant, well-formed
 * hashes and a known schema, and, where `executions.required`, names a submitted pair. Linear in the length of the
 * answer, which is read once. Never throws for anything that an upstream can send.
 */
export function judgeAnswer(
  upstreamBody: Buffer,
  query: FeedbackQuery,
  settings: FeedbackSettings,
  tools: JudgingTools,
): JudgedAnswer | AnswerRefusal {
  if (!isSignableField(query.tenant)) return refuseAnswer('tenant_missing', 'the query has no usable tenant');
  if (upstreamBody.length > settings.maxAnswerBytes)
    return refuseAnswer('answer_too_large', `more than ${settings.maxAnswerBytes} bytes`);
  const key = activeKeyOf(domainOf(settings, query.tenant), tools.nowMs);
  if (key === undefined) return refuseAnswer('no_active_key', 'no key of the signing domain may sign now');
  const answer = readAnswer(upstreamBody, demandsOf(query, settings, tools));
  return answer.kind === 'refused' ? answer : { kind: 'judged', answer, key };
}

function demandsOf(query: FeedbackQuery, settings: FeedbackSettings, tools: JudgingTools): AdjustmentDemands {
  return {
    tenant: query.tenant,
    schemaVersions: settings.adjustmentSchemaVersions,
    wasSubmitted: settings.executions.required ? tools.wasSubmitted : undefined,
  };
}

/**
 * Signs what was judged for this query: at once where the key is here.
 * @throws Error when a tool breaks its promise, or the key was zeroized.
 */
export function signJudged(
  { answer, key }: JudgedAnswer,
  query: FeedbackQuery,
  tools: SigningTools,
): SignedAnswer | Promise<SignedAnswer | AnswerRefusal> {
  const { kid } = key;
  const nonce = tools.nonce();
  if (!NONCE.test(nonce)) throw new Error('a feedback nonce is 24 URL-safe characters');
  const signedAtSeconds = Math.floor(tools.nowMs / 1000);
  const { tenant } = query;
  const fields = { tenant, signedAtSeconds, nonce, schemaVersion: FEEDBACK_RESPONSE_SCHEMA, kid };
  const message = feedbackSigningInput(fields, answer.list.canonical);
  if (message === undefined) throw new Error('a field of the signing input cannot be signed');
  const finish = (signature: Uint8Array): SignedAnswer => ({
    kind: 'signed',
    body: bodyOf(answer, query, fields, signature),
    kid,
    adjustments: answer.list.count,
    nonce,
    signedAtSeconds,
    keyring: key.kind === 'local' ? key.document : undefined,
  });
  const signature = tools.sign(key, message, tenant);
  if (!(signature instanceof Promise)) return finish(signature);
  return signature.then((later) => ('code' in later ? later : finish(later)));
}

function bodyOf(
  answer: ReadAnswer,
  query: FeedbackQuery,
  fields: SignedFields,
  signature: Uint8Array,
): Buffer {
  const { buffer, byteOffset, byteLength } = writeEnvelope({
    ...fields,
    requestId: answer.requestId ?? query.decisionId,
    status: answer.status ?? 'accepted',
    data: answer.list.canonical,
    errors: answer.errors ?? NO_ERRORS,
    signature,
  });
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Asks whether a pair was submitted, both in lower-case hex; may throw or reject when that cannot be known. */
type AskSubmitted = (execution: string, attestation: string) => boolean | Promise<boolean>;

/**
 * Between the judgement of an answer, which asks for each adjustment in turn and waits for nobody, and its signature.
 * What is asked later counts as submitted until `refusal` has said otherwise: nothing may be signed before that.
 */
export class LateSubmissions {
  readonly #ask: AskSubmitted;
  readonly #late: Promise<readonly [position: number, submitted: boolean]>[] = [];
  #asked = 0;

  constructor(ask: AskSubmitted) {
    this.#ask = ask;
  }

  /** For `JudgingTools`: asked once for each adjustment, in their order. */
  readonly wasSubmitted = (execution: string, attestation: string): boolean => {
    const position = this.#asked++;
    const submitted = this.#ask(execution, attestation);
    if (typeof submitted === 'boolean') return submitted;
    const late = submitted.then((one) => [position, one] as const);
    // Looked at in `refusal`, which nobody calls where something else was wrong with the answer.
    late.catch(() => undefined);
    this.#late.push(late);
    return true;
  };

  /** Whether an answer is outstanding. */
  isWaiting(): boolean {
    return this.#late.length > 0;
  }

  /** Resolves with why nothing may be signed, undefined when everything was submitted. Never rejects. */
  async refusal(): Promise<AnswerRefusal | undefined> {
    try {
      const unknown = (await Promise.all(this.#late)).find(([, submitted]) => !submitted);
      return unknown && refuseNotSubmitted(unknown[0]);
    } catch {
      return refuseAnswer(
        'executions_unavailable',
        'the store of the executions does not say what was submitted',
      );
    }
  }
}
