/**
 * The life of one Check: decode, judge, admit, record, answer. It always resolves with an explicit response;
 * whatever is thrown, late or absent becomes a 503 refusal (security.md MUST 23).
 */
import { randomUUID } from 'node:crypto';
import type { AuditLog } from '../audit/audit-log.js';
import type { NonceBounds } from '../audit/passed-limit.js';
import type { StrictVerifier } from '../crypto/ed25519.js';
import type { ShedReason } from '../grpc/load.js';
import type { ExecutionStore } from '../executions/execution-store.js';
import type { DecisionMetrics } from '../observability/decision-metrics.js';
import type { Admission } from '../verify/admission.js';
import { noFacts } from '../verify/decision.js';
import type { InboundRequest } from '../verify/inbound-request.js';
import { judge } from '../verify/pipeline.js';
import { refuse, type Refusal } from '../verify/refusal.js';
import type { Snapshot } from '../verify/snapshot.js';
import { allowAnswer, passThroughAnswer, refusalAnswer, type AnswerOptions } from './answer.js';
import { readCheckRequest, wantedHeaders } from './check-request.js';
import {
  inboundRequest,
  isGrant,
  isRefusal,
  plainOutcome,
  recordOf,
  TOO_LATE,
  type Grant,
  type Outcome,
  type Run,
} from './check-run.js';
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
  /** Where the executions of graphs that passed are made known to the signer. */
  readonly executions: Pick<ExecutionStore, 'remember'>;
  readonly certificates: PeerCertificates;
  readonly audit: AuditLog;
  readonly auditOnFailure: 'refuse' | 'count';
  readonly metrics: DecisionMetrics;
  readonly clock: { readonly nowMs: () => number; readonly monotonicMs: () => number };
  readonly maxConcurrentChecks: number;
  /** For records: which bound a claim has met. */
  readonly nonceBounds: NonceBounds;
  readonly claimMarginMilliseconds: number;
  /** A defect: something was thrown where nothing may be. */
  readonly onDefect: (error: unknown, decisionId: string) => void;
  /** Resolves once frames that queued up while the process stood still have been read. */
  readonly afterStall: () => Promise<void> | undefined;
}

/** For the record: the client is only told that it may try again. */
const SHED_DETAILS: Readonly<Record<ShedReason, string>> = {
  queue_full: 'too many wait',
  bytes: 'too much memory is held',
  deadline: 'its turn would have come too late',
  cancelled: 'the caller had gone',
};

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
    if (this.#underWay >= this.#options.maxConcurrentChecks)
      return this.#conclude(
        run,
        refuse('overloaded', `over ${this.#options.maxConcurrentChecks} checks under way`),
      );
    this.#underWay++;
    try {
      const waiting = this.#options.afterStall();
      if (waiting !== undefined) await waiting;
      if (call.cancelled()) return await this.#conclude(run, TOO_LATE);
      return await this.#conclude(run, await this.#decide(message, call, run));
    } catch (error) {
      this.#options.onDefect(error, run.decisionId);
      return await this.#conclude(run, await this.#afterDefect(run));
    } finally {
      this.#underWay--;
    }
  }

  /** Answers a check that is not going to be judged. Never rejects, but for a defect. */
  shed(reason: ShedReason): Promise<Uint8Array> {
    return this.#conclude(this.#begin(), refuse('overloaded', SHED_DETAILS[reason]));
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
      grant: undefined,
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
    run.grant = { verified: judged, admitted: outcome, callerWaits: () => remaining() > 0 };
    return judged.policy.remembersExecution ? this.#remember(run, run.grant) : run.grant;
  }

  /** An adjustment about this execution may come as soon as the upstream has the graph, so it is known before. */
  async #remember(run: Run, grant: Grant): Promise<Outcome> {
    const { tenant, execution, attestation } = grant.verified.context;
    if (tenant === undefined || execution === undefined || attestation === undefined) return grant;
    try {
      await this.#options.executions.remember({ tenant, execution, attestation }, run.nowMs);
      return grant;
    } catch {
      return this.#takeBack(run, refuse('execution_store_unavailable'));
    }
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
    const inTime = isGrant(outcome) && !outcome.callerWaits() ? await this.#takeBack(run, TOO_LATE) : outcome;
    const recorded = await this.#append(run, inTime);
    if (!recorded && !isRefusal(inTime) && this.#options.auditOnFailure === 'refuse') {
      return this.#answer(run, await this.#takeBack(run, refuse('audit_unavailable')));
    }
    if (!isGrant(inTime) || inTime.callerWaits()) return this.#answer(run, inTime);
    const late = await this.#takeBack(run, TOO_LATE);
    await this.#append(run, late);
    return this.#answer(run, late);
  }

  /** Gives back what an allow had taken, so that the same bytes may come again. Once: what failed is not tried twice. */
  async #takeBack(run: Run, instead: Refusal): Promise<Refusal> {
    const { grant } = run;
    run.grant = undefined;
    await grant?.admitted.undo();
    return instead;
  }

  async #afterDefect(run: Run): Promise<Refusal> {
    const defect = refuse('internal_error');
    try {
      return await this.#takeBack(run, defect);
    } catch (error) {
      this.#options.onDefect(error, run.decisionId);
      return defect;
    }
  }

  /** False when the record was lost, which is counted. */
  async #append(run: Run, outcome: Outcome): Promise<boolean> {
    try {
      await this.#options.audit.append(recordOf(run, outcome, this.#options.nonceBounds));
      return true;
    } catch {
      this.#options.metrics.recordLost();
      return false;
    }
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
