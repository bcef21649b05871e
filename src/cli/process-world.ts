/** The real world of the commands: this process's streams, the system's clock and randomness. */
import { randomBytes } from 'node:crypto';
import { CliFault, type CliWorld, ExitCode } from './command.js';

async function readInput(maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes)
      throw new CliFault(`standard input is larger than ${maxBytes} bytes`, 'give the right file');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

let isReaderGone = false;

/** A reader that goes away leaves no room for ever, so that is waited for as well. */
function drained(): Promise<boolean> {
  const { stdout } = process;
  if (isReaderGone || !stdout.writableNeedDrain) return Promise.resolve(!isReaderGone);
  return new Promise((resolve) => {
    const finish = (): void => {
      stdout.off('drain', finish).off('error', finish).off('close', finish);
      resolve(!isReaderGone);
    };
    stdout.on('drain', finish).on('error', finish).on('close', finish);
  });
}

/** For `main.ts`; tests make a world of their own. */
export const processWorld: CliWorld = {
  out: (text) => void process.stdout.write(text),
  drained,
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  readInput,
  nowMs: () => Date.now(),
  randomBytes: (byteLength) => randomBytes(byteLength),
};

/**
 * From now on no error of the standard streams ends the process. A reader that has seen enough (`| head`) closes the pipe, which
 * is no error of ours. A command whose output was lost otherwise, as on a full disk, has not done what it was asked for, and
 * its exit code says so. What cannot be said on standard error is not said: there is nobody left to tell.
 */
export function watchOutput(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    isReaderGone = true;
    if (code === 'EPIPE') return;
    process.stderr.write(
      `countersign: standard output cannot be written: ${message}\n  remedy: make room there\n`,
    );
    process.once('exit', () => (process.exitCode = ExitCode.cannot));
  });
}
