/**
 * One attack in a process of its own, so that its work does not hold up the clock of the honest requests.
 * `node attack.js STATE_DIRECTORY NAME`: says `begun`, goes on until its standard input ends, and says how much it did.
 */
import { once } from 'node:events';
import { attach } from '../../tools/local-federation/attach.js';
import { layoutOf } from '../../tools/local-federation/layout.js';
import { attackerOf } from '../e2e/support/hostile.js';
import { ATTACK_NAMES, ATTACKS } from './attacks.js';

const [stateDirectory = '', given] = process.argv.slice(2);
const name = ATTACK_NAMES.find((one) => one === given);
const federation = attach(layoutOf(stateDirectory));
if (name === undefined || federation === undefined)
  throw new Error(`no such attack, or nothing to attack: ${given}`);
const hostile = ATTACKS[name](attackerOf(federation));
process.stdout.write('begun\n');
await once(process.stdin.resume(), 'end');
const done = hostile.done();
await hostile.stop();
process.stdout.write(`${done}\n`, () => process.exit());
