/** The schema's complaints in the words of whoever wrote the file. */
import type { z } from 'zod';
import { quote } from './findings.js';
import { nearestWord } from './nearest-word.js';

/** An issue as zod reports it. */
export type Issue = z.core.$ZodIssue;

const missing = 'is missing';
const mustBeQuoted = 'must be text, and YAML reads this as something else';

/** One issue of the schema in plain words, to be read after the path. Never repeats the value, which may be a secret. */
export function describeIssue(issue: Issue, input: unknown): string {
  if (input === undefined && issue.code !== 'invalid_key') return missing;
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue.expected, input);
    case 'too_small':
    case 'too_big':
      return describeBound(issue);
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_key':
      return `has a bad name: it ${issue.issues[0]?.message ?? 'is not allowed'}`;
    default:
      return issue.message;
  }
}

function describeType(expected: string, input: unknown): string {
  if (expected === 'string' && ['number', 'boolean'].includes(typeof input)) return mustBeQuoted;
  if (expected === 'int') return 'must be a whole number';
  return `must be ${typeWords.get(expected) ?? expected}, not ${wordFor(input)}`;
}

const typeWords = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['tuple', 'a list of two'],
  ['object', 'a section of keys'],
  ['record', 'a section of keys'],
]);

function wordFor(input: unknown): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  return typeWords.get(typeof input) ?? typeof input;
}

function describeBound(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string {
  const [word, bound] = issue.code === 'too_big' ? ['at most', issue.maximum] : ['at least', issue.minimum];
  const things = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
  return `must ${things === '' ? 'be' : 'have'} ${word} ${String(bound)}${things}`;
}

/** What to do about a key that the format does not have. */
export function unknownKeyRemedy(key: string, known: readonly string[]): string {
  const nearest = nearestWord(key, known);
  return nearest === undefined
    ? `remove it, or use a key that is known here: ${known.join(', ')}`
    : `did you mean ${quote(nearest)}?`;
}

/** What to do about a value that is not as the schema wants it; the schema's own description says what belongs there. */
export function remedyFor(message: string, description: string | undefined): string {
  if (message === mustBeQuoted) return 'put it in quotes';
  if (description === undefined) return 'write it as the example in docs/configuration.md has it';
  return `${message === missing ? 'add' : 'correct'} it. What belongs here: ${description.replace(/\.$/, '')}`;
}
