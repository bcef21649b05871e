/** Keyrings in files. Needs Node; the portable half is `feedback/keyring.ts`. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type KeyFileReader, type KeyringResult, keyringFromJson } from './feedback/keyring.js';
import { errorCode } from './send-failure.js';

/** 256 keys in PEM have some 40 kB. */
const MAX_KEYRING_BYTES = 1024 * 1024;

/** A keyring, or why the file or what is in it is none. */
export type KeyringFileResult =
  | KeyringResult
  | { readonly ok: false; readonly fault: { readonly code: 'unreadable'; readonly message: string } };

/**
 * Reads a keyring: a JSON object of key ids or a JWK set, as `keyringFromJson` takes them. Paths of key files in it
 * are relative to its own folder. Never throws.
 */
export function readKeyringFile(path: string): KeyringFileResult {
  const file = readText(path);
  if (!file.ok) return { ok: false, fault: { code: 'unreadable', message: file.message } };
  const readKeyFile: KeyFileReader = (keyPath) => readText(resolve(dirname(path), keyPath));
  return keyringFromJson(file.text, readKeyFile);
}

/** Bounded, regular files alone: a pipe or a device would block or never end. */
function readText(path: string): ReturnType<KeyFileReader> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return { ok: false, message: 'is no regular file' };
    if (stats.size > MAX_KEYRING_BYTES)
      return { ok: false, message: `is larger than ${MAX_KEYRING_BYTES} bytes` };
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor)) };
  } catch (error) {
    const code = errorCode(error);
    return { ok: false, message: code === 'ENOENT' ? 'does not exist' : `cannot be read as text (${code})` };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
