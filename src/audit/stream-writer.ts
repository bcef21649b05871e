/**
 * Standard output as a place for records. It may be a pipe that others write to as well, such as a successor: whole
 * lines go out in pieces that a pipe takes at once or not at all, so that the lines of others come between and never
 * within. A reader that stalls leaves no room, which is told and not waited for here.
 */
import { fstatSync, writeSync } from 'node:fs';
import { isBusy, openStandardStream, PIPE_ATOMIC_BYTES, STDOUT } from '../storage/output/standard-stream.js';
import type { ChunkWriter } from './audit-log.js';
import { WholeAppends } from '../storage/output/whole-appends.js';

const NEWLINE = 0x0a;
const nothing = (): void => undefined;

/** A regular file is written as the files of the settings are, but for its name, which we do not know. */
export function openStdoutWriter(): ChunkWriter {
  const descriptor = openStandardStream(STDOUT);
  if (!fstatSync(descriptor).isFile())
    return { write: (chunk) => writeLines(descriptor, chunk), reopen: nothing, close: nothing };
  const appends = new WholeAppends(descriptor);
  return { write: (chunk) => appends.write(chunk), reopen: nothing, close: nothing };
}

/** An error after something was written comes again with the rest. */
function writeLines(descriptor: number, chunk: Buffer): number {
  let written = 0;
  try {
    while (written < chunk.length) {
      const bytes = writeSync(descriptor, chunk, written, pieceEnd(chunk, written) - written);
      if (bytes === 0) break;
      written += bytes;
    }
  } catch (error) {
    if (written === 0 && !isBusy(error)) throw error;
  }
  return written;
}

/** As many whole lines as a pipe takes at once; a longer line alone, which others could come into. */
function pieceEnd(chunk: Buffer, start: number): number {
  if (chunk.length - start <= PIPE_ATOMIC_BYTES) return chunk.length;
  const last = chunk.lastIndexOf(NEWLINE, start + PIPE_ATOMIC_BYTES - 1);
  return last >= start ? last + 1 : chunk.indexOf(NEWLINE, start) + 1;
}
