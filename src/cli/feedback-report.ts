/** What the feedback commands say of an answer, for people and for scripts. Pure. */
import type { Adjustment, DroppedAdjustment } from '../client/feedback/adjustment.js';
import type { BoundFeedback } from '../client/feedback/bind-adjustments.js';
import type { VerificationFailure } from '../client/feedback/answer-checks.js';
import type { FeedbackVerification, VerifiedFeedback } from '../client/feedback/verify-feedback.js';
import { quoteText } from '../json/escape-text.js';
import { factLines, faultText, isoTime, tableLines } from './text.js';
import type { Explanation } from './send-advice.js';

/** For people: the facts of a verified answer, and a table of what became of its adjustments where that was asked. */
export function verifiedReport(feedback: VerifiedFeedback, bound: BoundFeedback | undefined): string {
  const facts = factLines([
    ['tenant', feedback.tenant],
    ['signed by', feedback.kid],
    ['signed at', isoTime(feedback.signedAtSeconds * 1000)],
    ['nonce', feedback.nonce],
  ]);
  return `verified\n${facts}${bound === undefined ? '' : boundReport(bound)}`;
}

function boundReport({ applied, dropped }: BoundFeedback): string {
  return (
    section('applied', ['target', 'action', 'confidence', 'control', 'until'], applied.map(appliedRow)) +
    section('dropped', ['#', 'reason', 'target', 'action'], dropped.map(droppedRow))
  );
}

function section(title: string, heading: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${title}: ${rows.length}\n${rows.length === 0 ? '' : tableLines([heading, ...rows])}`;
}

function appliedRow(adjustment: Adjustment): string[] {
  const { targetUrn, action, confidence, control, endsAtMs } = adjustment;
  return [targetUrn, action, String(confidence), control, isoTime(endsAtMs)];
}

function droppedRow({ index, reason, member, adjustment }: DroppedAdjustment): string[] {
  const why = member === undefined ? reason : `${reason} ${member}`;
  return [String(index), why, adjustment.targetUrn ?? '-', adjustment.action ?? '-'];
}

/** For scripts: the same, in the names of docs/wire-contract.md. */
export function verifiedJson(feedback: VerifiedFeedback, bound: BoundFeedback | undefined): object {
  return {
    outcome: 'verified',
    tenant_id: feedback.tenant,
    kid: feedback.kid,
    signed_at: feedback.signedAtSeconds,
    nonce: feedback.nonce,
    schema_version: feedback.schemaVersion,
    ...(bound === undefined
      ? {}
      : { applied: bound.applied.map(appliedJson), dropped: bound.dropped.map(droppedJson) }),
  };
}

function appliedJson(adjustment: Adjustment): object {
  return {
    target_urn: adjustment.targetUrn,
    action: adjustment.action,
    confidence: adjustment.confidence,
    rationale: adjustment.rationale,
    control: adjustment.control,
    ttl_seconds: adjustment.ttlSeconds,
    timestamp: adjustment.timestampSeconds,
    execution_fingerprint: adjustment.executionFingerprint,
    attestation_measurement_hash: adjustment.attestationMeasurementHash,
    ends_at: Math.floor(adjustment.endsAtMs / 1000),
  };
}

function droppedJson({ index, reason, member, adjustment }: DroppedAdjustment): object {
  return {
    index,
    reason,
    member,
    tenant_id: adjustment.tenantId,
    target_urn: adjustment.targetUrn,
    action: adjustment.action,
    execution_fingerprint: adjustment.executionFingerprint,
    attestation_measurement_hash: adjustment.attestationMeasurementHash,
  };
}

/** For people: that the answer was not verified, and what to do. */
export function refusedReport(failure: VerificationFailure): string {
  const { message, remedy } = explainVerificationFailure(failure);
  return faultText({ message: `not verified (${failure.code}): ${message}`, remedy });
}

/** For scripts: the same. */
export function refusedJson(refusal: FeedbackVerification & { readonly ok: false }): object {
  // The outcome says already that it is not `ok`; JSON has no members that are undefined.
  return {
    outcome: 'not_verified',
    failure: { ...refusal, ok: undefined },
    ...explainVerificationFailure(refusal),
  };
}

type Explain<Code> = (failure: Extract<VerificationFailure, { readonly code: Code }>) => Explanation;

/** Each way in which verifying fails, as a sentence with its remedy. Texts of the answer are cut; whoever prints them escapes control characters. */
const EXPLANATIONS: { readonly [Code in VerificationFailure['code']]: Explain<Code> } = {
  too_large: ({ maxEnvelopeBytes }) => ({
    message: `the answer is larger than ${maxEnvelopeBytes} bytes`,
    remedy: 'ask for fewer adjustments with --limit',
  }),
  malformed_json: ({ fault, offset }) => ({
    message: `the answer is not acceptable JSON: ${fault} at byte ${offset}`,
    remedy: 'give the body exactly as it was delivered',
  }),
  malformed_envelope: explainEnvelope,
  unknown_kid: ({ kid }) => ({
    message: `the keyring has no key ${quoteText(kid)}`,
    remedy:
      'get the keyring of the signer anew, from /keyring of its admin port where it signs with keys in memory',
  }),
  kid_not_yet_valid: ({ kid }) => ({
    message: `the key ${quoteText(kid)} is not valid yet`,
    remedy: 'compare the clocks of both machines, and look at its notBefore in the keyring',
  }),
  kid_retired: ({ kid }) => ({
    message: `the key ${quoteText(kid)} is retired`,
    remedy: 'have the signer use its new key, and do not trust an answer under the old one',
  }),
  other_algorithm: ({ algorithm }) => ({
    message: `the answer is signed with ${quoteText(algorithm)}, not Ed25519`,
    remedy: 'do not trust it; have the signer use Ed25519, as no other algorithm is accepted',
  }),
  bad_signature: ({ kid }) => ({
    message: `the signature under ${quoteText(kid)} does not hold for this tenant and these bytes`,
    remedy: 'check --tenant, and that the body is as it was delivered; else it was tampered with',
  }),
  other_schema: ({ schemaVersion }) => ({
    message: `the answer has the schema version ${quoteText(schemaVersion)}`,
    remedy: 'say with --schema which one is expected',
  }),
  stale: ({ ageSeconds, maxAgeSeconds }) => explainAge(ageSeconds, maxAgeSeconds),
  replayed: () => ({ message: 'the answer was taken before', remedy: 'send a new query' }),
  nonces_full: () => ({
    message: 'no more nonces can be remembered',
    remedy: 'try again when the oldest have ended',
  }),
};

function explainVerificationFailure(failure: VerificationFailure): Explanation {
  // The table has for each code the sentence that takes this code's facts; the compiler cannot follow that through a union.
  const explain = EXPLANATIONS[failure.code] as (failure: VerificationFailure) => Explanation;
  return explain(failure);
}

function explainEnvelope(
  failure: VerificationFailure & { readonly code: 'malformed_envelope' },
): Explanation {
  if (failure.problem === 'no_object')
    return {
      message: 'the answer is JSON, but no object',
      remedy: 'give the body exactly as it was delivered',
    };
  const { member, problem } = failure;
  const said = {
    missing: 'is missing',
    type: 'is of the wrong type',
    syntax: 'has not the syntax of the contract',
  };
  return {
    message: `the answer is no signed envelope: "${member}" ${said[problem]}`,
    remedy:
      problem === 'missing'
        ? 'check that the route signs its answers ("countersign check-config" says which do)'
        : 'tell those who run the signer',
  };
}

function explainAge(ageSeconds: number, maxAgeSeconds: number): Explanation {
  return ageSeconds > 0
    ? {
        message: `the answer was signed ${ageSeconds} s ago, and ${maxAgeSeconds} s are allowed`,
        remedy: 'send a new query, or compare the clocks of both machines',
      }
    : {
        message: `the answer was signed ${-ageSeconds} s ahead of this machine's clock`,
        remedy: 'compare the clocks of both machines',
      };
}
