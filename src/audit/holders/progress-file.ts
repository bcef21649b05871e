/**
 * A small file that says how far a holder has come. It saves asking anew and may be lost or be old: so it is replaced
 * whole but not waited for, and what is not in its form counts as not there.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';

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

/** Replaces the file. Rejects with the system's error, and then leaves nothing beside it. */
export async function writeProgress(path: string, value: unknown): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  try {
    await writeFile(fresh, `${JSON.stringify(value)}\n`, { mode: 0o640 });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** The member of what was read, where it is a size of a tree; else 0. */
export function sizeIn(value: unknown, member: string): number {
  if (typeof value !== 'object' || value === null) return 0;
  const size: unknown = Object.getOwnPropertyDescriptor(value, member)?.value;
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0;
}
