/**
 * Reading the list of adjustments: its canonical form is written, and each adjustment is judged when it ends.
 *
 * To be signed (docs/wire-contract.md#a-signed-answer) an adjustment needs what binds it: tenant, execution,
 * attestation, schema. A member that the policy decision reads must be something that every consumer reads alike,
 * where it is there; one that is absent binds nothing, and a consumer sees that it is. All else (`rationale`,
 * `control`, members of the upstream's own) is signed as it is.
 */
import { compileSelection, selectedValue, type SelectedValue } from '../json/scan.js';
import { findMember } from '../json/selection.js';
import type { Tokeniser } from '../json/tokeniser.js';
import { Token, isValueToken } from '../json/tokens.js';
import { fieldText } from '../protocol/field-rules.js';
import { CanonicalWriter } from './canonical-writer.js';
import { ADJUSTMENT_HASH, ADJUSTMENT_TTL } from './envelope.js';
import { refuseAnswer, type AnswerRefusal, type FeedbackRefusalCode } from './refusal-code.js';

/** What the adjustments of one answer are held to. */
export interface AdjustmentDemands {
  readonly tenant: string;
  readonly schemaVersions: ReadonlySet<string>;
  /** Whether the tenant has submitted the pair, both in lower-case hex; undefined where that is not asked. */
  readonly wasSubmitted: ((execution: string, attestation: string) => boolean) | undefined;
}

/** A list whose adjustments have met the demands. */
export interface AdjustmentList {
  readonly kind: 'list';
  /** The canonical form, in ASCII. */
  readonly canonical: Uint8Array;
  readonly count: number;
}

/** Where a list is read. */
interface ListSource {
  readonly body: Buffer;
  /** Over `body`; its last token was the opening bracket of the list. */
  readonly tokeniser: Tokeniser;
  /** How many arrays and objects may be open in `body`, those around the list included. */
  readonly maxDepth: number;
}

/** Reads the tokens up to the end of the list, or up to what is refused. */
export function readAdjustmentList(
  source: ListSource,
  demands: AdjustmentDemands,
): AdjustmentList | AnswerRefusal {
  const { tokeniser, maxDepth } = source;
  const writer = new CanonicalWriter(source.body, tokeniser);
  const judge = new ListJudge(source, demands);
  const listDepth = tokeniser.depth;
  writer.write(Token.beginArray);
  for (;;) {
    const token = tokeniser.next();
    if (token === Token.fault) return refuseAnswer('answer_not_json', tokeniser.fault ?? 'a fault');
    if (tokeniser.depth > maxDepth) return refuseAnswer('answer_not_json', 'too_deep');
    writer.write(token);
    if (tokeniser.depth < listDepth)
      return { kind: 'list', canonical: writer.finish(), count: judge.adjustments };
    const refusal = judge.see(token, tokeniser.depth - listDepth);
    if (refusal !== undefined) return refusal;
  }
}

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

const MEMBER_NODE = compileSelection({
  pointers: MEMBERS.map((name) => `/${name}`),
  closedObjects: [],
}).root;

/** The values of one adjustment by slot, as far as it has them. */
type AdjustmentValues = (SelectedValue | undefined)[];

class ListJudge {
  /** Those that have ended. */
  adjustments = 0;
  readonly #source: ListSource;
  readonly #demands: AdjustmentDemands;
  #values: AdjustmentValues = [];
  /** Where the value of the last name goes, when it is one that is looked at. */
  #slot: number | undefined;

  constructor(source: ListSource, demands: AdjustmentDemands) {
    this.#source = source;
    this.#demands = demands;
  }

  /** Looks at a token of the list; `depth` is 0 beside the adjustments and 1 among the members of one. */
  see(token: Token, depth: number): AnswerRefusal | undefined {
    const { body, tokeniser } = this.#source;
    if (token === Token.name) {
      this.#slot = depth === 1 ? findMember(MEMBER_NODE, tokeniser.names)?.node.slot : undefined;
    } else if (this.#slot !== undefined && isValueToken(token)) {
      this.#values[this.#slot] = selectedValue(body, tokeniser, token);
      this.#slot = undefined;
    } else if (depth === 1 && token === Token.beginObject) {
      this.#values = [];
    } else if (depth === 0 && token === Token.endObject) {
      return judgeAdjustment(this.#values, this.adjustments++, this.#demands);
    } else if (depth === 0 || (depth === 1 && token === Token.beginArray)) {
      return refuseAnswer('adjustment_shape', `adjustment ${this.adjustments}: it is not an object`);
    }
    return undefined;
  }
}

/** Judges one adjustment; `position` counts from 0 and is for the record. Undefined when it may be signed. */
function judgeAdjustment(
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
  const odd = DECISION_MEMBERS.find(([member, isReadable]) => {
    const value = valueOf(member);
    return value !== undefined && !isReadable(value);
  });
  if (odd !== undefined) return fail('adjustment_shape', `${odd[0]} is not what the contract says`);
  return demands.wasSubmitted?.(execution, attestation) === false ? refuseNotSubmitted(position) : undefined;
}

/** The refusal of the adjustment at a position, counted from 0, whose pair its tenant has not submitted. */
export function refuseNotSubmitted(position: number): AnswerRefusal {
  return refuseAnswer(
    'adjustment_not_submitted',
    `adjustment ${position}: the tenant has submitted no such execution and attestation`,
  );
}

/** What the policy decision reads. */
const DECISION_MEMBERS: readonly (readonly [Member, (value: SelectedValue) => boolean])[] = [
  ['target_urn', isText],
  ['action', isText],
  ['confidence', (value) => isNumberUpTo(value, 1)],
  ['ttl_seconds', (value) => fieldText(ADJUSTMENT_TTL, value) !== undefined],
  ['timestamp', (value) => isNumberUpTo(value, Number.MAX_VALUE)],
];

function hashOf(value: SelectedValue | undefined): string | undefined {
  return value && fieldText(ADJUSTMENT_HASH, value);
}

function isText(value: SelectedValue): boolean {
  return value.type === 'string' && value.value !== '';
}

/** Integers and floats from 0 on, the bound included; -0 is 0. An integer lexeme has at most 4,300 digits, so this is cheap. */
function isNumberUpTo(value: SelectedValue, max: number): boolean {
  if (value.type !== 'integer' && value.type !== 'float') return false;
  const number = Number(value.lexeme);
  return number >= 0 && number <= max;
}
