/**
 * Reading a file that a configuration names: bounded, whole, and with its faults in plain words; and telling whether it
 * still is what was read.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';

/** Why a file is of no use, and what to do about it. */
export interface FileFault {
  readonly ok: false;
  /** `open-to-others` of secrets alone. */
  readonly reason: 'missing' | 'unreadable' | 'open-to-others';
  readonly message: string;
  readonly remedy: string;
}

/** The bytes of a file with the mode of what they were read from, or why there are none. */
export type FileResult = { readonly ok: true; readonly bytes: Buffer; readonly mode: number } | FileFault;

/** Text of a file, or why there is none. */
export type TextResult =
  { readonly ok: true; readonly text: string; readonly bytes: Buffer; readonly mode: number } | FileFault;

/** Certificates are a few KiB, CA bundles some hundred. */
export const maxCertificateFileBytes = 4 * 1024 * 1024;

/** A pipe is opened without waiting for its writer, and a terminal without becoming ours. */
export const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Reads a regular file of 1 to `maxBytes` bytes, links followed. It is opened once: what is judged is what is read,
 * whatever the path leads to meanwhile. Anything else (a directory, a pipe, a device, an empty or huge file, no
 * permission) is a value that says so; no call here blocks.
 * @param judge a further look at the open file, before any byte of it is read.
 */
export function readBoundedFile(
  path: string,
  maxBytes: number,
  judge: (stats: Stats) => FileFault | undefined = () => undefined,
): FileResult {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, READ_ONLY);
    const stats = fstatSync(descriptor);
    return judge(stats) ?? kindFault(stats) ?? sizeFault(stats, maxBytes) ?? readOpen(descriptor, stats);
  } catch (error) {
    return unreadable(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The same for text: UTF-8, a byte-order mark allowed and dropped. */
export function readBoundedText(path: string, maxBytes: number): TextResult {
  const result = readBoundedFile(path, maxBytes);
  if (!result.ok) return result;
  try {
    return { ...result, text: new TextDecoder('utf-8', { fatal: true }).decode(result.bytes) };
  } catch {
    return fault('is not UTF-8 text', 'save it as UTF-8');
  }
}

function kindFault(stats: Stats): FileFault | undefined {
  if (stats.isDirectory()) return fault('is a directory', 'name the file itself');
  return stats.isFile() ? undefined : fault('is not a regular file', 'name a regular file');
}

function sizeFault(stats: Stats, maxBytes: number): FileFault | undefined {
  return stats.size > maxBytes ? fault(`is larger than ${maxBytes} bytes`, 'name the right file') : undefined;
}

/** One byte of room more than the file has: when that is filled, somebody is writing. */
function readOpen(descriptor: number, { size, mode }: Stats): FileResult {
  const room = Buffer.alloc(size + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < room.length; length += read)
    read = readSync(descriptor, room, length, room.length - length, null);
  if (length === 0) return fault('is empty', 'write its content, or name the right file');
  if (length <= size) return { ok: true, bytes: room.subarray(0, length), mode };
  room.fill(0);
  return fault('grew while it was read', 'write it beside its place, and move it there');
}

/** An I/O error in plain words. */
export function unreadable(error: unknown): FileFault {
  const code = codeOf(error);
  if (code === 'ENOENT') return fault('does not exist', 'create it, or correct the name', 'missing');
  if (code === 'ENOTDIR') return fault('lies under something that is no directory', 'correct the name');
  if (code === 'EACCES' || code === 'EPERM')
    return fault('may not be read by this user', 'give the user of the verifier permission to read it');
  // A socket.
  if (code === 'ENXIO') return fault('is not a regular file', 'name a regular file');
  return fault(`cannot be read (${code})`, 'check the file and its file system');
}

/** By shape and not by class: an error of another realm (a worker, a test runner) is no instance of our `Error`. */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}

/** A fault in words of our own. */
export function fault(
  message: string,
  remedy: string,
  reason: FileFault['reason'] = 'unreadable',
): FileFault {
  return { ok: false, reason, message, remedy };
}

/**
 * What a file looked like: its mode and the hash of its content, or why it cannot be read. Equal states, equal file.
 * The mode counts, as closing a key file mends a configuration.
 */
export type FileState = string;

const MODE_BITS = 0o777;
/** No file that a configuration names may be larger. */
export const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** The state of the file at `path`, symbolic links followed. What cannot be read has one too, so that its repair is noticed. */
export function fileState(path: string): FileState {
  const file = readBoundedFile(path, MAX_FILE_BYTES);
  if (!file.ok) return file.message;
  const state = stateOfRead(file);
  file.bytes.fill(0);
  return state;
}

/** The state of a file that was read already. */
export function stateOfRead(file: { readonly bytes: Uint8Array; readonly mode: number }): FileState {
  return stateText(file.mode, createHash('sha256').update(file.bytes).digest('hex'));
}

/** `sha256` in hex. */
export function stateText(mode: number, sha256: string): FileState {
  return `${(mode & MODE_BITS).toString(8)} ${sha256}`;
}
