/** Ports that nobody listens on, outside the range of the ports for outgoing connections. */
import { randomInt } from 'node:crypto';
import { isFree } from '../../../tools/local-federation/ports.js';

/** Each of the suites that run at once has ports of its own: one that was found free is used a while later. */
const LOWEST = 12_000;
const PORTS_OF_A_SUITE = 1_000;
const SUITES = 8;

const suite = (Number(process.env['JEST_WORKER_ID'] ?? 1) - 1) % SUITES;
let next = randomInt(PORTS_OF_A_SUITE);

/** Tries ports in turn until one is free, and names none of them twice. */
export async function anyFreePort(): Promise<number> {
  const port = LOWEST + suite * PORTS_OF_A_SUITE + (next++ % PORTS_OF_A_SUITE);
  return (await isFree(port)) ? port : anyFreePort();
}
