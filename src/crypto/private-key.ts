/** Private keys: parsed from every encoding that operators have. The door to the other private-key modules. */
import { decodeBase64 } from './base64.js';
import { equalBytes } from './bytes.js';
import { isDerKey, readPkcs8, readSpki, type PrivateParts } from './der-keys.js';
import { readPrivateJwk } from './jwk.js';
import { faultOfDer, type KeyEncoding, type KeyFault } from './key-fault.js';
import { generateKeyPair, zeroize, type PrivateKey } from './key-pair.js';
import { isHex, isText, recogniseKeyText, type KeyText } from './key-text.js';
import { readOpenSshPrivate } from './openssh.js';
import { decodePem } from './pem.js';

export {
  encodePrivateKey,
  encodePublicKey,
  TEXT_KEY_ENCODINGS,
  type TextKeyEncoding,
} from './key-encoding.js';
export { describeKeyFault, type KeyEncoding, type KeyFault } from './key-fault.js';
export { generateKeyPair, restoreKeyPair, zeroize, type PrivateKey } from './key-pair.js';
export { selectSigner, signDetached, type Signer } from './signing.js';

/** Outcome of parsing a private key. */
export type PrivateKeyResult =
  | { readonly ok: true; readonly key: PrivateKey; readonly encoding: KeyEncoding }
  | { readonly ok: false; readonly fault: KeyFault };

/** 32 bytes are a seed, 64 are seed || public key, as libsodium and NaCl keep it. */
function splitBytes(bytes: Uint8Array): PrivateParts | KeyFault {
  if (bytes.length === 32) return { seed: bytes };
  if (bytes.length === 64) return { seed: bytes.subarray(0, 32), claimedPublicKey: bytes.subarray(32) };
  return { code: 'wrong_length', actualBytes: bytes.length };
}

function readPem(text: string): PrivateParts | KeyFault {
  const block = decodePem(text);
  if (block === undefined) return { code: 'malformed', encoding: 'pem', part: 'pem_frame' };
  const { label, bytes } = block;
  if (label === 'ENCRYPTED PRIVATE KEY') return { code: 'encrypted', encoding: 'pem' };
  if (label === 'PUBLIC KEY') return { code: 'public_where_private_expected', encoding: 'pem' };
  if (label !== 'PRIVATE KEY' && label !== 'OPENSSH PRIVATE KEY') return { code: 'unsupported_pem', label };
  if (bytes === undefined) return { code: 'malformed', encoding: 'pem', part: 'base64' };
  return label === 'PRIVATE KEY' ? readPkcs8(bytes) : readOpenSshPrivate(bytes);
}

function readBase64(text: string): PrivateParts | KeyFault {
  const bytes = decodeBase64(text);
  return bytes === undefined ? { code: 'malformed', encoding: 'base64', part: 'base64' } : splitBytes(bytes);
}

function readDer(der: Uint8Array): PrivateParts | KeyFault {
  if (readSpki(der) instanceof Uint8Array) return { code: 'public_where_private_expected', encoding: 'der' };
  return faultOfDer(readPkcs8(der));
}

function readText(keyText: KeyText): PrivateParts | KeyFault {
  if (isHex(keyText)) return { code: 'hex' };
  const { encoding, text } = keyText;
  switch (encoding) {
    case 'jwk':
      return readPrivateJwk(text);
    case 'openssh':
      return { code: 'public_where_private_expected', encoding };
    case 'pem':
      return readPem(text);
    case 'base64':
      return readBase64(text);
  }
}

/** Makes the key, and wipes the memory that the parts were decoded into. */
function finish(parts: PrivateParts | KeyFault, encoding: KeyEncoding): PrivateKeyResult {
  if ('code' in parts) return { ok: false, fault: parts };
  const { seed, claimedPublicKey } = parts;
  const key = generateKeyPair(seed);
  const agrees = claimedPublicKey === undefined || equalBytes(claimedPublicKey, key.publicKey.raw);
  new Uint8Array(seed.buffer).fill(0);
  if (agrees) return { ok: true, key, encoding };
  zeroize(key);
  return { ok: false, fault: { code: 'halves_disagree', encoding } };
}

/** A container in PEM armour is reported as what it holds. */
function encodingOf({ encoding, text }: KeyText): KeyEncoding {
  return encoding === 'pem' && text.includes('-----BEGIN OPENSSH PRIVATE KEY-----') ? 'openssh' : encoding;
}

/**
 * Parses a private key: 32 raw bytes (the seed) or 64 (seed || public key), the base64 of either, PKCS#8 in PEM or DER
 * (RFC 8410), OpenSSH's unencrypted container, or a JWK with `d` (RFC 8037). A stored public half must agree.
 * A text may be given as the bytes of its file; what is text is never taken as raw. Never throws on any input.
 * The input stays as it is: the caller wipes it.
 */
export function parsePrivateKey(input: string | Uint8Array): PrivateKeyResult {
  if (typeof input !== 'string' && !isText(input)) {
    const isRaw = input.length === 32 || input.length === 64;
    if (isRaw) return finish(splitBytes(Uint8Array.from(input)), 'raw');
    if (isDerKey(input)) return finish(readDer(Uint8Array.from(input)), 'der');
  }
  const keyText = recogniseKeyText(input);
  if (keyText === undefined) return { ok: false, fault: { code: 'unrecognised' } };
  return finish(readText(keyText), encodingOf(keyText));
}
