/** From a file to a configuration: the same loader for `serve`, reload and `check-config`. */
import { dirname, resolve } from 'node:path';
import type { Snapshot } from '../verify/snapshot.js';
import { compileAuthorities } from './compile/authorities.js';
import { judgeAuditKey } from './compile/audit.js';
import { LoadContext } from './compile/context.js';
import { compileFeedback } from './compile/feedback.js';
import { compileIdentities } from './compile/identities.js';
import { compileKeySets } from './compile/key-sets.js';
import type { OfflineOptions } from './compile/offline.js';
import { compilePolicies, warnAboutOperators } from './compile/policies.js';
import type { PublicKeyCache } from './compile/public-key-cache.js';
import { compileReportOnly } from './compile/report-only.js';
import { compileHeaders, compileSettings } from './compile/server-settings.js';
import { parseConfigurationDocument } from './document/document.js';
import { Findings } from './document/findings.js';
import { applySchema } from './document/schema-problems.js';
import { fileState, MAX_FILE_BYTES, readBoundedText, stateOfRead } from './files/read-file.js';
import type { ConfigurationInput } from './schema/schema.js';
import { deepFreeze, type Configuration, type LoadResult, type ServerSettings } from './settings.js';

/** What a load needs to know besides the file. */
export interface LoadOptions {
  /** Becomes `snapshot.generation`. */
  readonly generation: number;
  /** Unix milliseconds, for what has expired. */
  readonly nowMs: number;
  /** Shared by the loads of one file, so that a reload judges new keys alone. Default: one of its own. */
  readonly publicKeys?: PublicKeyCache;
  /** Processes that will share the stores; default: the file's own `workers`. */
  readonly workers?: number | undefined;
  /** Files may be missing, and are listed then. Never for what is to be served. */
  readonly offline?: OfflineOptions | undefined;
  /** Judged in the place of what the file holds: an edit that is not written yet. Never for what is to be served. */
  readonly text?: string | undefined;
  /** For a verifier that runs: what costs one signing domain its keys does not cost the others theirs. */
  readonly isForServing?: boolean | undefined;
}

/**
 * Loads, validates and compiles the YAML file. Every problem is collected, each with its place and remedy;
 * never throws for anything that is in a file. Reads files only; nothing is created or opened for writing.
 */
export function loadConfiguration(file: string, options: LoadOptions): LoadResult {
  const absolute = resolve(file);
  const findings = new Findings(file);
  const held = readBoundedText(absolute, MAX_FILE_BYTES);
  const own = held.ok ? stateOfRead(held) : fileState(absolute);
  const text = held.ok && options.text !== undefined ? { ...held, text: options.text } : held;
  const { nowMs, publicKeys, offline, isForServing } = options;
  const directory = dirname(absolute);
  const context = new LoadContext({ findings, nowMs, directory, publicKeys, offline, isForServing });
  context.noteState(absolute, own);
  if (!text.ok) findings.problem([], text.message, text.remedy);
  const value = text.ok ? parseConfigurationDocument(text.text, findings) : undefined;
  const input = value === undefined ? undefined : applySchema(value, findings);
  const compiled = input && compile(input, options, context);
  const { fileStates } = context;
  if (compiled === undefined || findings.problemCount > 0) {
    context.wipePrivateKeys();
    return { ok: false, problems: findings.problems, problemCount: findings.problemCount, fileStates };
  }
  const { warnings } = findings;
  const filesRead = [...new Set([absolute, ...context.filesRead])];
  const configuration: Configuration = { file: absolute, ...compiled, warnings, filesRead };
  return { ok: true, configuration: deepFreeze(configuration), leftOut: context.leftOut, fileStates };
}

function compile(
  input: ConfigurationInput,
  options: LoadOptions,
  context: LoadContext,
): { readonly settings: ServerSettings; readonly snapshot: Snapshot } {
  const settings = compileSettings(input, options.workers ?? input.workers, context);
  const headers = compileHeaders(input, context);
  const authorities = compileAuthorities(input, context);
  const identities = compileIdentities(input, authorities, context);
  const policies = compilePolicies(input, context);
  const reportOnly = compileReportOnly(input, { policies, identities }, context);
  const snapshot: Snapshot = {
    generation: options.generation,
    headers,
    forwardedCertificate: input.forwardedClientCert,
    identities,
    authorities,
    operators: new Map(Object.entries(input.operators)),
    policies,
    feedback: compileFeedback({ input, identities, policies, rotation: settings.keyRotation }, context),
    ...(reportOnly && { reportOnly }),
  };
  judgeAuditKey(settings.audit, snapshot, context.at('audit', 'log', 'keyFile'));
  warnAboutOperators(snapshot, context);
  const keySets = compileKeySets(input, { snapshot, audit: settings.audit }, context);
  return { settings: keySets.length === 0 ? settings : { ...settings, keySets }, snapshot };
}
