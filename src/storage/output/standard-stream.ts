/**
 * Standard output and standard error, written by descriptor. Whoever reads a pipe or a terminal may stop doing so, and
 * a write that waits for that reader would take the whole process with it.
 */
import { constants, fstatSync, openSync } from 'node:fs';

/** The descriptor of standard output, or of standard error. */
type StandardStream = 1 | 2;

export const STDOUT: StandardStream = 1;
export const STDERR: StandardStream = 2;

/** A pipe takes so many bytes at once or none of them (PIPE_BUF of Linux): nobody else's come between. */
export const PIPE_ATOMIC_BYTES = 4_096;

/**
 * A descriptor for the same stream on which a write that would have to wait throws EAGAIN.
 *
 * A pipe or terminal is opened anew: the flag that says so would else belong to every process that has the stream, and
 * Node takes it off whenever a child is started and whenever one ends. What cannot be opened anew (a socket, a pipe of
 * another user) is made so by Node's own stream for it. A regular file never waits, and keeps its shared position.
 */
export function openStandardStream(stream: StandardStream): number {
  if (fstatSync(stream).isFile()) return stream;
  const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${stream}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
  } catch {
    const made = stream === STDOUT ? process.stdout : process.stderr;
    return made.fd;
  }
}

/** Whether an error of a write says: not now. */
export function isBusy(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'EAGAIN';
}
