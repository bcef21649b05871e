/** Files that the command line names: read in bounds, written whole, faults in plain words. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../client/send-failure.js';
import { privateKeyRemedy, readSecretFile } from '../config/files/private-key-file.js';
import { syncDirectory } from '../config/files/replace-file.js';
import {
  fault,
  readBoundedFile,
  unreadable,
  type FileResult,
  type TextResult,
} from '../config/files/read-file.js';
import { describeKeyFault, parsePrivateKey, type PrivateKey } from '../crypto/private-key.js';
import { MAX_BODY_BYTES } from '../protocol/syntax.js';
import { CliFault, type CliWorld } from './command.js';

/** Keys, certificates and bundles of CAs are far smaller. */
const MAX_PEM_BYTES = 4 * 1024 * 1024;
/** What a pipe holds on Linux. */
const PIPE_BYTES = 65_536;

/** Where a text comes from or goes to when the name is `-`. */
export const STANDARD_STREAM = '-';

/** What was read, or a fault; `what` names the file there, such as `the CA:`. */
export function readOrFault<Read extends { readonly ok: true }>(
  what: string,
  path: string,
  read: Read | Extract<FileResult, { readonly ok: false }>,
): Read {
  if (read.ok) return read;
  throw new CliFault(`${what} ${path} ${read.message}`, read.remedy);
}

/** A PEM or DER file. */
export function readPemFile(path: string, what: string): Buffer {
  return readOrFault(`${what}:`, path, readArgument(path, MAX_PEM_BYTES)).bytes;
}

/**
 * A file that the command line names; unlike what a configuration names it may be a pipe, as `<(…)` and `/dev/stdin`
 * are: whoever runs the command waits for whoever writes. Bounded while it is read, as a pipe has no size.
 */
export function readArgument(path: string, maxBytes: number): FileResult {
  if (!isPipe(path)) return readBoundedFile(path, maxBytes);
  try {
    const bytes = readPipe(path, maxBytes);
    if (bytes === undefined) return fault(`gives more than ${maxBytes} bytes`, 'name the right file');
    if (bytes.length > 0) return { ok: true, bytes, mode: 0 };
    return fault(GIVES_NOTHING, 'look at the command that writes into it');
  } catch (error) {
    return unreadable(error);
  }
}

const GIVES_NOTHING = 'gives nothing';
const EMPTY: ReadonlySet<string> = new Set([GIVES_NOTHING, 'is empty']);

/** The same for UTF-8 text; a byte-order mark is kept in `bytes` alone. */
export function readArgumentText(path: string, maxBytes: number): TextResult {
  const file = readArgument(path, maxBytes);
  if (!file.ok) return file;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(file.bytes);
    return { ...file, text };
  } catch {
    return fault('is not UTF-8 text', 'save it as UTF-8');
  }
}

/** What cannot be looked at is none: reading it as a file tells why. */
function isPipe(path: string): boolean {
  try {
    const stats = statSync(path);
    return !stats.isFile() && !stats.isDirectory();
  } catch {
    return false;
  }
}

/** Undefined when there is more than `maxBytes`. */
function readPipe(path: string, maxBytes: number): Buffer | undefined {
  const descriptor = openSync(path, 'r');
  try {
    // A file in the place of the pipe would have a mode, which nobody has judged.
    if (fstatSync(descriptor).isFile()) throw new Error('the pipe was replaced');
    const chunks: Buffer[] = [];
    for (let total = 0; total <= maxBytes;) {
      const chunk = Buffer.alloc(PIPE_BYTES);
      const length = readSync(descriptor, chunk);
      if (length === 0) return Buffer.concat(chunks);
      total += length;
      chunks.push(chunk.subarray(0, length));
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** A private key file that only its owner can read; a pipe has no mode to judge. What it holds is the caller's to parse. */
export function readPrivateFile(path: string, what: string): Buffer {
  const file = isPipe(path) ? readArgument(path, MAX_PEM_BYTES) : readSecretFile(path, MAX_PEM_BYTES);
  return readOrFault(`${what}:`, path, file).bytes;
}

/** An Ed25519 private key in any encoding that `keygen` and its like write. */
export function readSigningKey(path: string): PrivateKey {
  const bytes = readPrivateFile(path, 'the signing key');
  const parsed = parsePrivateKey(bytes);
  bytes.fill(0);
  if (parsed.ok) return parsed.key;
  throw new CliFault(
    `the signing key: ${path}: ${describeKeyFault(parsed.fault)}`,
    privateKeyRemedy(parsed.fault),
  );
}

/** The bytes of a body, untouched: of a file (a pipe such as `<(…)` too), or of standard input for `-`. */
export async function readBody(path: string | undefined, world: CliWorld): Promise<Uint8Array> {
  if (path === undefined) return new Uint8Array(0);
  if (path === STANDARD_STREAM) return world.readInput(MAX_BODY_BYTES);
  const body = readArgument(path, MAX_BODY_BYTES);
  // A body, unlike a key, may be empty.
  if (!body.ok && EMPTY.has(body.message)) return new Uint8Array(0);
  return readOrFault('the body:', path, body).bytes;
}

/** Writes a text or bytes whole or not at all: beside the target, then moved over it. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    createFile(temporary, content);
    try {
      renameSync(temporary, path);
    } catch (error) {
      removeMade(temporary);
      throw error;
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Throws the system's error, and leaves nothing of a file that it could not write whole. */
function createFile(
  path: string,
  content: string | Uint8Array,
  mode?: number,
  prepare: (descriptor: number) => void = () => undefined,
): void {
  const descriptor = openSync(path, 'wx', mode);
  try {
    prepare(descriptor);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } catch (error) {
    removeMade(path);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** What this command made and did not come to an end with. What stood in the way is told, and not that this fails too. */
export function removeMade(path: string, remove: (path: string) => void = unlinkSync): void {
  try {
    remove(path);
  } catch {
    // It is gone, or somebody else's by now.
  }
}

const OWNER_ONLY_DIRECTORY = 0o700;

/** What a file that a command makes may be called. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Made where it is missing, closed to others; its parents are not, as a slip in a path would make a tree. True when made. */
function makePrivateDirectory(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: OWNER_ONLY_DIRECTORY });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw unwritable(directory, error);
    return false;
  }
}

const OWNER_ONLY = 0o600;
const FOR_ALL = 0o644;

/** A file that a command makes. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
  /** Then only its owner can read it. */
  readonly isSecret: boolean;
}

/**
 * Writes all of them or none into this directory, which is made where it is missing. What is there already, even a
 * dangling link, is never replaced; `remedy` says what to do then.
 */
export function writeNewFiles(directory: string, files: readonly NewFile[], remedy: string): void {
  const isOurs = makePrivateDirectory(directory);
  const written: string[] = [];
  for (const { path, content, isSecret } of files)
    try {
      createFile(path, content, isSecret ? OWNER_ONLY : FOR_ALL);
      written.push(path);
    } catch (error) {
      for (const before of written) removeMade(before);
      if (isOurs) removeMade(directory, rmdirSync);
      throw unwritable(path, error, remedy);
    }
}

/** Of a secret beside which another one is made: its group may read it where that group may read this one. */
const OWNER_AND_GROUP_READ = 0o640;

/**
 * Writes a new secret, durably, for those who may read `like`: its owner, and mode 0600 or 0640. Nothing is replaced, and
 * nothing is left of one that comes to no end.
 */
export function writeSecretLike(path: string, content: string, like: string, remedy: string): void {
  try {
    const { mode, uid, gid } = statSync(like);
    createFile(path, content, OWNER_ONLY, (descriptor) => {
      const own = fstatSync(descriptor);
      if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
      fchmodSync(descriptor, OWNER_ONLY | (mode & OWNER_AND_GROUP_READ));
    });
    syncDirectory(dirname(path));
  } catch (error) {
    throw unwritable(path, error, remedy);
  }
}

/** An I/O error while writing, in plain words; `ifThere` is the remedy when the file exists. */
export function unwritable(path: string, error: unknown, ifThere = 'choose another name'): CliFault {
  const code = errorCode(error);
  if (code === 'EEXIST') return new CliFault(`${path} exists and is not overwritten`, ifThere);
  if (code === 'ENOENT')
    return new CliFault(`the directory of ${path} does not exist`, 'create that directory first');
  if (code === 'ENOTDIR')
    return new CliFault(`${path} lies under something that is no directory`, 'choose another directory');
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new CliFault(`${path} may not be written by this user`, 'choose a place that may be written');
  return new CliFault(
    `${path} cannot be written (${code})`,
    'check that the disk has room and that the name is right',
  );
}

/** To the file, or to standard output when there is none or it is `-`. */
export function writeResult(world: CliWorld, path: string | undefined, content: string): void {
  if (path === undefined || path === STANDARD_STREAM) world.out(content);
  else writeWhole(path, content);
}
