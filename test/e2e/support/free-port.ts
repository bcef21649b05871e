/** A port that nobody listens on, outside the range of the ports for outgoing connections. */
import { randomInt } from 'node:crypto';
import { isFree } from '../../../examples/local-federation/ports.js';

/** Tries ports at random until one is free. */
export async function anyFreePort(): Promise<number> {
  const port = randomInt(12_000, 19_000);
  return (await isFree(port)) ? port : anyFreePort();
}
