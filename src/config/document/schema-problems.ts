/**
 * From plain data to the shape of the schema. A file that does not fit it is told every problem of its shape, in the
 * words of whoever wrote it, and is judged no further.
 */
import type { z } from 'zod';
import {
  configurationJsonSchema,
  configurationSchema,
  type ConfigurationInput,
  type JsonSchemaNode,
} from '../schema/schema.js';
import { nearestOf } from './edit-distance.js';
import { type ConfigurationPath, type Findings } from './findings.js';
import { quoteText } from '../../json/escape-text.js';

/** An issue as zod reports it. */
type Issue = z.core.$ZodIssue;

/** The file as the schema leaves it; absent when it does not fit, with every problem noted. */
export function applySchema(value: unknown, findings: Findings): ConfigurationInput | undefined {
  const result = configurationSchema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const schema = configurationJsonSchema();
  const misspelt = misspeltKeys(issues, value, schema);
  for (const issue of issues) {
    const path = pathOf(issue);
    if (issue.code === 'unrecognized_keys') noteUnknownKeys(issue.keys, path, schema, findings);
    else if (!misspelt.has(JSON.stringify(path)))
      noteIssue(issue, path, valueAt(value, path), schema, findings);
  }
  return undefined;
}

function pathOf({ path }: Issue): ConfigurationPath {
  return path.map((segment) => (typeof segment === 'number' ? segment : String(segment)));
}

/** The paths of missing keys, as JSON, that an unknown key beside them was meant to be: one slip is one problem. */
function misspeltKeys(issues: readonly Issue[], root: unknown, schema: JsonSchemaNode): ReadonlySet<string> {
  const absent = issues.map(pathOf).filter((path) => valueAt(root, path) === undefined);
  const misspelt = new Set<string>();
  if (absent.length === 0) return misspelt;
  const holders = new Set(absent.map((path) => JSON.stringify(path.slice(0, -1))));
  for (const issue of issues) {
    const path = pathOf(issue);
    if (issue.code !== 'unrecognized_keys' || !holders.has(JSON.stringify(path))) continue;
    const known = knownKeys(schema, path);
    for (const key of issue.keys) misspelt.add(JSON.stringify([...path, nearestOf(known, key)]));
  }
  for (const path of misspelt)
    if (valueAt(root, JSON.parse(path) as ConfigurationPath) !== undefined) misspelt.delete(path);
  return misspelt;
}

function knownKeys(schema: JsonSchemaNode, path: ConfigurationPath): string[] {
  return Object.keys(schemaAt(schema, path).properties ?? {});
}

function noteUnknownKeys(
  keys: readonly string[],
  path: ConfigurationPath,
  schema: JsonSchemaNode,
  findings: Findings,
): void {
  const known = knownKeys(schema, path);
  const remedy = (key: string): string =>
    didYouMean(key, known) ?? `remove it, or use a key that is known here: ${known.join(', ')}`;
  for (const key of keys) findings.problem([...path, key], 'is not a key of this format', () => remedy(key));
}

function didYouMean(word: string, known: readonly string[]): string | undefined {
  const nearest = nearestOf(known, word);
  return nearest && `did you mean ${quoteText(nearest)}?`;
}

const missing = 'is missing';
const mustBeQuoted = 'must be text, and YAML reads this as something else';
const remedies = new Map([
  [missing, 'add it.'],
  [mustBeQuoted, 'put it in quotes.'],
]);

function noteIssue(
  issue: Issue,
  path: ConfigurationPath,
  input: unknown,
  schema: JsonSchemaNode,
  findings: Findings,
): void {
  const message = messageOf(issue, input);
  findings.problem(path, message, () => {
    const guess =
      issue.code === 'invalid_value' && typeof input === 'string'
        ? didYouMean(input, issue.values.map(String))
        : undefined;
    const toDo = guess ?? remedies.get(message) ?? 'correct it.';
    const description = descriptionAt(schema, path);
    if (description === undefined) return `${toDo} The example in docs/configuration.md shows how`;
    return `${toDo} What belongs here: ${description.replace(/\.$/, '')}`;
  });
}

/** In plain words, to be read after the path. Never repeats the value, which may be a secret. */
function messageOf(issue: Issue, input: unknown): string {
  if (input === undefined && issue.code !== 'invalid_key') return missing;
  switch (issue.code) {
    case 'invalid_type':
      return typeMessage(issue.expected, input);
    case 'too_small':
    case 'too_big':
      return boundMessage(issue);
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_key':
      return `has a bad name: it ${issue.issues[0]?.message ?? 'is not allowed'}`;
    default:
      return issue.message;
  }
}

function typeMessage(expected: string, input: unknown): string {
  if (expected === 'string' && ['number', 'boolean'].includes(typeof input)) return mustBeQuoted;
  if (expected === 'int') return 'must be a whole number';
  return `must be ${typeNames.get(expected) ?? expected}, not ${typeNameOf(input)}`;
}

const typeNames = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['tuple', 'a list of two'],
  ['object', 'a section of keys'],
  ['record', 'a section of keys'],
]);

function typeNameOf(input: unknown): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  return typeNames.get(typeof input) ?? typeof input;
}

function boundMessage(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string {
  const [word, bound] = issue.code === 'too_big' ? ['at most', issue.maximum] : ['at least', issue.minimum];
  const things = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
  return `must ${things === '' ? 'be' : 'have'} ${word} ${String(bound)}${things}`;
}

/** The schema's node at `path`, or the nearest above it; lists and free member names are looked through. */
function schemaAt(schema: JsonSchemaNode, path: ConfigurationPath): JsonSchemaNode {
  let node = schema;
  for (const segment of path) {
    const next = childOf(node.anyOf?.find((option) => option.properties !== undefined) ?? node, segment);
    if (next === undefined) return node;
    node = next;
  }
  return node;
}

/** What the schema says belongs at `path`: the description of its node, or of the nearest above that has one. */
function descriptionAt(schema: JsonSchemaNode, path: ConfigurationPath): string | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const { description } = schemaAt(schema, path.slice(0, length));
    if (description !== undefined) return description;
  }
  return undefined;
}

function childOf(node: JsonSchemaNode, segment: string | number): JsonSchemaNode | undefined {
  if (typeof segment === 'number') return node.items;
  const { properties, additionalProperties } = node;
  if (properties !== undefined) return Object.hasOwn(properties, segment) ? properties[segment] : undefined;
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** The value at `path` of plain data; undefined where there is none. */
function valueAt(root: unknown, path: ConfigurationPath): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string | number, unknown>)[segment];
  }
  return value;
}
