/**
 * The life of one Check: decode, judge, admit, record, answer. It always resolves with an explicit response;
 * whatever is thrown, late or absent becomes a 503 refusal (docs/security-requirements.md#23).
 */
import { randomUUID } from 'node:crypto';
import type { Appended, AuditLog } from '../../audit/audit-log.js';
import type { NonceBounds } from '../../audit/passed-limit.js';
import type { StrictVerifier } from '../../crypto/ed25519.js';
import type { ShedReason } from '../../grpc/method.js';
import type { ExecutionStore } from '../../executions/execution-store.js';
import type { DecisionMetrics } from '../../observability/decision-metrics.js';
import type { Admission } from '../../verify/admission.js';
import { noFacts } from '../../verify/decision.js';
import type { InboundRequest } from '../../verify/inbound-request.js';
import { judge } from '../../verify/pipeline.js';
import { refuse, type Refusal } from '../../verify/refusal.js';
import type { Snapshot } from '../../verify/snapshot.js';
import { allowAnswer, passThroughAnswer, refusalAnswer, type AnswerOptions } from './check-answer.js';
import { readCheckRequest, selectedHeaders } from './check-request.js';
import {
  inboundRequest,
  isGrant,
  isRefusal,
  plainOutcome,
  recordOf,
  takeBack,
  TOO_LATE,
  type Grant,
  type Outcome,
  type Run,
} from './check-run.js';
import { Patience, type CheckCall } from './patience.js';
import type { PeerCertificates } from './peer-certificates.js';
import { StageTimer } from '../../verify/stage-timer.js';
import { UnansweredRuns } from './unanswered-runs.js';
import type { HeaderSelection } from '../wire/header-map.js';

export type { CheckCall } from './patience.js';

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

const UNRECORDED = refuse('audit_unavailable');

/** For what is answered without a call: nobody waits for more than a refusal. */
const NOBODY: CheckCall = { cancelled: () => true, deadlineMs: 0 };

export class AuthorizationService {
  readonly #options: AuthorizationOptions;
  readonly #unanswered: UnansweredRuns;
  #underWay = 0;
  /** One set a snapshot: made again only when the snapshot was swapped. */
  #selected: { readonly snapshot: Snapshot; readonly headers: HeaderSelection } | undefined;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
    this.#unanswered = new UnansweredRuns(options.onDefect);
  }

  /** Checks under way, for draining and metrics. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Answers one serialised CheckRequest with one serialised CheckResponse. Never rejects. */
  async check(message: Buffer, call: CheckCall): Promise<Uint8Array> {
    const run = this.#begin(call);
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
      return await this.#conclude(run, await this.#decide(message, run));
    } catch (error) {
      this.#options.onDefect(error, run.decisionId);
      return await this.#conclude(run, await this.#afterDefect(run));
    } finally {
      this.#underWay--;
    }
  }

  /** Answers a check that is not going to be judged. Never rejects, but for a defect. */
  shed(reason: ShedReason): Promise<Uint8Array> {
    return this.#conclude(this.#begin(NOBODY), refuse('overloaded', SHED_DETAILS[reason]));
  }

  #begin(call: CheckCall): Run {
    const { clock, snapshot, claimMarginMilliseconds } = this.#options;
    return {
      decisionId: randomUUID(),
      snapshot: snapshot(),
      nowMs: clock.nowMs(),
      timer: new StageTimer(clock.monotonicMs),
      facts: noFacts(),
      patience: new Patience(call, clock.monotonicMs, claimMarginMilliseconds),
      request: undefined,
      grant: undefined,
      undone: undefined,
      owesRecord: false,
    };
  }

  async #decide(message: Buffer, run: Run): Promise<Outcome> {
    const { verifier, admission } = this.#options;
    const request = this.#read(message, run);
    if (request === undefined) return refuse('check_malformed', 'not a CheckRequest');
    const judged = judge(
      request,
      { snapshot: run.snapshot, verifier, nowMs: run.nowMs, timer: run.timer },
      run.facts,
    );
    if (judged.kind !== 'verified') return judged.kind === 'refuse' ? judged : 'pass_through';
    const admitted = admission.admit(judged, run.patience.pendingCall(run.decisionId));
    const outcome = admitted instanceof Promise ? await admitted : admitted;
    run.timer.mark('admission');
    if (outcome.kind === 'refuse') return outcome;
    run.grant = { verified: judged, admitted: outcome };
    this.#unanswered.add(run);
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
      const fields = readCheckRequest(message, this.#selectionFor(run.snapshot));
      run.request = inboundRequest(fields, this.#options.certificates.read(fields.certificate));
    } catch {
      run.request = undefined;
    }
    run.timer.mark('decode');
    return run.request;
  }

  #selectionFor(snapshot: Snapshot): HeaderSelection {
    if (this.#selected?.snapshot !== snapshot)
      this.#selected = { snapshot, headers: selectedHeaders(snapshot.headers) };
    return this.#selected.headers;
  }

  /** Records the outcome, and only then answers. What cannot be recorded is not recorded as that either. */
  async #conclude(run: Run, outcome: Outcome): Promise<Uint8Array> {
    const refusal = isRefusal(outcome) ? outcome : await this.#obstacle(run, outcome);
    if (refusal === undefined)
      return isGrant(outcome) ? this.#allow(run, outcome) : this.#answer(run, outcome);
    if (run.owesRecord) this.#options.audit.correct(recordOf(run, refusal, this.#options.nonceBounds));
    else if (refusal !== UNRECORDED) await this.#append(run, refusal);
    return this.#answer(run, refusal);
  }

  /** Records what is to pass. Gives why it must not pass after all, and then it is taken back. */
  async #obstacle(run: Run, outcome: Exclude<Outcome, Refusal>): Promise<Refusal | undefined> {
    const { patience } = run;
    if (!patience.callerWaits()) return this.#takeBack(run, TOO_LATE);
    const appended = await this.#append(run, outcome, () => patience.isWorthAnAnswer());
    run.owesRecord = appended !== 'lost';
    if (appended === 'lost' && this.#options.auditOnFailure === 'refuse')
      return this.#takeBack(run, UNRECORDED);
    const wasTakenBack = isGrant(outcome) && run.grant === undefined;
    const isTooLate = appended === 'withdrawn' || wasTakenBack || !patience.callerWaits();
    return isTooLate ? this.#takeBack(run, TOO_LATE) : undefined;
  }

  /** Nothing that could fail or wait comes between the answer and the word that the claim stands. */
  #allow(run: Run, grant: Grant): Uint8Array {
    const answer = this.#answer(run, grant);
    run.grant = undefined;
    this.#unanswered.delete(run);
    grant.admitted.settle();
    return answer;
  }

  /** Gives back what an allow had taken, so that the same bytes may come again. Once: what failed is not tried twice. */
  async #takeBack(run: Run, instead: Refusal): Promise<Refusal> {
    this.#unanswered.delete(run);
    await takeBack(run);
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

  /** `lost`, which is counted, when it could not be written. */
  async #append(run: Run, outcome: Outcome, isWanted?: () => boolean): Promise<Appended | 'lost'> {
    try {
      return await this.#options.audit.append(recordOf(run, outcome, this.#options.nonceBounds), isWanted);
    } catch {
      this.#options.metrics.recordLost();
      return 'lost';
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
    this.#options.metrics.proven(facts);
    const options: AnswerOptions = {
      decisionId,
      facts,
      inboundNames: request?.headers.keys() ?? [],
      headerNames: snapshot.headers,
    };
    if (typeof outcome === 'string') return passThroughAnswer(options);
    if ('code' in outcome) return refusalAnswer(outcome, options);
    return allowAnswer(outcome.verified.context, outcome.verified.policy, options);
  }
}
