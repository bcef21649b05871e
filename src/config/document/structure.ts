/** From plain data to the schema's shape: every fault in plain words, and what is left to check besides. */
import type { z } from 'zod';
import type { Findings } from './findings.js';
import { describeIssue, remedyFor, unknownKeyRemedy, type Issue } from './issue-words.js';
import { descriptionAt, schemaAt, valueAt } from './schema-walk.js';
import {
  configurationJsonSchema,
  configurationSchema,
  type ConfigurationInput,
  type JsonSchemaNode,
} from '../schema/schema.js';

/** What could be understood of the file. */
export interface Structure {
  /** Absent when too little is left for any further check. */
  readonly input: ConfigurationInput | undefined;
  /** Top-level sections that were dropped in part or whole: what refers to them cannot be judged. */
  readonly broken: ReadonlySet<string>;
  /** Where each entry of these lists stands in the file, as unusable ones are left out. */
  readonly positions: { readonly identities: readonly number[]; readonly policies: readonly number[] };
}

/** Stand-ins for sections that are unusable, so that the rest can still be checked; never a result. */
const standIns: Readonly<Record<string, unknown>> = {
  version: 1,
  listen: { socket: 'verifier.sock' },
  audit: { stdout: true },
  identities: [],
  policies: [],
};

/** Applies the schema. With faults, the sound sections are still returned for the checks that follow. */
export function parseStructure(value: unknown, findings: Findings): Structure {
  const whole = configurationSchema.safeParse(value);
  if (whole.success) return { input: whole.data, broken: new Set(), positions: positionsIn(whole.data) };
  const schema = configurationJsonSchema();
  for (const issue of whole.error.issues) reportIssue(issue, value, schema, findings);
  return salvage(value, whole.error.issues);
}

function reportIssue(issue: Issue, root: unknown, schema: JsonSchemaNode, findings: Findings): void {
  const path = issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schemaAt(schema, path).properties ?? {});
    for (const key of issue.keys)
      findings.problem([...path, key], 'is not a key of this format', () => unknownKeyRemedy(key, known));
    return;
  }
  const message = describeIssue(issue, valueAt(root, path));
  findings.problem(path, message, () => remedyFor(message, descriptionAt(schema, path)));
}

/** Drops what the issues point at, in the smallest units that can be missed, and applies the schema again. */
function salvage(value: unknown, issues: readonly Issue[]): Structure {
  const broken = new Set<string>();
  const nothing = { input: undefined, broken, positions: positionsIn({}) };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return nothing;
  const copy = structuredClone(value) as Record<string, unknown>;
  for (const issue of issues) {
    const [section, index] = issue.path;
    if (issue.code === 'unrecognized_keys') dropKeys(copy, issue);
    else if (typeof section === 'string') dropPart(copy, section, index, broken);
  }
  const positions = positionsIn(copy);
  for (const section of ['identities', 'policies']) {
    if (Array.isArray(copy[section])) copy[section] = copy[section].filter((entry) => entry !== undefined);
  }
  const rest = configurationSchema.safeParse(copy);
  return rest.success ? { input: rest.data, broken, positions } : nothing;
}

function positionsIn(value: {
  readonly identities?: unknown;
  readonly policies?: unknown;
}): Structure['positions'] {
  const positions = (list: unknown): number[] =>
    Array.isArray(list) ? list.flatMap((entry, index) => (entry === undefined ? [] : [index])) : [];
  return { identities: positions(value.identities), policies: positions(value.policies) };
}

function dropKeys(copy: Record<string, unknown>, issue: z.core.$ZodIssueUnrecognizedKeys): void {
  const holder = valueAt(
    copy,
    issue.path.map((segment) => segment as string | number),
  );
  for (const key of issue.keys)
    if (typeof holder === 'object' && holder !== null) Reflect.deleteProperty(holder, key);
}

function dropPart(
  copy: Record<string, unknown>,
  section: string,
  index: PropertyKey | undefined,
  broken: Set<string>,
): void {
  broken.add(section);
  const list = copy[section];
  if (['identities', 'policies'].includes(section) && Array.isArray(list) && typeof index === 'number') {
    list[index] = undefined;
    return;
  }
  if (Object.hasOwn(standIns, section)) copy[section] = standIns[section];
  else Reflect.deleteProperty(copy, section);
}
