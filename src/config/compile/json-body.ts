/** The contract of a JSON body: made of parts, and from the named pointers of a policy of one's own. */
import { compileSelection } from '../../json/scan.js';
import type { FieldRule } from '../../protocol/field-rules.js';
import type { BodyContract, BodyRole, FieldContract, FieldEquality } from '../../verify/body-contract.js';
import { quoteText } from '../../json/escape-text.js';
import type { JsonBodyInput } from '../schema/policy.js';
import { MAX_VERSION_CHARACTERS } from '../schema/schema-common.js';
import type { ConfigurationNode } from './context.js';

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
/** A schema version. */
export const versionText: FieldRule = { kind: 'string', minLength: 1, maxLength: MAX_VERSION_CHARACTERS };

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

/** What each role says about the syntax of its field. */
const roleRules = {
  nonce: { kind: 'nonce' },
  timestamp: { kind: 'timestamp' },
  operator: idText,
  tenant: { kind: 'uuid' },
  schemaVersion: versionText,
  attestation: { kind: 'sha256' },
  execution: { kind: 'sha256' },
} as const satisfies Partial<Record<BodyRole, FieldRule>>;

type NamedRole = keyof typeof roleRules;

/**
 * The parts of the contract, or undefined with the reasons noted. A field that is only compared
 * takes the rule of the field that it is compared with, so that `/meta/timestamp` is an integer where
 * `/timestamp` is; if neither has a role, both are text of any length.
 */
export function genericContract(json: JsonBodyInput, node: ConfigurationNode): ContractParts | undefined {
  const { findings } = node.load;
  const faultsBefore = findings.problemCount;
  const roles = rolePointers(json);
  const rules = fieldRules(json, roles, node);
  refuseNesting([...rules.keys()], node);
  if (json.topLevel !== undefined) refuseOutside(json.topLevel, [...rules.keys()], node.at('topLevel'));
  if (findings.problemCount > faultsBefore) return undefined;
  return {
    fields: [...rules].map(([pointer, rule]): FieldContract => required(pointer, rule)),
    closedObjects: json.topLevel === undefined ? [] : [{ pointer: '', members: json.topLevel }],
    roles: Object.fromEntries(roles),
    equalities: json.equal.map(([left, right]) => ({ left, right, ifPresent: false })),
    schemaVersions: json.schemaVersion?.allowed,
  };
}

function rolePointers(json: JsonBodyInput): Map<NamedRole, string> {
  const pointers = new Map<NamedRole, string>();
  for (const role of Object.keys(roleRules) as NamedRole[]) {
    const pointer = role === 'schemaVersion' ? json.schemaVersion?.at : json[role];
    if (pointer !== undefined) pointers.set(role, pointer);
  }
  return pointers;
}

function fieldRules(
  json: JsonBodyInput,
  roles: ReadonlyMap<NamedRole, string>,
  node: ConfigurationNode,
): Map<string, FieldRule> {
  const rules = new Map<string, FieldRule>();
  for (const [role, pointer] of roles) {
    if (rules.has(pointer))
      node.at(role).problem(`uses ${quoteText(pointer)} a second time`, 'give each role a field of its own');
    rules.set(pointer, roleRules[role]);
  }
  const roleRule = new Map(rules);
  json.equal.forEach(([left, right], index) => {
    const pair = node.at('equal', index);
    if (left === right) pair.problem('compares a field with itself', 'name two fields, or remove it');
    rules.set(left, rules.get(left) ?? roleRule.get(right) ?? anyText);
    rules.set(right, rules.get(right) ?? roleRule.get(left) ?? anyText);
    if (rules.get(left)?.kind !== rules.get(right)?.kind)
      pair.problem('compares fields that can never be equal', 'compare fields of one kind');
  });
  return rules;
}

/** A field that is text or a number has no members, so no other field can lie inside it. */
function refuseNesting(pointers: readonly string[], node: ConfigurationNode): void {
  for (const inner of pointers) {
    const outer = pointers.find((pointer) => inner.startsWith(`${pointer}/`));
    if (outer !== undefined)
      node.problem(
        `${quoteText(inner)} lies inside ${quoteText(outer)}, which is a single value`,
        'correct one of them',
      );
  }
}

function refuseOutside(
  topLevel: readonly string[],
  pointers: readonly string[],
  node: ConfigurationNode,
): void {
  const members = new Set(topLevel);
  for (const pointer of pointers) {
    const member = (pointer.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
    if (!members.has(member))
      node.problem(`leaves out ${quoteText(member)}, which another key needs`, 'add it to the list');
  }
}
