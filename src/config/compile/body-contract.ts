/** Building a body contract: fields, the selection compiled for the scanner, and frozen results. */
import { compileSelection } from '../../json/scan.js';
import type { BodyContract, BodyRole, FieldContract, FieldEquality } from '../../verify/body-contract.js';
import type { FieldRule } from '../../protocol/field-rules.js';

/** A contract before its selection is compiled. */
export interface ContractParts {
  readonly fields: readonly FieldContract[];
  /** Objects that may hold nothing but these members; `''` is the whole body. */
  readonly closedObjects: readonly { readonly pointer: string; readonly members: readonly string[] }[];
  readonly roles: Readonly<Partial<Record<BodyRole, string>>>;
  readonly equalities?: readonly FieldEquality[];
  readonly schemaVersions?: readonly string[] | undefined;
  readonly signedFields?: readonly string[];
}

/** Text of any length: the body's own bound is the only one. */
export const anyText: FieldRule = { kind: 'string', minLength: 0, maxLength: Number.MAX_SAFE_INTEGER };
/** An operator or campaign id, 1 to 128 characters. */
export const idText: FieldRule = { kind: 'string', minLength: 1, maxLength: 128 };
/** A schema version, 1 to 32 characters. */
export const versionText: FieldRule = { kind: 'string', minLength: 1, maxLength: 32 };

/** A field that has to be there. */
export function required(pointer: string, rule: FieldRule): FieldContract {
  return { pointer, rule, required: true };
}

/** A field that keeps its rule when it is there. */
export function optional(pointer: string, rule: FieldRule): FieldContract {
  return { pointer, rule, required: false };
}

/** Compiles the parts; the pointers must be distinct and valid, which the callers have checked. */
export function buildContract(parts: ContractParts): BodyContract {
  const pointers = parts.fields.map((field) => field.pointer);
  return {
    fields: parts.fields,
    selection: compileSelection({ pointers, closedObjects: parts.closedObjects }),
    roles: parts.roles,
    equalities: parts.equalities ?? [],
    schemaVersions: parts.schemaVersions === undefined ? undefined : new Set(parts.schemaVersions),
    signedFields: parts.signedFields ?? [],
  };
}
