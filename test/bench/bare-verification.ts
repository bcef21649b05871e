/**
 * A verification of what a check of the benchmark signs by the engine in use, and nothing else: what a check takes beyond
 * that is ours. Prints microseconds of processor time.
 */
import { randomBytes } from 'node:crypto';
import { selectEngine } from '../../src/crypto/engines.js';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';

const WARM_UP = 500;
const MEASURED = 2_000;
const SEED_BYTES = 32;
/** Of the body and what is signed before it: a timestamp, a nonce and two dots. */
const MESSAGE_BYTES = 1_024 + 52;

const engine = selectEngine();
const key = generateKeyPair(randomBytes(SEED_BYTES));
const message = randomBytes(MESSAGE_BYTES);
const signature = selectSigner().sign(key, message);

function verify(times: number): void {
  for (let count = 0; count < times; count++)
    if (!engine.verify(signature, message, key.publicKey.raw))
      throw new Error('a good signature did not verify');
}

verify(WARM_UP);
const before = process.cpuUsage();
verify(MEASURED);
const { user, system } = process.cpuUsage(before);
process.stdout.write(String((user + system) / MEASURED));
