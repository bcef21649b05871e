/** From the existing gateway's environment to a configuration of ours (docs/wire-contract.md#the-environment-of-another-gateway). */
import {
  type EnvironmentDoubt,
  type EnvironmentFile,
  type EnvironmentVariable,
  parseEnvironmentFile,
} from './env-file.js';
import { readFederation } from './import-federation.js';
import { ImportContext, type ImportNote, carriedNames, kindOfVariable } from './import-context.js';
import { readProcess, refuseUnsignedMode } from './import-settings.js';
import { readFeedback } from './import-feedback.js';
import { renderImport } from './import-yaml.js';
import type { ConfigurationProblem } from '../config/settings.js';

export type { ImportNote } from './import-context.js';

/** The configuration as YAML with what it could not carry over, or why there is none. */
export type ImportResult =
  | { readonly ok: true; readonly yaml: string; readonly notes: readonly ImportNote[] }
  | {
      readonly ok: false;
      readonly problems: readonly ConfigurationProblem[];
      readonly notes: readonly ImportNote[];
    };

/** How an import is told where it is. */
export interface ImportOptions {
  /** The environment file's path: for messages, and to find the key files that it names. */
  readonly file: string;
}

/**
 * Reads the text of an environment file, and the key files that it names. No value of a variable gets into a note or
 * problem but names of key files, and no secret into the YAML: it holds public keys, fingerprints, operators, numbers
 * and names of key files only. The YAML passes `loadConfiguration`.
 */
export function importEnvironment(text: string, { file }: ImportOptions): ImportResult {
  const environment = parseEnvironmentFile(text);
  const { variables } = environment;
  const byName = new Map(variables.map((variable) => [variable.name, variable]));
  const context = new ImportContext(file, byName);
  refuseContradictions(variables, context);
  refuseDoubts(environment, context);
  for (const name of byName.keys()) noteForeign(name, context);
  refuseUnsignedMode(context);
  const federation = readFederation(context);
  const process = readProcess(context);
  const feedback = readFeedback(context, file, federation);
  context.note('', noncesNote);
  const { notes, problems } = context;
  if (problems.length > 0) return { ok: false, problems, notes };
  return { ok: true, yaml: renderImport({ federation, process, feedback }, notes), notes };
}

const noncesNote =
  'a nonce is [A-Za-z0-9_-]{8,128}: ids with a dot, colon, slash or space, which the old gateway takes, are refused';

/** A loader takes the last of two, a reader may think it is the first; where they differ, somebody is wrong. */
function refuseContradictions(variables: readonly EnvironmentVariable[], context: ImportContext): void {
  const seen = new Map<string, string>();
  for (const { name, value } of variables) {
    const earlier = seen.get(name);
    seen.set(name, value);
    if (earlier === undefined || kindOfVariable(name) !== 'carried') continue;
    if (earlier !== value)
      context.problem(name, 'is set twice, to different values', 'keep the one that counts');
  }
}

/** What loaders disagree on: nobody can say what the gateway was told, so nobody can carry it over. */
function refuseDoubts(environment: EnvironmentFile, context: ImportContext): void {
  const { variables, unreadableLines, brokenLines, hasByteOrderMark } = environment;
  if (hasByteOrderMark)
    context.doubt('', 1, {
      message: 'begins with a byte-order mark, which most loaders take for a part of the first name',
      remedy: 'save it as UTF-8 without one',
    });
  for (const { line, ...doubt } of brokenLines) context.doubt('', line, doubt);
  for (const variable of variables) {
    const { name, line, lineDoubt, valueDoubt } = variable;
    const doubt =
      lineDoubt ?? (kindOfVariable(name) === 'carried' ? valueDoubt : undefined) ?? caseDoubt(name);
    if (doubt !== undefined) context.doubt(name, line, doubt);
  }
  for (const { line, text } of unreadableLines) {
    if (carriedNames.some((name) => text.toUpperCase().includes(name)))
      context.doubt('', line, {
        message: 'names a variable, and is no NAME=value line',
        remedy: 'write NAME=value',
      });
    else context.notes.push({ variable: '', line, message: 'is no NAME=value line; skipped' });
  }
}

/** Some loaders of settings do not look at the case of a name, and others do not see this variable at all. */
function caseDoubt(name: string): EnvironmentDoubt | undefined {
  const upper = name.toUpperCase();
  if (upper === name || kindOfVariable(upper) !== 'carried') return undefined;
  return {
    message: 'is not in capitals, so that some loaders read it and others do not',
    remedy: `write ${upper}`,
  };
}

function noteForeign(name: string, context: ImportContext): void {
  const kind = kindOfVariable(name);
  if (kind === 'upstream') context.note(name, "is the upstream's own; skipped, leave it where it is");
  if (kind === 'unknown') context.note(name, 'is not known here; not carried over');
}
