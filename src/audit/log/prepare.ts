/** A log before it is served: made where there is none, and otherwise judged whether it can be gone on with. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { PrivateKey } from '../../crypto/private-key.js';
import { selectSigner } from '../../crypto/signing.js';
import { StorageError } from '../../storage/storage-error.js';
import { checkpointText } from '../../tlog/checkpoint.js';
import { EMPTY_ROOT } from '../../tlog/merkle.js';
import { isKeyName, signatureLine, verifierKeyText } from '../../tlog/note.js';
import { logPaths, parseWriteAheadName, type LogPaths } from './directory.js';
import { nodeFileSystem, type LogFileSystem } from './file-system.js';
import { openLogLock } from './log-lock.js';
import type { Pruner } from './prune.js';
import { Sealer } from './sealer.js';
import { encodeState, parseState } from './state.js';

/** Which log a verifier keeps. */
export interface LogIdentity {
  readonly directory: string;
  /** The log's name; `{instance}` in it stands for eight hex digits that are made once a directory. */
  readonly origin: string;
  readonly key: PrivateKey;
}

/** A log that is there. */
export interface PreparedLog {
  readonly directory: string;
  /** With `{instance}` replaced. */
  readonly origin: string;
  /** C2SP signed-note, one line: what is given to those who verify. */
  readonly verifierKey: string;
}

export const INSTANCE = '{instance}';
const INSTANCE_BYTES = 4;
const INSTANCE_DIGITS = /^[0-9a-f]{8}$/;
const DIRECTORY_MODE = 0o750;

/**
 * Makes the log where the directory is missing or empty, and otherwise judges what lies there. To be called before the
 * writers and the sequencer are opened, by however many processes. Throws `StorageError`, with path and remedy: of
 * another origin or key, or of a directory in which something is missing, no log is made in silence.
 */
export async function prepareLog(log: LogIdentity): Promise<PreparedLog> {
  const paths = logPaths(log.directory);
  try {
    mkdirSync(paths.sequencer, { recursive: true, mode: DIRECTORY_MODE });
    const lock = openLogLock(paths.lock);
    try {
      return lock.hold(() => prepareLocked(log, paths, nodeFileSystem));
    } finally {
      await lock.close();
    }
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw new StorageError(
      `${log.directory} cannot hold the audit log (${(error as Error).message}): name a directory on a local disk that we may write to (audit.log.directory)`,
      { cause: error },
    );
  }
}

/** The same on any file system, under the log's lock, in a directory that is there. */
export function prepareLocked(log: LogIdentity, paths: LogPaths, fs: LogFileSystem): PreparedLog {
  const origin = existingOrigin(log, paths, fs) ?? createLog(log, paths, fs);
  const prepared = { directory: log.directory, origin, verifierKey: verifierKeyOf(origin, log.key) };
  sealerOf(prepared, { key: log.key, fs }).judge();
  return prepared;
}

/** What a sealer works with. */
interface SealingParts {
  readonly key: PrivateKey;
  readonly fs: LogFileSystem;
  readonly nowMs?: () => number;
  readonly pruner?: Pruner | undefined;
}

/** A sealer of a prepared log. */
export function sealerOf(
  { directory, origin, verifierKey }: PreparedLog,
  { key, fs, nowMs = Date.now, pruner }: SealingParts,
): Sealer {
  const signer = selectSigner();
  return new Sealer({
    directory,
    origin,
    verifierKey,
    publicKey: key.publicKey.raw,
    sign: (message) => signer.sign(key, message),
    nowMs,
    fs,
    pruner,
  });
}

function verifierKeyOf(origin: string, key: PrivateKey): string {
  if (!isKeyName(origin))
    throw new StorageError(
      `audit.log.origin: "${origin}" cannot be the name of a log: it is a URL without its scheme, with no space and no plus`,
    );
  return verifierKeyText(origin, key.publicKey.raw);
}

/** The origin that the directory has, if it is one that the settings mean; else the settings', which are refused later. Undefined when there is no log. */
function existingOrigin(
  { directory, origin }: LogIdentity,
  paths: LogPaths,
  fs: LogFileSystem,
): string | undefined {
  const bytes = fs.read(paths.state);
  if (bytes === undefined) {
    refuseRemains(directory, paths, fs);
    return undefined;
  }
  const state = parseState(bytes, paths.state);
  const [before = '', after] = origin.split(INSTANCE);
  if (after === undefined) return origin;
  const found = state.origin;
  const isMeant =
    found.startsWith(before) &&
    found.endsWith(after) &&
    INSTANCE_DIGITS.test(found.slice(before.length, found.length - after.length));
  return isMeant ? found : origin;
}

/** A log whose state is gone is no new one. */
function refuseRemains(directory: string, paths: LogPaths, fs: LogFileSystem): void {
  const ours = fs.list(paths.sequencer).some((name) => parseWriteAheadName(name) !== undefined);
  const others = fs.list(directory).filter((name) => name === 'checkpoint' || name === 'tile');
  if (!ours && others.length === 0) return;
  throw new StorageError(
    `${paths.state} is missing, though there was a log in ${directory}: put the whole directory back, or name an empty one for a new log (audit.log.directory)`,
  );
}

/** Signs for an empty tree. Gives the log's origin. */
function createLog(
  { directory, origin: template, key }: LogIdentity,
  paths: LogPaths,
  fs: LogFileSystem,
): string {
  const origin = template.replace(INSTANCE, randomBytes(INSTANCE_BYTES).toString('hex'));
  const verifierKey = verifierKeyOf(origin, key);
  const checkpoint = { origin, size: 0, root: EMPTY_ROOT };
  const text = checkpointText(checkpoint);
  const signer = selectSigner();
  const line = signatureLine(text, origin, key.publicKey.raw, (message) => signer.sign(key, message));
  const state = {
    origin,
    verifierKey,
    note: `${text}\n${line}`,
    checkpoint,
    committedAtMs: Date.now(),
    minimumIndex: 0,
    removedIndex: 0,
    sealed: new Map<string, number>(),
  };
  fs.writeSynced(paths.temporary, encodeState(state));
  fs.rename(paths.temporary, paths.state);
  // Its own name, and those of the directories that were made for it.
  for (const made of [paths.sequencer, directory, dirname(directory)]) fs.syncDirectory(made);
  return origin;
}
