/** Whose word commands take about an audit log: verifier keys, a trust policy, or the key of a configuration; and the log's directory. */
import { existsSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { LogDirectory, LogFileError } from '../audit/read/log-directory.js';
import type { LogTrust } from '../audit/read/log-trust.js';
import type { AuditLogSettings } from '../config/settings.js';
import { LOG_INSTANCE } from '../protocol/syntax.js';
import { parseCheckpoint } from '../tlog/checkpoint.js';
import { parseNote, parseVerifierKey, verifierKeyText, type NoteVerifier } from '../tlog/note.js';
import { parsePolicy, type Policy } from '../tlog/policy.js';
import { TlogError } from '../tlog/tlog-error.js';
import { CliFault, type CliWorld, ExitCode, usageFault } from './command.js';
import { loadReporting } from './configuration.js';
import { readArgumentText, readOrFault } from './files.js';
import { collecting } from './option-values.js';

/** As commander gives them. */
export interface TrustOptions {
  readonly vkey?: readonly string[];
  readonly policy?: string;
  readonly config?: string;
}

/** What was named: the directory is undefined where neither an argument nor a configuration names one. */
export interface TrustedLog {
  readonly trust: LogTrust;
  readonly directory: string | undefined;
}

/** A policy may have 4,096 lines. */
const MAX_TRUST_BYTES = 1_048_576;
/** Two plus signs and a hash: no name of a file is taken for it by chance. */
const KEY_LINE = /^[^+]+\+[0-9a-f]{8}\+\S+$/;

/** Adds the options that say who is trusted. */
export function addTrustOptions(command: Command): Command {
  return command
    .option(
      '--vkey <file or key>',
      'a verifier key of the log (name+hash+key), or a file of such lines; may be given again',
      collecting(/^[^]+$/),
    )
    .option('--policy <file>', 'a trust policy (C2SP tlog-policy): logs, witnesses, and the quorum of these')
    .option('-c, --config <file>', 'the configuration, which names the directory and the key');
}

/** Reads what the options name. Throws `CliFault`; resolves with undefined when a configuration has problems, which are then told. */
export async function trustOf(
  world: CliWorld,
  options: TrustOptions,
  directory: string | undefined,
): Promise<TrustedLog | undefined> {
  const keys = (options.vkey ?? []).flatMap(verifierKeys);
  const policy = options.policy === undefined ? undefined : readPolicy(options.policy);
  const hasNamed = keys.length > 0 || (policy?.logs.length ?? 0) > 0;
  if (options.config === undefined) {
    if (hasNamed) return { trust: { keys, policy }, directory };
    throw usageFault(
      'nobody is trusted to sign the checkpoint',
      'give the verifier key of the log with --vkey, a policy that has a log line with --policy, or --config',
    );
  }
  const loaded = await loadReporting(world, options.config);
  if (!loaded.ok) return undefined;
  const { log } = loaded.configuration.settings.audit;
  if (log === undefined)
    throw new CliFault(`${options.config} has no audit.log`, 'name the directory and --vkey');
  const place = directory ?? log.directory;
  if (!hasNamed) keys.push(configuredKey(log, place));
  return { trust: { keys, policy }, directory: place };
}

/** A key as it is, or the lines of a file. */
function verifierKeys(text: string): NoteVerifier[] {
  const isKey = KEY_LINE.test(text.trim()) && !existsSync(text);
  const what = isKey ? 'the verifier key' : `the verifier key: ${text}`;
  const all = isKey ? text : readGiven('the verifier key:', text, WHERE_KEYS_COME_FROM);
  const lines = all.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0)
    throw new CliFault(`${what} has no key`, 'give the file that countersign audit vkey wrote');
  return throughTlog(what, () => lines.map(parseVerifierKey));
}

function readPolicy(file: string): Policy {
  const text = readGiven('the policy:', file, 'name the file of the policy that was handed out');
  return throughTlog(`the policy: ${file}`, () => parsePolicy(text));
}

const WHERE_KEYS_COME_FROM =
  'give the line name+hash+key, or a file that has it; countersign audit vkey prints it where the log is written';

/** What somebody handed out: where it is not there, making one is no remedy. */
function readGiven(what: string, file: string, remedyWhereAbsent: string): string {
  const read = readArgumentText(file, MAX_TRUST_BYTES);
  if (!read.ok && !existsSync(file)) throw new CliFault(`${what} ${file} ${read.message}`, remedyWhereAbsent);
  return readOrFault(what, file, read).text;
}

/** The rule's own words, with the file. */
function throughTlog<Result>(what: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    throw new CliFault(`${what}: ${error.message}`, 'give it as it was handed out');
  }
}

/** Where each log has made its own part of the name, it is taken from the checkpoint: the key is what is trusted. */
function configuredKey({ origin, publicKey }: AuditLogSettings, directory: string): NoteVerifier {
  const [before = '', after] = origin.split(LOG_INSTANCE);
  const published = after === undefined ? undefined : publishedOrigin(directory);
  const part = published?.slice(before.length, published.length - (after ?? '').length) ?? '';
  const isOurs = /^[0-9a-f]{8}$/.test(part) && published === `${before}${part}${after ?? ''}`;
  return parseVerifierKey(
    verifierKeyText(isOurs ? published : origin.replace(LOG_INSTANCE, '00000000'), publicKey),
  );
}

function publishedOrigin(directory: string): string | undefined {
  try {
    const note = new LogDirectory(directory).checkpoint();
    return note === undefined ? undefined : parseCheckpoint(parseNote(note).text).origin;
  } catch (error) {
    if (error instanceof LogFileError || error instanceof TlogError) return undefined;
    throw error;
  }
}

/** The directory of a log, looked at: anything else cannot be read at all, which is no fault of a log. */
export function logDirectory(path: string | undefined): LogDirectory {
  if (path === undefined) throw usageFault('no log is named', 'name its directory, or give --config FILE');
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true)
    throw new CliFault(
      `${path} ${stats === undefined ? 'does not exist' : 'is no directory'}`,
      'name the directory of the log, in which its file checkpoint is',
    );
  const directory = new LogDirectory(path);
  if (!directory.has('checkpoint') && !directory.has('tile'))
    throw new CliFault(
      `${path} is no log: it has neither a checkpoint nor tiles`,
      'name the directory of the log, in which its file checkpoint is',
      ExitCode.cannot,
    );
  return directory;
}
