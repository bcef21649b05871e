/** One check on its way through the service: what is known of it, how it ends, its record, and what may have to be given back. */
import { recordLine } from '../../audit/record.js';
import type { CheckStage } from '../../observability/decision-metrics.js';
import type { CheckSpan } from '../../observability/tracing/tracing.js';
import type { RefusedRequest } from '../../observability/page/recent-decisions.js';
import type { Admitted } from '../../verify/admission.js';
import type { DecisionFacts } from '../../verify/decision.js';
import { headerValues, type InboundRequest } from '../../verify/inbound-request.js';
import { answerFor, type Refusal } from '../../verify/refusal.js';
import type { WouldRefuse } from '../../verify/report-only/would-refuse.js';
import type { Snapshot } from '../../verify/snapshot.js';
import type { StageTimer } from '../../verify/stage-timer.js';
import type { AnswerOptions, Passing } from './answer.js';
import type { CallDeadline } from './call-deadline.js';

/** Envoy's `x-request-id` is a UUID of 36 characters; what is longer is cut for the record. */
const MAX_REQUEST_ID_CHARACTERS = 64;
/** Longer than any method that a policy can name, and any path of the federation. */
const MAX_METHOD_CHARACTERS = 20;
const MAX_PATH_CHARACTERS = 256;

/** How often unanswered checks are looked at; part of what the grace in `nonces/claim-effect.ts` allows for. */
const LOOK_MS = 50;

export interface CheckState {
  /** Of the filter that asked. */
  readonly front: { answer(concluded: Concluded): Uint8Array };
  readonly decisionId: string;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  readonly timer: StageTimer<CheckStage>;
  readonly facts: DecisionFacts;
  /** How long Envoy goes on waiting for the answer. */
  readonly deadline: CallDeadline;
  request: InboundRequest | undefined;
  /** Of a check that is traced, once it is decided. */
  span: CheckSpan | undefined;
  /** Once admitted: what has to be given back unless the answer is an allow. */
  grant: Grant | undefined;
  /** What was given back, as soon as that has begun. */
  undone: void | Promise<void>;
  /** A record says that it passes, or was withdrawn for the one that says it does not: that one must not get lost. */
  needsCorrection: boolean;
}

/** Admitted, but not answered yet: it can still be taken back. */
export interface Grant {
  readonly kind: 'allow';
  readonly verified: Passing;
  readonly admitted: Admitted;
  /** The refusal that report-only lets pass; undefined where every check has passed. */
  readonly would?: WouldRefuse | undefined;
}

export type Outcome = Refusal | Grant | { readonly kind: 'pass_through' };

/** A decision that is recorded, with what its answer is made of. */
export interface Concluded extends AnswerOptions {
  readonly outcome: Outcome;
}

/**
 * Gives back, once, what an allow had taken. May throw, or reject; whoever asks again waits for the same, and hears of
 * no failure a second time.
 */
export function takeBack(check: CheckState): void | Promise<void> {
  const { grant } = check;
  if (grant === undefined) return check.undone;
  check.grant = undefined;
  const undone = grant.admitted.undo();
  check.undone = undone instanceof Promise ? undone.catch(() => undefined) : undefined;
  return undone;
}

/** The line for the audit log. */
export function recordOf(check: CheckState, outcome: Outcome): string {
  const { decisionId, facts, nowMs, snapshot, request, timer } = check;
  const refusal = outcome.kind === 'refuse' ? outcome : undefined;
  const [sent] = request === undefined ? [] : headerValues(request, 'x-request-id');
  return recordLine({
    decisionId,
    nowMs,
    envoyRequestId: sent?.slice(0, MAX_REQUEST_ID_CHARACTERS),
    method: request && bounded(request.method, MAX_METHOD_CHARACTERS),
    path: request && bounded(withoutQuery(request.path), MAX_PATH_CHARACTERS),
    outcome:
      outcome.kind === 'refuse'
        ? outcome
        : outcome.kind === 'allow'
          ? (outcome.would ?? 'allow')
          : 'pass_through',
    facts,
    times: timer,
    status: refusal === undefined ? 200 : answerFor(refusal.code).status,
    generation: snapshot.generation,
    traceId: check.span?.traceId,
  });
}

/** What the page keeps of a refusal; it cuts what is long when somebody looks. */
export function refusedRequest(check: CheckState, refusal: Refusal): RefusedRequest {
  const { decisionId, facts, nowMs, request } = check;
  const [envoyRequestId] = request === undefined ? [] : headerValues(request, 'x-request-id');
  return {
    nowMs,
    decisionId,
    refusal,
    facts,
    method: request?.method,
    path: request?.path,
    envoyRequestId,
  };
}

/** A query may hold a secret, and nothing signs it. */
function withoutQuery(path: string): string {
  const queryStart = path.indexOf('?');
  return queryStart < 0 ? path : path.slice(0, queryStart);
}

/** What was cut ends in `…`. */
function bounded(text: string, maxCharacters: number): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

/**
 * Checks that hold a claim and were not answered yet. A claim is given back as soon as nobody waits for it any longer,
 * whatever its check still waits for: copies of the request wait for that, in other processes by the clock alone
 * (`nonces/claim-effect.ts`).
 */
export class UnansweredChecks {
  readonly #checks = new Set<CheckState>();
  readonly #onDefect: (error: unknown, decisionId: string) => void;
  #look: NodeJS.Timeout | undefined;

  constructor(onDefect: (error: unknown, decisionId: string) => void) {
    this.#onDefect = onDefect;
  }

  add(check: CheckState): void {
    this.#checks.add(check);
    this.#look ??= setTimeout(() => this.#lookAtAll(), LOOK_MS).unref();
  }

  delete(check: CheckState): void {
    this.#checks.delete(check);
  }

  #lookAtAll(): void {
    this.#look = undefined;
    for (const check of this.#checks) void this.#lookAt(check);
    if (this.#checks.size > 0) this.#look = setTimeout(() => this.#lookAtAll(), LOOK_MS).unref();
  }

  async #lookAt(check: CheckState): Promise<void> {
    try {
      if (check.grant !== undefined && check.deadline.callerWaits()) return;
      this.#checks.delete(check);
      await takeBack(check);
    } catch (error) {
      this.#checks.delete(check);
      this.#onDefect(error, check.decisionId);
    }
  }
}
