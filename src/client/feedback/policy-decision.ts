/** What a policy engine is told of feedback, and the decision that follows from it (docs/wire-contract.md#a-signed-answer). */
import type { Adjustment } from './adjustment.js';

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
export const UNBOUND: UnboundPolicyInput = Object.freeze({ feedback_bound: false });

/** When an input ends; kept beside it, as the contract's shape has no room for it. */
const endsAtMs = new WeakMap<PolicyInput, number>();

/** The input that an adjustment makes. It remembers when the adjustment ends, for {@link evaluateAllow}. */
export function inputOf(adjustment: Adjustment): BoundPolicyInput {
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
