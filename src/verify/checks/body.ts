/** Whether the body is acceptable JSON, meets the contract of its route, and repeats what was signed beside it. */
import { scanJson, type ScanSuccess, type SelectedValue } from '../../json/scan.js';
import type { BodyContract, BodyRole, FieldContract } from '../body-contract.js';
import { fieldProblem, fieldText } from '../../protocol/field-rules.js';
import { refuseBody, type BodyFault, type BodyProblem, type Refusal } from '../refusal.js';
import type { SignatureProof } from './security-headers.js';

/** The fields of a body that met its contract, by JSON pointer, as `fieldText` compares them. */
export type BodyTexts = ReadonlyMap<string, string>;

/** A body that met its contract. */
export interface ContractBody {
  readonly kind: 'body';
  readonly texts: BodyTexts;
  /** The contract's signed fields as they were sent, in its order: a hash in the case in which it was signed. */
  readonly signedTexts: readonly string[];
}

/** Strict JSON first, then the closed objects, then every field. Equalities come after, in `checkBodyBindings`. */
export function checkBody(body: Uint8Array, contract: BodyContract): ContractBody | Refusal {
  const scan = scanJson(body, contract.selection);
  if (!scan.ok) {
    const { fault, offset } = scan;
    return refuseBody('body_not_json', { problem: fault, offset }, `${fault} at byte ${offset}`);
  }
  if (!scan.rootIsObject)
    return refuseBody('body_contract', { pointer: '', problem: 'wrong_type' }, 'the body is no object');
  const { unknownMember } = scan;
  if (unknownMember !== undefined)
    return refuseBody(
      'body_contract',
      { pointer: unknownMember, problem: 'undeclared_member' },
      `undeclared member in "${unknownMember}"`,
    );
  return readFields(scan, contract);
}

function readFields(scan: ScanSuccess, contract: BodyContract): ContractBody | Refusal {
  const texts = new Map<string, string>();
  let index = 0;
  for (const field of contract.fields) {
    const value = scan.get(index++);
    if (value === undefined && !field.required) continue;
    const text = value === undefined ? undefined : fieldText(field.rule, value);
    if (text === undefined) return faultOf(field, value, contract);
    texts.set(field.pointer, text);
  }
  const version = roleText(contract, texts, 'schemaVersion');
  const allowed = version === undefined || (contract.schemaVersions?.has(version) ?? true);
  if (!allowed) return refuseBody('schema_version', bodyFault(contract, 'schemaVersion', 'not_allowed'));
  return {
    kind: 'body',
    texts,
    signedTexts: contract.signedFields.map((field) => sentText(scan, contract, field)),
  };
}

function sentText(scan: ScanSuccess, contract: BodyContract, pointer: string): string {
  const value = scan.get(contract.fields.findIndex((field) => field.pointer === pointer));
  if (value?.type === 'string') return value.value;
  if (value?.type === 'integer') return value.lexeme;
  throw new Error(`the contract signs "${pointer}", which is neither text nor integer`);
}

function faultOf(
  { pointer, rule }: FieldContract,
  value: SelectedValue | undefined,
  contract: BodyContract,
): Refusal {
  const code = contract.roles.attestation === pointer ? 'attestation_malformed' : 'body_contract';
  const problem = value === undefined ? 'missing' : fieldProblem(rule, value);
  return refuseBody(code, { pointer, problem }, `"${pointer}" is ${PROBLEM_WORDS[problem]}`);
}

const PROBLEM_WORDS = {
  missing: 'missing',
  wrong_type: 'of the wrong type',
  malformed: 'malformed',
} as const;

/** The body's nonce and timestamp are the headers'; every declared equality holds. */
export function checkBodyBindings(
  texts: BodyTexts,
  contract: BodyContract,
  proof: SignatureProof | undefined,
): Refusal | undefined {
  if (proof !== undefined) {
    if (differs(roleText(contract, texts, 'nonce'), proof.nonce))
      return refuseBody('body_repeats_other_nonce', bodyFault(contract, 'nonce', 'mismatch'));
    if (differs(roleText(contract, texts, 'timestamp'), proof.timestamp))
      return refuseBody('body_repeats_other_timestamp', bodyFault(contract, 'timestamp', 'mismatch'));
  }
  for (const { left, right, ifPresent } of contract.equalities) {
    const value = texts.get(left);
    if (value === undefined && ifPresent) continue;
    if (value !== texts.get(right))
      return refuseBody(
        'body_binding_mismatch',
        { pointer: left, problem: 'mismatch' },
        `"${left}" differs from "${right}"`,
      );
  }
  return undefined;
}

function differs(repeated: string | undefined, signed: string): boolean {
  return repeated !== undefined && repeated !== signed;
}

/** The fault of the field that plays a role. */
export function bodyFault(contract: BodyContract, role: BodyRole, problem: BodyProblem): BodyFault {
  const pointer = contract.roles[role];
  return pointer === undefined ? { problem } : { pointer, problem };
}

/** The text of the field that plays a role; undefined when the contract has no such role or the field is absent. */
export function roleText(contract: BodyContract, texts: BodyTexts, role: BodyRole): string | undefined {
  const pointer = contract.roles[role];
  return pointer === undefined ? undefined : texts.get(pointer);
}
