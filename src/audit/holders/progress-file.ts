/**
 * A small file that says how far a holder has come. It saves asking anew and may be lost or be old: so it is replaced
 * whole but not waited for, and what is not in its form counts as not there.
 */
import { readFile } from 'node:fs/promises';
import { replaceFile } from './replace-file.js';

const MAX_BYTES = 65_536;

/** The JSON value in the file; undefined where there is none that can be read. */
export async function readProgress(path: string): Promise<unknown> {
  try {
    const text = await readFile(path, 'utf8');
    return text.length > MAX_BYTES ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** Replaces the file. Rejects with the system's error. */
export async function writeProgress(path: string, value: unknown): Promise<void> {
  await replaceFile(path, `${JSON.stringify(value)}\n`);
}

/** The member of what was read, where it is a size of a tree; else 0. */
export function sizeIn(value: unknown, member: string): number {
  if (typeof value !== 'object' || value === null) return 0;
  const size: unknown = Object.getOwnPropertyDescriptor(value, member)?.value;
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0;
}
