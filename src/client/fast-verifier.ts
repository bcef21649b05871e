/** The verifier for consumers that have Node: the server's engine, some hundred times as fast as the portable one. */
import { createStrictVerifier, type StrictVerifier } from '../crypto/ed25519.js';
import { selectEngine } from '../crypto/engines.js';

/** libsodium where it loads, else OpenSSL, behind the same strict checks: the verdicts are those of tweetnacl. */
export function fastVerifier(): StrictVerifier {
  return createStrictVerifier(selectEngine());
}
