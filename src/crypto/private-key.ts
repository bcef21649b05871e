/** Private keys: read from every encoding that operators have, hidden from printers, wiped on request, written out. */
import nacl from 'tweetnacl';
import { decodeBase64, encodeBase64, equalBytes } from './bytes.js';
import { isDerKey, readPkcs8, readSpki, writePkcs8, type PrivateParts } from './der.js';
import { readPrivateJwk, writePrivateJwk } from './jwk.js';
import { faultOfDer, faultOfLabel, type KeyEncoding, type KeyFault } from './key-fault.js';
import { isHex, isText, recogniseKeyText, type KeyText } from './key-text.js';
import { decodePem, encodePem } from './pem.js';
import { restorePublicKey, type PublicKey, type TextKeyEncoding } from './public-key.js';

export { describeKeyFault, type KeyFault } from './key-fault.js';

/** An Ed25519 private key with its judged public half. */
export interface PrivateKey {
  readonly publicKey: PublicKey;
  /** 64 secret bytes: seed || public key. Not enumerable, so that loggers and inspectors pass over it. */
  readonly secret: Uint8Array;
}

/**
 * Derives the key pair of a seed (RFC 8032 §5.1.5). The seed is copied; the caller wipes its own.
 * @param seed exactly 32 bytes from a cryptographic source of randomness; any other length throws.
 */
export function generateKeyPair(seed: Uint8Array): PrivateKey {
  const { secretKey } = nacl.sign.keyPair.fromSeed(seed);
  return hide(secretKey, restorePublicKey(secretKey.subarray(32)));
}

/**
 * The key pair of another thread or process of this verifier, which derived it from its seed: nothing is judged here.
 * @param secret its 64 bytes, seed || public key; they are copied, and the caller wipes its own.
 */
export function restoreKeyPair(secret: Uint8Array): PrivateKey {
  return hide(Uint8Array.from(secret), restorePublicKey(secret.subarray(32)));
}

function hide(secret: Uint8Array, publicKey: PublicKey): PrivateKey {
  const visible = { publicKey, toJSON: () => ({ publicKey: publicKey.fingerprint }) };
  return Object.freeze(
    Object.defineProperty(visible, 'secret', { value: secret }) as typeof visible & PrivateKey,
  );
}

/**
 * Overwrites the secret bytes. Signing with the key throws from then on.
 * Copies that a runtime or an engine has made (a string that was parsed, an OpenSSL key object) are beyond reach.
 */
export function zeroize(key: PrivateKey): void {
  key.secret.fill(0);
}

/** Outcome of parsing a private key. */
type PrivateKeyResult =
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
  if (label !== 'PRIVATE KEY') return faultOfLabel(label);
  return bytes === undefined ? { code: 'malformed', encoding: 'pem', part: 'base64' } : readPkcs8(bytes);
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

/**
 * Parses a private key: 32 raw bytes (the seed) or 64 (seed || public key), the base64 of either, PKCS#8 in PEM or DER
 * (RFC 8410), or a JWK with `d` (RFC 8037). A stored public half must agree.
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
  return finish(readText(keyText), keyText.encoding);
}

function encodeAndWipe(label: string, secretBytes: Uint8Array): string {
  const pem = encodePem(label, secretBytes);
  secretBytes.fill(0);
  return pem;
}

/** The encodings in which a private key is written. */
type PrivateKeyEncoding = Exclude<TextKeyEncoding, 'openssh'>;

/**
 * Writes a private key, unencrypted: base64 of its seed, PKCS#8 PEM, or a JWK with `d`.
 * The result is a secret that cannot be wiped; write it with mode 0600 and let go of it.
 */
export function encodePrivateKey(key: PrivateKey, encoding: PrivateKeyEncoding): string {
  const seed = key.secret.subarray(0, 32);
  switch (encoding) {
    case 'base64':
      return `${encodeBase64(seed)}\n`;
    case 'pem':
      return encodeAndWipe('PRIVATE KEY', writePkcs8(seed));
    case 'jwk':
      return `${writePrivateJwk(key.secret)}\n`;
  }
}
