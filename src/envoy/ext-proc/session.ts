/**
 * One response on its way to the client. Whatever is unexpected, thrown or absent ends in a refusal; the one way
 * to a 200 is a whole body, signed for the query that the verifier let through, and recorded.
 */
import type { Appended, AuditLog } from '../../audit/audit-log.js';
import { feedbackRecordLine, type FeedbackRecordInput } from '../../audit/feedback-record.js';
import type { ShedReason } from '../../grpc/method.js';
import type { ExecutionStore } from '../../executions/execution-store.js';
import { LateSubmissions, judgeAnswer, signJudged, type SignWithKey } from '../../feedback/sign-answer.js';
import { refuseAnswer } from '../../feedback/refusal-code.js';
import type { AnswerStage, FeedbackMetrics } from '../../observability/decision-metrics.js';
import type { Tracing } from '../../observability/tracing/tracing.js';
import type { Snapshot } from '../../verify/snapshot.js';
import {
  readProcessingRequest,
  type ProcessingRequest,
  type ResponseBody,
  type ResponseHeaders,
} from './request.js';
import {
  encodeHeaders,
  encodeOutcome,
  heldHeaders,
  PASS_BODY,
  PASS_HEADERS,
  recordedOutcome,
  unsignedHeaders,
  type Outcome,
} from './response.js';
import { judgeHeaders, type Held } from './headers-verdict.js';
import { StageTimer } from '../../verify/stage-timer.js';

/** Everything that signing works with; all of it is passed in. */
interface SigningOptions {
  readonly snapshot: () => Snapshot;
  /** Keeps the keys of the present snapshot usable, until what it returns is called. */
  readonly hold: () => () => void;
  readonly sign: SignWithKey;
  /** 24 URL-safe characters from a cryptographic source, fresh with every call. */
  readonly nonce: () => string;
  /** Asked only where `feedback.executions.required`. */
  readonly executions: Pick<ExecutionStore, 'has'>;
  readonly audit: AuditLog;
  /** `refuse`: what cannot be recorded is not signed. */
  readonly auditOnFailure: 'refuse' | 'count';
  /** A record could not be written. */
  readonly onRecordLost: () => void;
  readonly metrics: FeedbackMetrics;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly clock: { readonly nowMs: () => number; readonly monotonicMs: () => number };
  /** A defect: something was thrown where nothing may be. */
  readonly onDefect: (error: unknown, decisionId: string) => void;
}

/** One ext_proc stream, in lock-step: exactly one reply to each message. */
export interface ProcessingSession {
  /** A message is here, and may have to wait for its turn: behind those of the lane that this names. */
  arrives?(): string | undefined;
  /** The serialised ProcessingResponse to a serialised ProcessingRequest. Never rejects. */
  answer(message: Buffer): Promise<Uint8Array>;
  /** The reply in place of one that is not worked out: there is no room. Never rejects. */
  refuse(reason?: ShedReason): Promise<Uint8Array>;
  /** The last reply was given: to end the stream after it lets nothing pass unsigned (docs/envoy-behaviour.md#2). */
  isDone(): boolean;
  /** The verified identity that the answer is for; undefined until the first message was read. */
  identity(): string | undefined;
  /** Envoy has ended the stream, for whatever reason. */
  close(): void;
}

/** What may come next. `local_reply`: the body of Envoy's own refusal, or of an answer that is let pass unsigned. `held`: the one to sign. `done`: nothing. */
type State =
  { readonly kind: 'headers' } | { readonly kind: 'local_reply' } | { readonly kind: 'done' } | Held;

const DONE: State = { kind: 'done' };
const LOCAL_REPLY: State = { kind: 'local_reply' };

const OUT_OF_TURN = refuseAnswer('internal_error', 'Envoy sent a message that was not due');
const MALFORMED = refuseAnswer('internal_error', 'not a ProcessingRequest');
const IN_PARTS = refuseAnswer('internal_error', 'Envoy sent the answer in parts');
const DEFECT = refuseAnswer('internal_error', 'a defect');
const UNRECORDED = refuseAnswer('internal_error', 'the record could not be written');
const EMPTY = refuseAnswer('answer_missing', 'the body is empty');
const NOT_AWAITED = refuseAnswer('answer_missing', 'Envoy ended the stream before the answer had left');
const NO_ROOM = refuseAnswer('overloaded', 'too much is held or awaited for this identity');
const NEVER_CAME = refuseAnswer('answer_missing', 'Envoy ended the stream before the body was here');

/** What the same stream has established about the request, in the place of metadata and first message. */
export type VerifiedRequest = Required<Pick<ProcessingRequest, 'context' | 'responseBodyMode'>>;

export class SigningSession implements ProcessingSession {
  readonly #options: SigningOptions;
  readonly #verified: VerifiedRequest | undefined;
  readonly #release: () => void;
  readonly #snapshot: Snapshot;
  #state: State = { kind: 'headers' };
  #context: ProcessingRequest['context'];
  #envoyRequestId: string | undefined;
  #timer: StageTimer<AnswerStage>;
  #upstreamBody: Buffer | undefined;
  #isClosed = false;

  constructor(options: SigningOptions, verified?: VerifiedRequest) {
    this.#options = options;
    this.#verified = verified;
    this.#context = verified?.context;
    this.#release = options.hold();
    this.#snapshot = options.snapshot();
    this.#timer = new StageTimer(options.clock.monotonicMs);
  }

  async answer(message: Buffer): Promise<Uint8Array> {
    this.#timer = new StageTimer(this.#options.clock.monotonicMs);
    try {
      return await this.#step(message);
    } catch (error) {
      this.#options.onDefect(error, this.#context?.get('decision_id') ?? '');
      return this.#conclude(DEFECT);
    }
  }

  refuse(): Promise<Uint8Array> {
    this.#timer = new StageTimer(this.#options.clock.monotonicMs);
    this.#state = DONE;
    return this.#conclude(NO_ROOM);
  }

  isDone(): boolean {
    return this.#state === DONE;
  }

  identity(): string | undefined {
    return this.#context?.get('identity');
  }

  /** A body that never came was over Envoy's limit, or the client or the upstream has gone. */
  close(): void {
    const awaited = this.#state.kind === 'held';
    this.#state = DONE;
    this.#isClosed = true;
    if (awaited) {
      this.#options.metrics.count(this.#policy(), NEVER_CAME.code);
      void this.#append(NEVER_CAME, false);
    }
    this.#release();
  }

  #step(message: Buffer): Uint8Array | Promise<Uint8Array> {
    const state = this.#state;
    this.#state = DONE;
    const request = read(message);
    this.#timer.mark('decode');
    if (request === undefined) return this.#conclude(MALFORMED);
    if (state.kind === 'headers') return this.#headers(request);
    if (request.part.kind !== 'response_body' || state.kind === 'done') return this.#conclude(OUT_OF_TURN);
    if (state.kind === 'local_reply') return this.#passBody(request.part);
    const outcome = this.#sign(request.part, state);
    return outcome instanceof Promise
      ? outcome.then((later) => this.#conclude(later))
      : this.#conclude(outcome);
  }

  #headers(message: ProcessingRequest): Uint8Array | Promise<Uint8Array> {
    const request = this.#verified === undefined ? message : { ...message, ...this.#verified };
    const { part, context, attributes } = request;
    this.#context = context;
    this.#envoyRequestId = attributes.get('request.id');
    if (part.kind !== 'response_headers') return this.#conclude(OUT_OF_TURN);
    const verdict = judgeHeaders(request, part, this.#snapshot);
    if (verdict.kind === 'refused') return this.#conclude(verdict);
    if (verdict.kind !== 'held') return this.#passHeaders(part, verdict.kind);
    this.#state = verdict;
    return encodeHeaders(heldHeaders(part));
  }

  /** The verifier has recorded its own refusals; Envoy's are in the access log. */
  #passHeaders(part: ResponseHeaders, why: 'local_reply' | 'unsigned'): Uint8Array {
    if (!part.endOfStream) this.#state = LOCAL_REPLY;
    this.#options.metrics.count(this.#policy(), why);
    return why === 'unsigned' ? encodeHeaders(unsignedHeaders(part)) : PASS_HEADERS;
  }

  #passBody({ endOfStream }: ResponseBody): Uint8Array {
    if (!endOfStream) this.#state = LOCAL_REPLY;
    return PASS_BODY;
  }

  #sign({ body, endOfStream }: ResponseBody, { query, settings }: Held): Outcome | Promise<Outcome> {
    if (!endOfStream) return IN_PARTS;
    if (body.length === 0) return EMPTY;
    this.#upstreamBody = body;
    const { clock, nonce, sign, executions } = this.#options;
    const { tenant } = query;
    const nowMs = clock.nowMs();
    const late = new LateSubmissions((execution, attestation) =>
      executions.has({ tenant, execution, attestation }, nowMs),
    );
    const judged = judgeAnswer(body, query, settings, { nowMs, wasSubmitted: late.wasSubmitted });
    if (judged.kind === 'refused') return judged;
    const signed = (): Outcome | Promise<Outcome> => signJudged(judged, query, { nowMs, nonce, sign });
    return late.isWaiting() ? late.refusal().then((refusal) => refusal ?? signed()) : signed();
  }

  /** Records the outcome, and only then answers; a signature that cannot be recorded does not leave. */
  async #conclude(outcome: Outcome): Promise<Uint8Array> {
    const { metrics, tracing } = this.#options;
    this.#timer.mark('judge');
    const last = outcome.kind === 'signed' ? await this.#confirm(outcome) : outcome;
    if (outcome.kind === 'refused') await this.#append(outcome, true);
    this.#timer.mark('record');
    this.#upstreamBody = undefined;
    metrics.count(this.#policy(), last.kind === 'signed' ? 'signed' : last.code);
    metrics.time(this.#timer);
    if (tracing !== undefined) this.#trace(tracing, last);
    return encodeOutcome(last, this.#context?.get('decision_id') ?? this.#envoyRequestId ?? '');
  }

  #trace(tracing: Tracing, outcome: Outcome): void {
    const context = this.#context;
    tracing.answered({
      traceparent: context?.get('traceparent'),
      code: outcome.kind === 'signed' ? 'signed' : outcome.code,
      decisionId: context?.get('decision_id'),
      policy: this.#policy(),
      identity: context?.get('identity'),
      isFault: outcome.kind === 'refused',
      times: this.#timer,
      endMs: this.#options.clock.nowMs(),
    });
  }

  /** Records a signed answer. Whatever the record says of one that nobody waits for any more is taken back by another. */
  async #confirm(outcome: Outcome): Promise<Outcome> {
    const appended = await this.#append(outcome, true, () => !this.#isClosed);
    const isUnrecorded = appended === 'lost' || appended === 'partly';
    const refusal = isUnrecorded && this.#options.auditOnFailure === 'refuse' ? UNRECORDED : undefined;
    if (refusal === undefined && !this.#isClosed) return outcome;
    const last = refusal ?? NOT_AWAITED;
    if (appended !== 'lost') this.#options.audit.correct(feedbackRecordLine(this.#record(last, false)));
    else if (refusal === undefined) await this.#append(last, false);
    return last;
  }

  /** `lost` when it could not be written, which is counted, and so is `partly`. */
  async #append(outcome: Outcome, told: boolean, isWanted?: () => boolean): Promise<Appended | 'lost'> {
    try {
      const line = feedbackRecordLine(this.#record(outcome, told));
      const appended = await this.#options.audit.append(line, isWanted);
      if (appended === 'partly') this.#options.onRecordLost();
      return appended;
    } catch {
      this.#options.onRecordLost();
      return 'lost';
    }
  }

  #record(outcome: Outcome, told: boolean): FeedbackRecordInput {
    const context = this.#context;
    return {
      nowMs: this.#options.clock.nowMs(),
      decisionId: context?.get('decision_id'),
      envoyRequestId: this.#envoyRequestId,
      policy: context?.get('policy'),
      identity: context?.get('identity'),
      tenant: context?.get('tenant'),
      operator: context?.get('operator'),
      outcome: recordedOutcome(outcome, this.#upstreamBody, told),
      times: this.#timer,
      generation: this.#snapshot.generation,
    };
  }

  /** A metric label: only names of the configuration. */
  #policy(): string | undefined {
    const name = this.#context?.get('policy');
    return name !== undefined && this.#snapshot.policies.has(name) ? name : undefined;
  }
}

function read(message: Buffer): ProcessingRequest | undefined {
  try {
    return readProcessingRequest(message);
  } catch {
    return undefined;
  }
}
