/**
 * One adjustment of a verified answer (docs/wire-contract.md#a-signed-answer): read, held to its form, and asked whether
 * it concerns us. Whether it has ended is looked at in `bind-adjustments.ts`, and again by the policy.
 */
import { ADJUSTMENT_HASH, ADJUSTMENT_TTL, FEEDBACK_ADJUSTMENT_SCHEMA } from '../../feedback/envelope.js';
import type { SelectedValue } from '../../json/scan.js';
import { fieldText, type FieldRule } from '../../protocol/field-rules.js';
import { TARGET_URN } from '../../protocol/syntax.js';
import type { JsonObject } from './json-object.js';

/** A well-formed adjustment. Whom it concerns, and whether it still holds, is not known yet. */
export interface Adjustment {
  readonly tenantId: string;
  /** 64 lower-case hex digits. */
  readonly executionFingerprint: string;
  /** 64 lower-case hex digits. */
  readonly attestationMeasurementHash: string;
  readonly targetUrn: string;
  /** `observe`, `tighten`, `deny` or another lower-case word. */
  readonly action: string;
  /** 0..1. */
  readonly confidence: number;
  readonly rationale: string;
  readonly control: string;
  /** 60..86,400. */
  readonly ttlSeconds: number;
  /** When it was made, Unix seconds; a fraction is possible. */
  readonly timestampSeconds: number;
  readonly schemaVersion: string;
  /** `timestamp` plus `ttl_seconds`, Unix milliseconds: from then on it holds no more, however often it is signed anew. */
  readonly endsAtMs: number;
}

/** The members of an adjustment. */
export const ADJUSTMENT_MEMBERS = [
  'tenant_id',
  'execution_fingerprint',
  'target_urn',
  'action',
  'confidence',
  'rationale',
  'control',
  'ttl_seconds',
  'timestamp',
  'schema_version',
  'attestation_measurement_hash',
] as const;

/** One of them. */
export type AdjustmentMember = (typeof ADJUSTMENT_MEMBERS)[number];

/** Which member is missing, of the wrong type or out of its bounds. */
interface AdjustmentFault {
  readonly fault: AdjustmentMember;
}

const ACTION = /^[a-z][a-z0-9_.-]{0,63}$/;
/** Of a `timestamp`, as of every other one of the contract: up to eleven digits. */
const MAX_TIMESTAMP_SECONDS = 99_999_999_999;

/** Holds the members of an adjustment to their form; unknown members are not looked at. */
function readAdjustment(members: JsonObject): Adjustment | AdjustmentFault {
  return new AdjustmentReader(members).read();
}

/** Its text, when the member is one. */
function textOf(value: SelectedValue | undefined): string | undefined {
  return value?.type === 'string' ? value.value : undefined;
}

/** Keeps the first fault, so that the reading itself is one plain list. */
class AdjustmentReader {
  readonly #members: JsonObject;
  #fault: AdjustmentMember | undefined;

  constructor(members: JsonObject) {
    this.#members = members;
  }

  read(): Adjustment | AdjustmentFault {
    const timestampSeconds = this.#number('timestamp', MAX_TIMESTAMP_SECONDS);
    const ttlSeconds = Number(this.#field('ttl_seconds', ADJUSTMENT_TTL));
    const adjustment: Adjustment = {
      tenantId: this.#text('tenant_id'),
      executionFingerprint: this.#field('execution_fingerprint', ADJUSTMENT_HASH),
      attestationMeasurementHash: this.#field('attestation_measurement_hash', ADJUSTMENT_HASH),
      targetUrn: this.#text('target_urn', TARGET_URN),
      action: this.#text('action', ACTION),
      confidence: this.#number('confidence', 1),
      rationale: this.#text('rationale'),
      control: this.#text('control'),
      ttlSeconds,
      timestampSeconds,
      schemaVersion: this.#text('schema_version'),
      endsAtMs: Math.floor((timestampSeconds + ttlSeconds) * 1000),
    };
    return this.#fault === undefined ? Object.freeze(adjustment) : { fault: this.#fault };
  }

  #text(name: AdjustmentMember, syntax?: RegExp): string {
    const text = textOf(this.#members.get(name));
    return text !== undefined && syntax?.test(text) !== false ? text : this.#fail(name, '');
  }

  /** From 0 on; adding 0 makes `-0.0` a plain 0. */
  #number(name: AdjustmentMember, max: number): number {
    const value = this.#members.get(name);
    if (value?.type !== 'integer' && value?.type !== 'float') return this.#fail(name, 0);
    const number = Number(value.lexeme) + 0;
    return number >= 0 && number <= max ? number : this.#fail(name, 0);
  }

  #field(name: AdjustmentMember, rule: FieldRule): string {
    const value = this.#members.get(name);
    return (value && fieldText(rule, value)) ?? this.#fail(name, '');
  }

  #fail<Value>(name: AdjustmentMember, instead: Value): Value {
    this.#fault ??= name;
    return instead;
  }
}

/** Why an adjustment is not applied, in the order in which it is looked for. */
type DropReason =
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
interface DroppedClaims {
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
export function judgeAdjustment(members: JsonObject | undefined, demands: Demands): Judged {
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

function claimsOf(members: JsonObject | undefined): DroppedClaims {
  return {
    tenantId: textOf(members?.get('tenant_id')),
    executionFingerprint: textOf(members?.get('execution_fingerprint')),
    attestationMeasurementHash: textOf(members?.get('attestation_measurement_hash')),
    targetUrn: textOf(members?.get('target_urn')),
    action: textOf(members?.get('action')),
  };
}
