/** The real world: this process's streams, the system's clock and randomness. */
import { randomBytes } from 'node:crypto';
import { CliFault } from './cli-fault.js';
import type { CliWorld } from './session.js';

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

/** For `main.ts`; tests make a world of their own. */
export const processWorld: CliWorld = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  readInput,
  nowMs: () => Date.now(),
  randomBytes: (byteLength) => randomBytes(byteLength),
};
