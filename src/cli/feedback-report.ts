/** What the feedback commands say of an answer, for people and for scripts. Pure. */
import type { Adjustment, DroppedAdjustment } from '../client/feedback/adjustment.js';
import type { BoundFeedback } from '../client/feedback/bind-adjustments.js';
import type { VerificationFailure } from '../client/feedback/answer-checks.js';
import type { FeedbackVerification, VerifiedFeedback } from '../client/feedback/verify-feedback.js';
import { escapeControls } from '../json/escape-text.js';
import { explainVerificationFailure } from './feedback-failure-text.js';
import { factLines, tableLines } from './text.js';

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
  return `countersign: not verified (${failure.code}): ${escapeControls(message)}\n  remedy: ${escapeControls(remedy)}\n`;
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

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
