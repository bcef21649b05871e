/** Appends whole chunks to a file. A chunk that did not fit is taken back, so a full disk leaves no torn line. */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ChunkWriter } from './audit-log.js';

/** Operators read the records; nobody else does. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

/** Opens for appending, making the directory if need be. Throws the system's error, with the path in it. */
export function openFileWriter(path: string): ChunkWriter {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const descriptor = openSync(path, 'a', FILE_MODE);
  return {
    write: (chunk) => appendWhole(descriptor, Buffer.from(chunk)),
    close: () => closeSync(descriptor),
  };
}

function appendWhole(descriptor: number, chunk: Buffer): void {
  let written = 0;
  try {
    while (written < chunk.length) written += writeSync(descriptor, chunk, written);
  } catch (error) {
    if (written > 0) ftruncateSync(descriptor, fstatSync(descriptor).size - written);
    throw error;
  }
}
