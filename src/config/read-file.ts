/** Reading a file that a configuration names: bounded, whole, and with its faults in plain words. */
import { readFileSync, statSync } from 'node:fs';

/** The bytes of a file, or why there are none. */
export type FileResult =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

/** Text of a file, or why there is none. */
export type TextResult =
  | { readonly ok: true; readonly text: string; readonly bytes: Buffer }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

/**
 * Reads a regular file of 1 to `maxBytes` bytes. Anything else (a directory, a pipe, a device, an empty or
 * huge file, no permission) is a value that says so; no call here blocks on a pipe.
 */
export function readBoundedFile(path: string, maxBytes: number): FileResult {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) return fault('is a directory', 'name the file itself');
    if (!stats.isFile()) return fault('is not a regular file', 'name a regular file');
    if (stats.size > maxBytes) return fault(`is larger than ${maxBytes} bytes`, 'name the right file');
    const bytes = readFileSync(path);
    if (bytes.length === 0) return fault('is empty', 'write its content, or name the right file');
    return { ok: true, bytes };
  } catch (error) {
    return unreadable(error);
  }
}

/** The same for text: UTF-8, a byte-order mark allowed and dropped. */
export function readBoundedText(path: string, maxBytes: number): TextResult {
  const result = readBoundedFile(path, maxBytes);
  if (!result.ok) return result;
  try {
    const { bytes } = result;
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), bytes };
  } catch {
    return fault('is not UTF-8 text', 'save it as UTF-8');
  }
}

/** An I/O error in plain words. */
export function unreadable(error: unknown): {
  readonly ok: false;
  readonly message: string;
  readonly remedy: string;
} {
  const code = codeOf(error);
  if (code === 'ENOENT') return fault('does not exist', 'create it, or correct the name');
  if (code === 'ENOTDIR') return fault('lies under something that is no directory', 'correct the name');
  if (code === 'EACCES' || code === 'EPERM')
    return fault('may not be read by this user', 'give the user of the verifier permission to read it');
  return fault(`cannot be read (${code})`, 'check the file and its file system');
}

/** By shape and not by class: an error of another realm (a worker, a test runner) is no instance of our `Error`. */
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error
    ? String(error.code)
    : 'unknown error';
}

function fault(
  message: string,
  remedy: string,
): { readonly ok: false; readonly message: string; readonly remedy: string } {
  return { ok: false, message, remedy };
}
