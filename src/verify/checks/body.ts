/** Whether the body is acceptable JSON and meets the contract of its route. */
import { scanJson, type ScanSuccess } from '../../json/scan.js';
import type { BodyContract, BodyRole, FieldContract } from '../body-contract.js';
import { fieldText } from '../field-rules.js';
import { refuse, type Refusal, type RefusalCode } from '../refusal.js';

/** The fields of a body that met its contract, by JSON pointer, as `fieldText` compares them. */
export type BodyTexts = ReadonlyMap<string, string>;

/** A body that met its contract. */
export interface ContractBody {
  readonly kind: 'body';
  readonly texts: BodyTexts;
  /** The contract's signed fields as they were sent, in its order: a hash in the case in which it was signed. */
  readonly signedTexts: readonly string[];
}

/** Strict JSON first, then the closed objects, then every field. Equalities are judged by `body-bindings.ts`. */
export function checkBody(body: Uint8Array, contract: BodyContract): ContractBody | Refusal {
  const scan = scanJson(body, contract.selection);
  if (!scan.ok) return refuse('body_not_json', `${scan.fault} at byte ${scan.offset}`);
  if (!scan.rootIsObject) return refuse('body_contract', 'the body is no object');
  if (scan.unknownMember !== undefined)
    return refuse('body_contract', `undeclared member in "${scan.unknownMember}"`);
  return readFields(scan, contract);
}

function readFields(scan: ScanSuccess, contract: BodyContract): ContractBody | Refusal {
  const texts = new Map<string, string>();
  let index = 0;
  for (const field of contract.fields) {
    const value = scan.get(index++);
    if (value === undefined && !field.required) continue;
    const text = value === undefined ? undefined : fieldText(field.rule, value);
    if (text === undefined) return faultOf(field, contract);
    texts.set(field.pointer, text);
  }
  const version = roleText(contract, texts, 'schemaVersion');
  const allowed = version === undefined || (contract.schemaVersions?.has(version) ?? true);
  if (!allowed) return refuse('schema_version');
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

function faultOf(field: FieldContract, contract: BodyContract): Refusal {
  const code: RefusalCode =
    contract.roles.attestation === field.pointer ? 'attestation_malformed' : 'body_contract';
  return refuse(code, `"${field.pointer}" is not as the contract wants it`);
}

/** The text of the field that plays a role; undefined when the contract has no such role or the field is absent. */
export function roleText(contract: BodyContract, texts: BodyTexts, role: BodyRole): string | undefined {
  const pointer = contract.roles[role];
  return pointer === undefined ? undefined : texts.get(pointer);
}
