/**
 * Ed25519 keys in DER (RFC 8410). All are of fixed length and form, so that they are compared, not parsed:
 * what differs by a byte is not taken.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { bytesFromHex, concatBytes, equalBytes } from './bytes.js';
import type { KeyFault } from './key-fault.js';

/** SubjectPublicKeyInfo up to the 32 bytes of the key. */
const SPKI_PREFIX = bytesFromHex('302a300506032b6570032100');
/** PrivateKeyInfo, version 1, up to the 32 bytes of the seed. */
const PKCS8_PREFIX = bytesFromHex('302e020100300506032b657004220420');
/** OneAsymmetricKey, version 2 (RFC 5958): the same, then the public key as `[1]`. */
const PKCS8_V2_PREFIX = bytesFromHex('3051020101300506032b657004220420');
const PKCS8_V2_MIDDLE = bytesFromHex('812100');

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, prefix.length), prefix);
}

/** Names another algorithm's key for the error message; the verdict does not depend on it. */
function faultOfOther(readAlgorithm: () => string | undefined): KeyFault {
  try {
    const algorithm = readAlgorithm();
    if (algorithm !== undefined && algorithm !== 'ed25519') {
      return { code: 'not_ed25519', encoding: 'pem', algorithm };
    }
  } catch {
    // Not DER of any key: malformed, as below.
  }
  return { code: 'malformed', encoding: 'pem', part: 'der' };
}

/** The 32 bytes in a SubjectPublicKeyInfo, not yet judged as a point. */
export function readSpki(der: Uint8Array): Uint8Array | KeyFault {
  if (der.length === SPKI_PREFIX.length + 32 && startsWith(der, SPKI_PREFIX)) {
    return der.slice(SPKI_PREFIX.length);
  }
  const key = Buffer.from(der);
  return faultOfOther(() => createPublicKey({ key, format: 'der', type: 'spki' }).asymmetricKeyType);
}

/** A seed, with the public half that came with it, if one did; they have not been compared yet. */
export interface PrivateParts {
  /** 32 secret bytes, in memory that the caller may wipe. */
  readonly seed: Uint8Array;
  readonly claimedPublicKey?: Uint8Array;
}

/** The seed in a PKCS#8 PrivateKeyInfo or OneAsymmetricKey. The parts are views of `der`. */
export function readPkcs8(der: Uint8Array): PrivateParts | KeyFault {
  const seed = der.subarray(PKCS8_PREFIX.length, PKCS8_PREFIX.length + 32);
  if (der.length === PKCS8_PREFIX.length + 32 && startsWith(der, PKCS8_PREFIX)) return { seed };
  const afterSeed = der.subarray(PKCS8_V2_PREFIX.length + 32);
  const isVersion2 = startsWith(der, PKCS8_V2_PREFIX) && startsWith(afterSeed, PKCS8_V2_MIDDLE);
  if (isVersion2 && afterSeed.length === PKCS8_V2_MIDDLE.length + 32) {
    return { seed, claimedPublicKey: afterSeed.subarray(PKCS8_V2_MIDDLE.length) };
  }
  const key = Buffer.from(der);
  return faultOfOther(() => createPrivateKey({ key, format: 'der', type: 'pkcs8' }).asymmetricKeyType);
}

/** SubjectPublicKeyInfo of 32 raw bytes. */
export function writeSpki(publicKey: Uint8Array): Uint8Array {
  return concatBytes(SPKI_PREFIX, publicKey);
}

/** PKCS#8 PrivateKeyInfo (version 1, which everything reads) of a 32-byte seed. */
export function writePkcs8(seed: Uint8Array): Uint8Array {
  return concatBytes(PKCS8_PREFIX, seed);
}
