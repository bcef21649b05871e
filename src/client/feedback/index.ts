/**
 * What a consumer of signed feedback imports: verify an answer, bind it to an execution, feed a policy.
 * Nothing here needs Node: it all runs in a browser.
 */
export { describeKeyFault, type KeyFault } from '../../crypto/key-fault.js';
export { FEEDBACK_ADJUSTMENT_SCHEMA, type EnvelopeMember } from '../../feedback/envelope.js';
export type { Adjustment, AdjustmentMember } from './adjustment.js';
export { bindAdjustments, type BoundFeedback, type Execution } from './bind-adjustments.js';
export { executionFingerprint, type ExecutionFacts } from './execution-fingerprint.js';
export { FeedbackPolicy } from './feedback-policy.js';
export {
  describeKeyringFault,
  FeedbackKeyring,
  keyringFromJson,
  keyringFromMap,
  type KeyFileReader,
  type KeyLookup,
  type KeyringEntry,
  type KeyringFault,
  type KeyringMap,
  type KeyringResult,
} from './keyring.js';
export {
  evaluateAllow,
  TIGHTEN_CONFIDENCE,
  type BoundPolicyInput,
  type PolicyInput,
  type UnboundPolicyInput,
} from './feedback-policy.js';
export { MemorySeenNonces, type FeedbackClock, type NonceClaim, type SeenNonces } from './seen-nonces.js';
export type { VerificationFailure, VerificationFailureCode } from './answer-checks.js';
export { verifyFeedback, type FeedbackVerification, type VerifiedFeedback } from './verify-feedback.js';
export type { VerifyFeedbackOptions } from './answer-checks.js';
export {
  keyringFromDelegation,
  type DelegationFailureCode,
  type DelegationOptions,
  type DelegationResult,
} from './delegation.js';
