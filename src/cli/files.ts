/** Files that the command line names: read in bounds, written whole, faults in plain words. */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { errorCode } from '../client/send-failure.js';
import { privateKeyRemedy, readSecretFile } from '../config/private-key-file.js';
import { readBoundedFile, unreadable } from '../config/read-file.js';
import { describeKeyFault, parsePrivateKey, type PrivateKey } from '../crypto/private-key.js';
import { CliFault } from './cli-fault.js';
import type { CliWorld } from './session.js';

/** Keys, certificates and bundles of CAs are far smaller. */
const MAX_PEM_BYTES = 4 * 1024 * 1024;
/** Far above any gateway's limit: whether a body is too large is the gateway's to say. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Where a text comes from or goes to when the name is `-`. */
export const STANDARD_STREAM = '-';

/** A PEM or DER file; `what` names it in the fault, such as `the CA`. */
export function readPemFile(path: string, what: string): Buffer {
  const file = readBoundedFile(path, MAX_PEM_BYTES);
  if (!file.ok) throw new CliFault(`${what}: ${path} ${file.message}`, file.remedy);
  return file.bytes;
}

/** A private key file that only its owner can read. What it holds is the caller's to parse. */
export function readPrivateFile(path: string, what: string): Buffer {
  const file = readSecretFile(path, MAX_PEM_BYTES);
  if (!file.ok) throw new CliFault(`${what}: ${path} ${file.message}`, file.remedy);
  return file.bytes;
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
  const tooLarge = new CliFault(`the body: ${path} is larger than 64 MiB`, 'name the right file');
  try {
    if (statSync(path).size > MAX_BODY_BYTES) throw tooLarge;
    const bytes = readFileSync(path);
    if (bytes.length > MAX_BODY_BYTES) throw tooLarge;
    return bytes;
  } catch (error) {
    if (error instanceof CliFault) throw error;
    const { message, remedy } = unreadable(error);
    throw new CliFault(`the body: ${path} ${message}`, remedy);
  }
}

/** Writes a text or bytes whole or not at all: beside the target, then moved over it. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, { flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw unwritable(path, error);
  }
}

/** An I/O error while writing, in plain words. */
export function unwritable(path: string, error: unknown): CliFault {
  const code = errorCode(error);
  if (code === 'EEXIST') return new CliFault(`${path} exists and is not overwritten`, 'choose another name');
  if (code === 'ENOENT') return new CliFault(`the directory of ${path} does not exist`, 'create it first');
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new CliFault(`${path} may not be written by this user`, 'choose a place that may be written');
  return new CliFault(`${path} cannot be written (${code})`, 'check the disk and the name');
}

/** To the file, or to standard output when there is none or it is `-`. */
export function writeResult(world: CliWorld, path: string | undefined, content: string): void {
  if (path === undefined || path === STANDARD_STREAM) world.out(content);
  else writeWhole(path, content);
}
