/**
 * The life of one Check: decode, judge, admit, record, answer. It always resolves with an explicit response;
 * whatever is thrown, late or absent becomes a 503 refusal (security.md MUST 23).
 */
import { randomUUID } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log.js';
import { recordLine } from '../audit/record.js';
import type { StrictVerifier } from '../crypto/ed25519.js';
import type { DecisionMetrics } from '../observability/decision-metrics.js';
import type { Admission, Admitted } from '../verify/admission.js';
import { noFacts, type DecisionFacts } from '../verify/decision.js';
import { headerValues, type InboundRequest } from '../verify/inbound-request.js';
import { judge, type Verified } from '../verify/pipeline.js';
import { answerFor, refuse, type Refusal } from '../verify/refusal.js';
import type { Snapshot } from '../verify/snapshot.js';
import { allowAnswer, passThroughAnswer, refusalAnswer, type AnswerOptions } from './answer.js';
import { readCheckRequest, wantedHeaders, type CheckFields } from './check-request.js';
import type { PeerCertificates } from './peer-certificates.js';
import { StageTimer } from './stage-timer.js';
import type { WantedNames } from './wanted-names.js';

/** What the transport knows of the call that waits. */
export interface CheckCall {
  /** Envoy has reset the stream. */
  readonly cancelled: () => boolean;
  /** Monotonic milliseconds by which Envoy stops waiting. */
  readonly deadlineMs: number;
}

/** Everything the service works with; all of it is passed in. */
export interface AuthorizationOptions {
  readonly snapshot: () => Snapshot;
  readonly verifier: StrictVerifier;
  readonly admission: Admission;
  readonly certificates: PeerCertificates;
  readonly audit: AuditLog;
  readonly auditOnFailure: 'refuse' | 'count';
  readonly metrics: DecisionMetrics;
  readonly clock: { readonly nowMs: () => number; readonly monotonicMs: () => number };
  readonly maxConcurrentChecks: number;
  readonly claimMarginMilliseconds: number;
  /** A defect: something was thrown where nothing may be. */
  readonly onDefect: (error: unknown, decisionId: string) => void;
  /** Resolves once frames that queued up while the process stood still have been read. */
  readonly afterStall: () => Promise<void> | undefined;
}

/** Envoy's `x-request-id` is a UUID of 36 characters; what is longer is cut for the record. */
const MAX_REQUEST_ID_CHARACTERS = 64;

export class AuthorizationService {
  readonly #options: AuthorizationOptions;
  #underWay = 0;
  /** One set a snapshot: made again only when the snapshot was swapped. */
  #wanted: { readonly snapshot: Snapshot; readonly names: WantedNames } | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
  }

  /** Checks under way, for draining and metrics. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Answers one serialised CheckRequest with one serialised CheckResponse. Never rejects. */
  async check(message: Buffer, call: CheckCall): Promise<Uint8Array> {
    const run = this.#begin();
    if (this.#underWay >= this.#options.maxConcurrentChecks) return this.#conclude(run, refuse('overloaded'));
    this.#underWay++;
    try {
      const waiting = this.#options.afterStall();
      if (waiting !== undefined) await waiting;
      return await this.#conclude(run, await this.#decide(message, call, run));
    } catch (error) {
      this.#options.onDefect(error, run.decisionId);
      return await this.#conclude(run, refuse('internal_error'));
    } finally {
      this.#underWay--;
    }
  }

  #begin(): Run {
    const { clock, snapshot } = this.#options;
    return {
      decisionId: randomUUID(),
      snapshot: snapshot(),
      nowMs: clock.nowMs(),
      timer: new StageTimer(clock.monotonicMs),
      facts: noFacts(),
      request: undefined,
    };
  }

  async #decide(message: Buffer, call: CheckCall, run: Run): Promise<Outcome> {
    const { clock, verifier, admission, claimMarginMilliseconds } = this.#options;
    const request = this.#read(message, run);
    if (request === undefined) return refuse('check_malformed', 'not a CheckRequest');
    const mark = (stage: string): void => run.timer.mark(stage);
    const judged = judge(request, { snapshot: run.snapshot, verifier, nowMs: run.nowMs, mark }, run.facts);
    if (judged.kind !== 'verified') return judged.kind === 'refuse' ? judged : 'pass_through';
    const remaining = (): number => (call.cancelled() ? 0 : call.deadlineMs - clock.monotonicMs());
    const worthClaiming = (): boolean => remaining() > claimMarginMilliseconds;
    const pending = { requestId: run.decisionId, worthClaiming, monotonicMs: clock.monotonicMs };
    const admitted = admission.admit(judged, pending);
    const outcome = admitted instanceof Promise ? await admitted : admitted;
    run.timer.mark('admission');
    if (outcome.kind === 'refuse') return outcome;
    return { verified: judged, admitted: outcome, callerWaits: () => remaining() > 0 };
  }

  #read(message: Buffer, run: Run): InboundRequest | undefined {
    try {
      const fields = readCheckRequest(message, this.#wantedFor(run.snapshot));
      run.request = inboundRequest(fields, this.#options.certificates.read(fields.certificate));
    } catch {
      run.request = undefined;
    }
    run.timer.mark('decode');
    return run.request;
  }

  #wantedFor(snapshot: Snapshot): WantedNames {
    if (this.#wanted?.snapshot !== snapshot)
      this.#wanted = { snapshot, names: wantedHeaders(snapshot.headers) };
    return this.#wanted.names;
  }

  /** Records the outcome, and only then answers; an allow that cannot be recorded or is too late is taken back. */
  async #conclude(run: Run, outcome: Outcome): Promise<Uint8Array> {
    const inTime =
      isAdmission(outcome) && !outcome.callerWaits() ? await takeBack(outcome, TOO_LATE) : outcome;
    const recorded = await this.#append(run, inTime);
    if (!recorded && !isRefusal(inTime) && this.#options.auditOnFailure === 'refuse') {
      return this.#answer(run, await takeBack(inTime, refuse('audit_unavailable')));
    }
    if (!isAdmission(inTime) || inTime.callerWaits()) return this.#answer(run, inTime);
    const late = await takeBack(inTime, TOO_LATE);
    await this.#append(run, late);
    return this.#answer(run, late);
  }

  /** False when the record was lost, which is counted. */
  async #append(run: Run, outcome: Outcome): Promise<boolean> {
    try {
      await this.#options.audit.append(this.#record(run, outcome));
      return true;
    } catch {
      this.#options.metrics.recordLost();
      return false;
    }
  }

  #record(run: Run, outcome: Outcome): string {
    const { decisionId, facts, nowMs, snapshot, request } = run;
    const plain = plainOutcome(outcome);
    const [sent] = request === undefined ? [] : headerValues(request, 'x-request-id');
    return recordLine({
      decisionId,
      nowMs,
      envoyRequestId: sent?.slice(0, MAX_REQUEST_ID_CHARACTERS),
      outcome: plain,
      facts,
      times: run.timer,
      status: typeof plain === 'string' ? 200 : answerFor(plain.code).status,
      generation: snapshot.generation,
    });
  }

  #answer(run: Run, outcome: Outcome): Uint8Array {
    const { decisionId, facts, snapshot, request } = run;
    run.timer.mark('record');
    const plain = plainOutcome(outcome);
    this.#options.metrics.decided(
      facts.policy?.name,
      typeof plain === 'string' ? plain : plain.code,
      run.timer,
    );
    const options: AnswerOptions = {
      decisionId,
      facts,
      spoofedNames: request?.spoofedNames ?? [],
      headerNames: snapshot.headers,
    };
    if (typeof outcome === 'string') return passThroughAnswer(options);
    if ('code' in outcome) return refusalAnswer(outcome, options);
    return allowAnswer(outcome.verified.context, outcome.verified.policy, options);
  }
}

/** Member by member: a rest pattern would copy the fields twice, on every request. */
function inboundRequest(
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
    spoofedNames: fields.spoofedNames,
    body: fields.body,
    declaredSize: fields.declaredSize,
    peerCertificate,
  };
}

interface Run {
  readonly decisionId: string;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  readonly timer: StageTimer;
  readonly facts: DecisionFacts;
  request: InboundRequest | undefined;
}

/** Admitted, but not answered yet: it can still be taken back. */
interface Grant {
  readonly verified: Verified;
  readonly admitted: Admitted;
  /** Whether Envoy still waits for the answer. */
  readonly callerWaits: () => boolean;
}

type Outcome = Refusal | 'pass_through' | Grant;

const TOO_LATE = refuse('deadline_spent', 'the caller had gone before it could be answered');

function isAdmission(outcome: Outcome): outcome is Grant {
  return typeof outcome !== 'string' && 'verified' in outcome;
}

function isRefusal(outcome: Outcome): outcome is Refusal {
  return typeof outcome !== 'string' && 'code' in outcome;
}

/** Gives back what an allow had taken, so that the same bytes may come again. */
async function takeBack(outcome: Outcome, instead: Refusal): Promise<Refusal> {
  if (isAdmission(outcome)) await outcome.admitted.undo();
  return instead;
}

function plainOutcome(outcome: Outcome): Refusal | 'allow' | 'pass_through' {
  if (typeof outcome === 'string' || 'code' in outcome) return outcome;
  return 'allow';
}
