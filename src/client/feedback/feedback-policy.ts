/** What is bound now, for every tenant and target; what a policy engine is told of it, and the decision that follows. */
import type { Adjustment } from './adjustment.js';
import { BoundFeedback } from './bind-adjustments.js';
import type { FeedbackClock } from './seen-nonces.js';

/** The feedback part of a policy decision's input, exactly as docs/wire-contract.md has it. */
export type PolicyInput = UnboundPolicyInput | BoundPolicyInput;

/** Nothing is bound to the target, or what was has ended. */
export interface UnboundPolicyInput {
  readonly feedback_bound: false;
}

/** An adjustment is bound to the target. */
export interface BoundPolicyInput {
  readonly feedback_bound: true;
  readonly feedback_action: string;
  /** 0..1. */
  readonly feedback_confidence: number;
  readonly feedback_control: string;
  readonly feedback_rationale: string;
  /** As the adjustment has it: counted from when it was made, not from now. */
  readonly feedback_ttl_seconds: number;
  /** 64 lower-case hex digits. */
  readonly feedback_attestation_measurement_hash: string;
}

/** From this confidence on, `tighten` refuses. */
export const TIGHTEN_CONFIDENCE = 0.8;

/** The input where nothing is bound. */
const UNBOUND: UnboundPolicyInput = Object.freeze({ feedback_bound: false });

/** When an input ends; kept beside it, as the contract's shape has no room for it. */
const endsAtMs = new WeakMap<PolicyInput, number>();

/** The input that an adjustment makes. It remembers when the adjustment ends, for {@link evaluateAllow}. */
function inputOf(adjustment: Adjustment): BoundPolicyInput {
  const input: BoundPolicyInput = Object.freeze({
    feedback_bound: true,
    feedback_action: adjustment.action,
    feedback_confidence: adjustment.confidence,
    feedback_control: adjustment.control,
    feedback_rationale: adjustment.rationale,
    feedback_ttl_seconds: adjustment.ttlSeconds,
    feedback_attestation_measurement_hash: adjustment.attestationMeasurementHash,
  });
  endsAtMs.set(input, adjustment.endsAtMs);
  return input;
}

/**
 * The decision after feedback: `deny` refuses, `tighten` refuses from confidence 0.8, anything else leaves the base
 * decision. Feedback never allows what the base decision refuses.
 * @param input of `FeedbackPolicy.policyInput`; once its adjustment has ended it counts as unbound. An input from
 *   elsewhere (parsed from JSON) has no known end and counts as it stands.
 * @param nowMs Unix milliseconds.
 */
export function evaluateAllow(baseDecision: boolean, input: PolicyInput, nowMs: number): boolean {
  if (!baseDecision || !input.feedback_bound) return baseDecision;
  if ((endsAtMs.get(input) ?? Infinity) <= nowMs) return true;
  if (input.feedback_action === 'deny') return false;
  return !(input.feedback_action === 'tighten' && input.feedback_confidence >= TIGHTEN_CONFIDENCE);
}

const DEFAULT_MAX_TARGETS = 100_000;
/**
 * An adjustment that has ended is remembered for this long, so that an answer that was signed before it and arrives
 * after it (two windows of the default age) cannot bring back what it replaced.
 */
const REMEMBERED_AFTER_END_MS = 600_000;

interface Binding {
  readonly adjustment: Adjustment;
  readonly signedAtSeconds: number;
}

/** Feeds a policy engine. Takes bound answers alone, so that nothing unverified reaches it. */
export class FeedbackPolicy {
  readonly #clock: FeedbackClock;
  readonly #maxTargets: number;
  readonly #tenants = new Map<string, Map<string, Binding>>();
  #targets = 0;

  /** `maxTargets` bounds how many targets are remembered, over all tenants (default 100,000). */
  constructor(options: { readonly clock: FeedbackClock; readonly maxTargets?: number | undefined }) {
    this.#clock = options.clock;
    this.#maxTargets = options.maxTargets ?? DEFAULT_MAX_TARGETS;
  }

  /**
   * Takes what an answer binds: later word on a target replaces earlier word, by `signed_at` of the answers, and
   * what the answer does not speak of stays until it ends.
   * @returns false when there is no room; then nothing of the answer was taken, and the caller must not go on as if.
   * @throws TypeError for anything that did not come from `bindAdjustments`.
   */
  apply(bound: BoundFeedback): boolean {
    if (!BoundFeedback.isGenuine(bound))
      throw new TypeError('only what bindAdjustments gives can be applied');
    const targets = this.#tenants.get(bound.tenant) ?? new Map<string, Binding>();
    if (!this.#makeRoom(bound.latest.filter(({ targetUrn }) => !targets.has(targetUrn)).length)) return false;
    this.#tenants.set(bound.tenant, targets);
    const { signedAtSeconds } = bound;
    for (const adjustment of bound.latest) {
      const known = targets.get(adjustment.targetUrn);
      if (known !== undefined && known.signedAtSeconds > signedAtSeconds) continue;
      if (known === undefined) this.#targets += 1;
      targets.set(adjustment.targetUrn, { adjustment, signedAtSeconds });
    }
    return true;
  }

  /** The feedback part of the input for a decision about a target, now. */
  policyInput(tenant: string, targetUrn: string): PolicyInput {
    const binding = this.#tenants.get(tenant)?.get(targetUrn);
    if (binding === undefined || binding.adjustment.endsAtMs <= this.#clock.nowMs()) return UNBOUND;
    return inputOf(binding.adjustment);
  }

  #makeRoom(needed: number): boolean {
    if (this.#targets + needed <= this.#maxTargets) return true;
    const forgetMs = this.#clock.nowMs() - REMEMBERED_AFTER_END_MS;
    for (const [tenant, targets] of this.#tenants) {
      for (const [targetUrn, { adjustment }] of targets)
        if (adjustment.endsAtMs <= forgetMs && targets.delete(targetUrn)) this.#targets -= 1;
      if (targets.size === 0) this.#tenants.delete(tenant);
    }
    return this.#targets + needed <= this.#maxTargets;
  }
}
