/** Does an adjustment of a verified answer concern us? (docs/wire-contract.md#a-signed-answer) Its end is looked at elsewhere. */
import {
  FEEDBACK_ADJUSTMENT_SCHEMA,
  readAdjustment,
  textOf,
  type Adjustment,
  type AdjustmentMember,
} from './adjustment.js';
import type { Members } from './members.js';

/** Why an adjustment is not applied, in the order in which it is looked for. */
export type DropReason =
  | 'other_tenant'
  | 'other_schema'
  | 'malformed'
  | 'other_execution'
  | 'other_attestation'
  /** Made further ahead of its own signature than clocks differ: it would hold for longer than it may. */
  | 'from_the_future'
  /** A later adjustment of the same answer is bound to the same target, even if that one has ended. */
  | 'superseded'
  | 'ended';

/** What a dropped adjustment says of itself, as far as it says it. For reports alone: nothing of it is applied. */
export interface DroppedClaims {
  readonly tenantId: string | undefined;
  readonly executionFingerprint: string | undefined;
  readonly attestationMeasurementHash: string | undefined;
  readonly targetUrn: string | undefined;
  readonly action: string | undefined;
}

/** An adjustment that is not applied. */
export interface DroppedAdjustment {
  /** Its place in the answer, from 0 on. */
  readonly index: number;
  readonly adjustment: DroppedClaims;
  readonly reason: DropReason;
  /** With `malformed`: the first member that is missing, of another type or out of bounds; none when it is no object. */
  readonly member?: AdjustmentMember;
}

/** How far an adjustment's `timestamp` may lie ahead of the answer's `signed_at`. */
const MAX_AHEAD_SECONDS = 300;

/** What an adjustment must be for, to be ours. */
export interface Demands {
  readonly tenant: string;
  readonly executions: ReadonlySet<string>;
  readonly attestations: ReadonlySet<string>;
  /** Of the answer. */
  readonly signedAtSeconds: number;
}

/** A bound adjustment with what it says of itself, or a drop. */
export type Judged =
  { readonly adjustment: Adjustment; readonly claims: DroppedClaims } | Omit<DroppedAdjustment, 'index'>;

/** Judges one element of the list; undefined is an element that is no object. */
export function judgeAdjustment(members: Members | undefined, demands: Demands): Judged {
  const claims = claimsOf(members);
  const drop = (reason: DropReason): Judged => ({ adjustment: claims, reason });
  if (members === undefined) return drop('malformed');
  if (claims.tenantId === undefined) return { adjustment: claims, reason: 'malformed', member: 'tenant_id' };
  if (claims.tenantId !== demands.tenant) return drop('other_tenant');
  const schemaVersion = textOf(members.get('schema_version'));
  if (schemaVersion !== undefined && schemaVersion !== FEEDBACK_ADJUSTMENT_SCHEMA)
    return drop('other_schema');
  const adjustment = readAdjustment(members);
  if ('fault' in adjustment) return { adjustment: claims, reason: 'malformed', member: adjustment.fault };
  if (!demands.executions.has(adjustment.executionFingerprint)) return drop('other_execution');
  if (!demands.attestations.has(adjustment.attestationMeasurementHash)) return drop('other_attestation');
  if (adjustment.timestampSeconds > demands.signedAtSeconds + MAX_AHEAD_SECONDS)
    return drop('from_the_future');
  return { adjustment, claims };
}

function claimsOf(members: Members | undefined): DroppedClaims {
  return {
    tenantId: textOf(members?.get('tenant_id')),
    executionFingerprint: textOf(members?.get('execution_fingerprint')),
    attestationMeasurementHash: textOf(members?.get('attestation_measurement_hash')),
    targetUrn: textOf(members?.get('target_urn')),
    action: textOf(members?.get('action')),
  };
}
