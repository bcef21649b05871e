/**
 * The life of one check, whichever of Envoy's filters asks: read, judge, admit, record, answer. It always resolves with
 * an explicit answer; whatever is thrown, late or absent becomes a 503 refusal (docs/security-requirements.md#23).
 */
import { randomUUID } from 'node:crypto';
import type { Appended, AuditLog } from '../../audit/audit-log.js';
import type { StrictVerifier } from '../../crypto/ed25519.js';
import type { ShedReason } from '../../grpc/method.js';
import type { ExecutionStore } from '../../executions/execution-store.js';
import type { DecisionMetrics } from '../../observability/decision-metrics.js';
import type { RecentDecisions } from '../../observability/page/recent-decisions.js';
import type { Tracing } from '../../observability/tracing/tracing.js';
import type { Admission } from '../../verify/admission.js';
import { claimText } from '../../verify/claim-text.js';
import { noFacts } from '../../verify/decision.js';
import type { InboundRequest } from '../../verify/inbound-request.js';
import { judge } from '../../verify/pipeline.js';
import { refuse, type Refusal } from '../../verify/refusal.js';
import type { Snapshot } from '../../verify/snapshot.js';
import { afterFirstAdmission, type WouldRefuse } from '../../verify/report-only/would-refuse.js';
import { lookAgain } from '../../verify/report-only/second-look.js';
import { StageTimer } from '../../verify/stage-timer.js';
import { spoofedNames } from './answer.js';
import { CallDeadline, type CheckCall } from './call-deadline.js';
import {
  recordOf,
  refusedRequest,
  takeBack,
  UnansweredChecks,
  type CheckState,
  type Concluded,
  type Grant,
  type Outcome,
} from './check-state.js';
import { admitReported } from './report-only.js';
import { beginSpan, endSpan } from './traced-check.js';

/** How one of Envoy's filters asks, and is answered. Neither may wait; what they throw is a refusal. */
export interface Front<Source> {
  /** What is to be judged. Throws a RangeError where the bytes are not what the filter sends. */
  read(source: Source, snapshot: Snapshot): InboundRequest;
  /** The serialised answer, which then leaves: of an allow the claim stands once this has returned. */
  answer(concluded: Concluded): Uint8Array;
}

/** Everything the service works with; all of it is passed in. */
interface CheckOptions {
  readonly snapshot: () => Snapshot;
  readonly verifier: StrictVerifier;
  readonly admission: Admission;
  /** Where the executions of graphs that passed are made known to the signer. */
  readonly executions: Pick<ExecutionStore, 'remember'>;
  readonly audit: AuditLog;
  readonly auditOnFailure: 'refuse' | 'count';
  readonly metrics: DecisionMetrics;
  /** What the page shows of the last ones. Default: nobody looks. */
  readonly recent?: Pick<RecentDecisions, 'passed' | 'refused' | 'reported'>;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** A verified request is let through: Envoy's access log is to tell what becomes of it. */
  readonly onAllowed: () => void;
  readonly clock: { readonly nowMs: () => number; readonly monotonicMs: () => number };
  readonly maxConcurrentChecks: number;
  /** Checks that only wait for what becomes of another one; they have a bound of their own. Default: none. */
  readonly waitingCopies?: () => number;
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
const TOO_LATE = refuse('deadline_spent', 'the caller had gone before it could be answered');

/** For what is answered without a call: nobody waits for more than a refusal. */
const NOBODY: CheckCall = { cancelled: () => true, deadlineMs: 0 };

export class CheckService {
  readonly #options: CheckOptions;
  readonly #unanswered: UnansweredChecks;
  #inFlight = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#unanswered = new UnansweredChecks(options.onDefect);
  }

  /** Checks in flight, for draining and metrics. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Answers what the front can read with what it writes. Never rejects. */
  async check<Source>(source: Source, call: CheckCall, front: Front<Source>): Promise<Uint8Array> {
    const check = this.#begin(call, front);
    if (this.#inFlight - (this.#options.waitingCopies?.() ?? 0) >= this.#options.maxConcurrentChecks)
      return this.#conclude(
        check,
        refuse('overloaded', `over ${this.#options.maxConcurrentChecks} checks under way`),
      );
    this.#inFlight++;
    try {
      const waiting = this.#options.afterStall();
      if (waiting !== undefined) await waiting;
      if (call.cancelled()) return await this.#conclude(check, TOO_LATE);
      return await this.#conclude(check, await this.#decide(source, check, front));
    } catch (error) {
      this.#options.onDefect(error, check.decisionId);
      return await this.#conclude(check, await this.#afterDefect(check));
    } finally {
      this.#inFlight--;
    }
  }

  /** Answers a check that is not going to be judged. Never rejects, but for a defect. */
  shed(reason: ShedReason, front: Pick<Front<never>, 'answer'>): Promise<Uint8Array> {
    return this.#conclude(this.#begin(NOBODY, front), refuse('overloaded', SHED_DETAILS[reason]));
  }

  #begin(call: CheckCall, front: CheckState['front']): CheckState {
    const { clock, snapshot, claimMarginMilliseconds } = this.#options;
    return {
      front,
      decisionId: randomUUID(),
      snapshot: snapshot(),
      nowMs: clock.nowMs(),
      timer: new StageTimer(clock.monotonicMs),
      facts: noFacts(),
      deadline: new CallDeadline(call, clock.monotonicMs, claimMarginMilliseconds),
      request: undefined,
      span: undefined,
      grant: undefined,
      undone: undefined,
      needsCorrection: false,
    };
  }

  async #decide<Source>(source: Source, check: CheckState, front: Front<Source>): Promise<Outcome> {
    const { verifier, admission } = this.#options;
    const { snapshot, nowMs, timer, facts } = check;
    const request = read(source, check, front);
    if (request === undefined) return refuse('check_malformed', 'not what the filter sends');
    const options = { snapshot, verifier, nowMs, timer };
    const judged = judge(request, options, facts);
    if (judged.kind === 'refuse' && snapshot.reportOnly !== undefined)
      return this.#report(check, lookAgain({ refusal: judged, request, options, facts }));
    if (judged.kind !== 'verified') return judged;
    const admitting = admission.admit(judged, check.deadline.pendingCall(check.decisionId));
    const admitted = admitting instanceof Promise ? await admitting : admitting;
    if (admitted.kind === 'refuse' && snapshot.reportOnly !== undefined)
      return this.#report(check, afterFirstAdmission(judged, admitted, options));
    timer.mark('admission');
    if (admitted.kind === 'refuse') return admitted;
    return this.#granted(check, { kind: 'allow', verified: judged, admitted, would: undefined });
  }

  /** The decision is made: this is about what goes on all the same (docs/security-requirements.md#27). */
  async #report(check: CheckState, reported: WouldRefuse | Refusal): Promise<Outcome> {
    const { admission } = this.#options;
    const call = check.deadline.pendingCall(check.decisionId);
    const grant =
      reported.kind === 'refuse'
        ? reported
        : await admitReported(reported, (asked) => admission.admit(asked, call));
    check.timer.mark('admission');
    return grant.kind === 'refuse' ? grant : this.#granted(check, grant);
  }

  #granted(check: CheckState, grant: Grant): Outcome | Promise<Outcome> {
    check.grant = grant;
    this.#unanswered.add(check);
    return grant.verified.policy.remembersExecution ? this.#remember(check, grant) : grant;
  }

  /** An adjustment about this execution may come as soon as the upstream has the graph, so it is known before. */
  async #remember(check: CheckState, grant: Grant): Promise<Outcome> {
    const { tenant, execution, attestation } = grant.verified.context;
    if (tenant === undefined || execution === undefined || attestation === undefined) return grant;
    try {
      await this.#options.executions.remember({ tenant, execution, attestation }, check.nowMs);
      return grant;
    } catch {
      return this.#takeBack(check, refuse('execution_store_unavailable'));
    }
  }

  /** Records the outcome, and only then answers. What cannot be recorded is not recorded as that either. */
  async #conclude(check: CheckState, outcome: Outcome): Promise<Uint8Array> {
    const { tracing } = this.#options;
    if (tracing !== undefined) check.span ??= beginSpan(check, tracing);
    const refusal = outcome.kind === 'refuse' ? outcome : await this.#obstacle(check, outcome);
    if (refusal === undefined)
      return outcome.kind === 'allow' ? this.#allow(check, outcome) : this.#answer(check, outcome);
    if (check.needsCorrection) this.#options.audit.correct(recordOf(check, refusal));
    else if (refusal !== UNRECORDED) await this.#append(check, refusal);
    return this.#answer(check, refusal);
  }

  /** Records what is to pass. Gives why it must not pass after all, and then it is taken back. */
  async #obstacle(check: CheckState, outcome: Exclude<Outcome, Refusal>): Promise<Refusal | undefined> {
    const { deadline } = check;
    if (!deadline.callerWaits()) return this.#takeBack(check, TOO_LATE);
    const appended = await this.#append(check, outcome, () => deadline.isWorthAnAnswer());
    check.needsCorrection = appended !== 'lost';
    const isRecorded = appended !== 'lost' && appended !== 'partly';
    if (!isRecorded && this.#options.auditOnFailure === 'refuse') return this.#takeBack(check, UNRECORDED);
    const wasTakenBack = outcome.kind === 'allow' && check.grant === undefined;
    const isTooLate = appended === 'withdrawn' || wasTakenBack || !deadline.callerWaits();
    return isTooLate ? this.#takeBack(check, TOO_LATE) : undefined;
  }

  /** Nothing that could fail or wait comes between the answer and saying that the claim stands. */
  #allow(check: CheckState, grant: Grant): Uint8Array {
    const answer = this.#answer(check, grant);
    check.grant = undefined;
    this.#unanswered.delete(check);
    grant.admitted.settle();
    this.#options.onAllowed();
    return answer;
  }

  /** Gives back what an allow had taken, so that the same bytes may come again. Once: what failed is not tried twice. */
  async #takeBack(check: CheckState, instead: Refusal): Promise<Refusal> {
    this.#unanswered.delete(check);
    await takeBack(check);
    return instead;
  }

  async #afterDefect(check: CheckState): Promise<Refusal> {
    const defect = refuse('internal_error');
    try {
      return await this.#takeBack(check, defect);
    } catch (error) {
      this.#options.onDefect(error, check.decisionId);
      return defect;
    }
  }

  /** `lost` when it could not be written, which is counted, and so is `partly`. */
  async #append(check: CheckState, outcome: Outcome, isWanted?: () => boolean): Promise<Appended | 'lost'> {
    try {
      const appended = await this.#options.audit.append(recordOf(check, outcome), isWanted);
      if (appended === 'partly') this.#options.metrics.recordLost();
      return appended;
    } catch {
      this.#options.metrics.recordLost();
      return 'lost';
    }
  }

  #answer(check: CheckState, outcome: Outcome): Uint8Array {
    const { decisionId, facts, snapshot, request, timer } = check;
    timer.mark('record');
    const would = outcome.kind === 'allow' ? outcome.would : undefined;
    const code = outcome.kind === 'refuse' ? outcome.code : would === undefined ? outcome.kind : would.kind;
    this.#options.metrics.decided(facts.policy?.name, code, timer);
    this.#options.metrics.proven(facts);
    if (check.span !== undefined) endSpan(check, check.span, outcome, code);
    if (would !== undefined) this.#reported(check, would);
    else if (outcome.kind === 'refuse') this.#options.recent?.refused(refusedRequest(check, outcome));
    else this.#options.recent?.passed(outcome.kind);
    return check.front.answer({
      outcome,
      decisionId,
      facts,
      spoofed: spoofedNames(request?.headers.keys() ?? []),
      headerNames: snapshot.headers,
      claim: outcome.kind === 'allow' ? claimOf(outcome) : undefined,
      traceparent: check.span?.traceparent,
      wouldRefuse: would && { code: would.refusal.code, context: would.context },
    });
  }

  #reported(check: CheckState, { policy, refusal }: WouldRefuse): void {
    this.#options.metrics.wouldRefuse(policy.name, refusal.code);
    this.#options.recent?.reported(refusedRequest(check, refusal));
  }
}

function read<Source>(source: Source, check: CheckState, front: Front<Source>): InboundRequest | undefined {
  try {
    check.request = front.read(source, check.snapshot);
  } catch {
    check.request = undefined;
  }
  check.timer.mark('decode');
  return check.request;
}

function claimOf({ admitted: { taken } }: Grant): string | undefined {
  return taken && claimText(taken);
}
