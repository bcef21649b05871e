/** The independent engine: pure JavaScript, about 100 verifications a second. Runs anywhere. */
import nacl from 'tweetnacl';
import type { Ed25519Engine } from './ed25519.js';

/**
 * tweetnacl as an engine. It takes S ≥ L and odd keys when asked directly; the strict checks before it do not.
 * In use where nothing faster is (client, browser) and as the second opinion of the start-up self-test.
 */
export const tweetnaclEngine: Ed25519Engine = {
  name: 'tweetnacl',
  verify: (signature, message, publicKey) => nacl.sign.detached.verify(message, signature, publicKey),
};
