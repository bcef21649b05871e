/**
 * What an adjustment must be to be signed (docs/wire-contract.md#a-signed-answer).
 *
 * What binds it has to be there: tenant, execution, attestation, schema. A member that the policy decision reads
 * must be something that every consumer reads alike, where it is there; one that is absent binds nothing, and a
 * consumer sees that it is. All else (`rationale`, `control`, members of the upstream's own) is signed as it is.
 */
import { compileSelection, type SelectedValue } from '../json/scan.js';
import type { FieldRule } from '../protocol/field-rules.js';
import { fieldText } from '../protocol/field-rules.js';
import { refuseAnswer, type AnswerRefusal, type FeedbackRefusalCode } from './refusal-code.js';

/** The members that are looked at; each one's position is its slot. */
const MEMBERS = [
  'tenant_id',
  'execution_fingerprint',
  'attestation_measurement_hash',
  'schema_version',
  'target_urn',
  'action',
  'confidence',
  'ttl_seconds',
  'timestamp',
] as const;
type Member = (typeof MEMBERS)[number];

/** For `findMember`: which slot of `AdjustmentValues` a member's value goes to. */
export const ADJUSTMENT_MEMBERS = compileSelection({
  pointers: MEMBERS.map((name) => `/${name}`),
  closedObjects: [],
}).root;

/** The values of one adjustment by slot, as far as it has them. */
export type AdjustmentValues = (SelectedValue | undefined)[];

/** What the adjustments of one answer are held to. */
export interface AdjustmentDemands {
  readonly tenant: string;
  readonly schemaVersions: ReadonlySet<string>;
  /** Whether the tenant has submitted the pair, both in lower-case hex; undefined where that is not asked. */
  readonly wasSubmitted: ((execution: string, attestation: string) => boolean) | undefined;
}

const HASH: FieldRule = { kind: 'sha256' };
/** Seconds; docs/wire-contract.md#a-signed-answer. */
const TTL: FieldRule = { kind: 'integer', min: 60, max: 86_400 };

/** Judges one adjustment; `position` counts from 0 and is for the record. Undefined when it may be signed. */
export function judgeAdjustment(
  values: AdjustmentValues,
  position: number,
  demands: AdjustmentDemands,
): AnswerRefusal | undefined {
  const valueOf = (member: Member): SelectedValue | undefined => values[MEMBERS.indexOf(member)];
  const fail = (code: FeedbackRefusalCode, fact: string): AnswerRefusal =>
    refuseAnswer(code, `adjustment ${position}: ${fact}`);
  const tenant = valueOf('tenant_id');
  if (tenant?.type !== 'string' || tenant.value !== demands.tenant)
    return fail('adjustment_tenant', 'tenant_id is not the verified tenant');
  const execution = hashOf(valueOf('execution_fingerprint'));
  if (execution === undefined)
    return fail('adjustment_execution', 'execution_fingerprint is not 64 hex digits');
  const attestation = hashOf(valueOf('attestation_measurement_hash'));
  if (attestation === undefined)
    return fail('adjustment_attestation', 'attestation_measurement_hash is not 64 hex digits');
  const schema = valueOf('schema_version');
  if (schema?.type !== 'string' || !demands.schemaVersions.has(schema.value))
    return fail('adjustment_schema', 'schema_version is not allowed');
  const odd = DECISION_MEMBERS.find(([member, isReadable]) => isUnreadable(valueOf(member), isReadable));
  if (odd !== undefined) return fail('adjustment_shape', `${odd[0]} is not what the contract says`);
  if (demands.wasSubmitted?.(execution, attestation) === false)
    return fail('adjustment_not_submitted', 'the tenant has submitted no such execution and attestation');
  return undefined;
}

function hashOf(value: SelectedValue | undefined): string | undefined {
  return value === undefined ? undefined : fieldText(HASH, value);
}

/** What the policy decision reads. */
const DECISION_MEMBERS: readonly (readonly [Member, (value: SelectedValue) => boolean])[] = [
  ['target_urn', isText],
  ['action', isText],
  ['confidence', (value) => isNumberBetween(value, 0, 1)],
  ['ttl_seconds', (value) => fieldText(TTL, value) !== undefined],
  ['timestamp', (value) => isNumberBetween(value, 0, Number.MAX_VALUE)],
];

function isUnreadable(
  value: SelectedValue | undefined,
  isReadable: (value: SelectedValue) => boolean,
): boolean {
  return value !== undefined && !isReadable(value);
}

function isText(value: SelectedValue): boolean {
  return value.type === 'string' && value.value !== '';
}

/** Integers and floats; bounds included, -0 is 0. An integer lexeme has at most 4,300 digits, so this is cheap. */
function isNumberBetween(value: SelectedValue, min: number, max: number): boolean {
  if (value.type !== 'integer' && value.type !== 'float') return false;
  const number = Number(value.lexeme);
  return number >= min && number <= max;
}
