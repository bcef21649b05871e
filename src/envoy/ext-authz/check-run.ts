/** One check on its way through the service: what is known of it, how it ended, and its record. */
import { passedLimit, type NonceBounds } from '../../audit/passed-limit.js';
import { recordLine } from '../../audit/record.js';
import type { CheckStage } from '../../observability/decision-metrics.js';
import type { Admitted } from '../../verify/admission.js';
import type { DecisionFacts } from '../../verify/decision.js';
import { headerValues, type InboundRequest } from '../../verify/inbound-request.js';
import type { Verified } from '../../verify/pipeline.js';
import { answerFor, refuse, type Refusal } from '../../verify/refusal.js';
import type { Snapshot } from '../../verify/snapshot.js';
import type { CheckFields } from './check-request.js';
import type { Patience } from './patience.js';
import type { StageTimer } from '../../verify/stage-timer.js';

/** Envoy's `x-request-id` is a UUID of 36 characters; what is longer is cut for the record. */
const MAX_REQUEST_ID_CHARACTERS = 64;

/** Longer than any method that a policy can name, and any path of the federation. */
const MAX_METHOD_CHARACTERS = 20;
const MAX_PATH_CHARACTERS = 256;

export interface Run {
  readonly decisionId: string;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  readonly timer: StageTimer<CheckStage>;
  readonly facts: DecisionFacts;
  /** How long Envoy goes on waiting for the answer. */
  readonly patience: Patience;
  request: InboundRequest | undefined;
  /** Once admitted: what has to be given back unless the answer is an allow. */
  grant: Grant | undefined;
  /** What was given back, as soon as that has begun. */
  undone: void | Promise<void>;
  /** A record says that it passes, or was withdrawn for the one that says it does not: that one must not get lost. */
  owesRecord: boolean;
}

/** Admitted, but not answered yet: it can still be taken back. */
export interface Grant {
  readonly verified: Verified;
  readonly admitted: Admitted;
}

export type Outcome = Refusal | 'pass_through' | Grant;

export const TOO_LATE = refuse('deadline_spent', 'the caller had gone before it could be answered');

export function isGrant(outcome: Outcome): outcome is Grant {
  return typeof outcome !== 'string' && 'verified' in outcome;
}

export function isRefusal(outcome: Outcome): outcome is Refusal {
  return typeof outcome !== 'string' && 'code' in outcome;
}

/**
 * Gives back, once, what an allow had taken. May throw, or reject; whoever asks again waits for the same, and hears of
 * no failure a second time.
 */
export function takeBack(run: Run): void | Promise<void> {
  const { grant } = run;
  if (grant === undefined) return run.undone;
  run.grant = undefined;
  const undone = grant.admitted.undo();
  run.undone = undone instanceof Promise ? undone.catch(() => undefined) : undefined;
  return undone;
}

/** The outcome as records and metrics have it. */
export function plainOutcome(outcome: Outcome): Refusal | 'allow' | 'pass_through' {
  if (typeof outcome === 'string' || 'code' in outcome) return outcome;
  return 'allow';
}

/** The line for the audit log. */
export function recordOf(run: Run, outcome: Outcome, nonceBounds: NonceBounds): string {
  const { decisionId, facts, nowMs, snapshot, request } = run;
  const plain = plainOutcome(outcome);
  const [sent] = request === undefined ? [] : headerValues(request, 'x-request-id');
  return recordLine({
    decisionId,
    nowMs,
    envoyRequestId: sent?.slice(0, MAX_REQUEST_ID_CHARACTERS),
    method: request && bounded(request.method, MAX_METHOD_CHARACTERS),
    path: request && bounded(withoutQuery(request.path), MAX_PATH_CHARACTERS),
    outcome: plain,
    facts,
    times: run.timer,
    status: typeof plain === 'string' ? 200 : answerFor(plain.code).status,
    limit: typeof plain === 'string' ? undefined : passedLimit(plain, facts, nonceBounds),
    generation: snapshot.generation,
  });
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

/** Member by member: a rest pattern would copy the fields twice, on every request. */
export function inboundRequest(
  fields: CheckFields,
  peerCertificate: InboundRequest['peerCertificate'],
): InboundRequest {
  return {
    delivery: { rawHeaders: fields.rawHeaders, rawBody: fields.rawBody },
    method: fields.method,
    path: fields.path,
    authority: fields.authority,
    policyName: fields.policyName,
    headers: fields.headers,
    body: fields.body,
    declaredSize: fields.declaredSize,
    peerCertificate,
  };
}
