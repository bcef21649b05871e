/** Signing on the server: libsodium where it loads, OpenSSL elsewhere. Both are deterministic and agree. */
import { createPrivateKey, sign as signWithNode, type KeyObject } from 'node:crypto';
import { equalBytes } from './bytes.js';
import { writePkcs8 } from './der.js';
import { loadSodium, type SodiumModule } from './engines.js';
import type { PrivateKey } from './private-key.js';
import { SIGNATURE_BYTES } from './ed25519.js';

/** Makes signatures (RFC 8032 §5.1.6). */
export interface Signer {
  /** Name of the engine beneath, for logs. */
  readonly name: string;
  /** The 64-byte signature of exactly these bytes. Throws when the key was zeroized. */
  sign(key: PrivateKey, message: Uint8Array): Uint8Array;
}

/** A wiped key would sign under a seed of zeros that everybody knows. */
function assertAlive(key: PrivateKey): void {
  if (!equalBytes(key.secret.subarray(32), key.publicKey.raw))
    throw new Error('the private key was zeroized');
}

/** Signs with libsodium. */
export function createSodiumSigner(sodium: SodiumModule): Signer {
  return {
    name: 'sodium-native',
    sign: (key, message) => {
      assertAlive(key);
      const signature = new Uint8Array(SIGNATURE_BYTES);
      sodium.crypto_sign_detached(signature, message, key.secret);
      return signature;
    },
  };
}

const nodeKeys = new WeakMap<PrivateKey, KeyObject>();

function nodeKeyFor(key: PrivateKey): KeyObject {
  const cached = nodeKeys.get(key);
  if (cached !== undefined) return cached;
  const der = Buffer.from(writePkcs8(key.secret.subarray(0, 32)).buffer);
  const created = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  nodeKeys.set(key, created);
  return created;
}

/** Signs with OpenSSL, which keeps a copy of the key that {@link PrivateKey} zeroizing cannot reach. */
export const nodeSigner: Signer = {
  name: 'node:crypto',
  sign: (key, message) => {
    assertAlive(key);
    return signWithNode(null, message, nodeKeyFor(key));
  },
};

/** The signer of this platform. @param load how sodium-native is loaded; replaced in tests only. */
export function selectSigner(load: () => SodiumModule | undefined = loadSodium): Signer {
  const sodium = load();
  return sodium === undefined ? nodeSigner : createSodiumSigner(sodium);
}
