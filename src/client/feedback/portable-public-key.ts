/** Public keys in the texts that keyrings hold. Runs anywhere: no Node built-in and no Buffer. */
import { decodeBase64 } from '../../crypto/base64.js';
import { bytesFromHex, equalBytes } from '../../crypto/bytes.js';
import type { VerificationKey } from '../../crypto/ed25519.js';
import { readPublicJwk } from '../../crypto/jwk.js';
import type { KeyFault } from '../../crypto/key-fault.js';
import { recogniseKeyText, type KeyText } from '../../crypto/key-text.js';
import { readOpenSshLine } from '../../crypto/openssh.js';
import { decodePem } from '../../crypto/pem.js';
import { loadPortablePublicKey } from '../../crypto/portable.js';

/** A SubjectPublicKeyInfo of Ed25519 is these bytes and the key (RFC 8410 §4); no other form is legal DER. */
const SPKI_PREFIX = bytesFromHex('302a300506032b6570032100');

/** Outcome of reading a key. The fault is a value with data; `describeKeyFault` makes a sentence of it. */
export type PortablePublicKeyResult =
  { readonly ok: true; readonly key: VerificationKey } | { readonly ok: false; readonly fault: KeyFault };

/** Base64 of 32 bytes, SPKI PEM, an OpenSSH line or a JWK, judged as a point. Never throws. */
export function readPortablePublicKey(text: string): PortablePublicKeyResult {
  const keyText = recogniseKeyText(text);
  if (keyText === undefined) return { ok: false, fault: { code: 'unrecognised' } };
  const raw = readRaw(keyText);
  if ('code' in raw) return { ok: false, fault: raw };
  const loaded = loadPortablePublicKey(raw);
  if (loaded.ok) return loaded;
  return loaded.fault === 'wrong_length'
    ? { ok: false, fault: { code: 'wrong_length', actualBytes: raw.length } }
    : { ok: false, fault: { code: 'bad_point', encoding: keyText.encoding, point: loaded.fault } };
}

function readRaw({ encoding, text }: KeyText): Uint8Array | KeyFault {
  switch (encoding) {
    case 'jwk':
      return readPublicJwk(text);
    case 'openssh':
      return readOpenSshLine(text);
    case 'pem':
      return readPem(text);
    case 'base64':
      return decodeBase64(text) ?? { code: 'malformed', encoding, part: 'base64' };
  }
}

function readPem(text: string): Uint8Array | KeyFault {
  const block = decodePem(text);
  if (block === undefined) return { code: 'malformed', encoding: 'pem', part: 'pem_frame' };
  if (block.label.endsWith('PRIVATE KEY')) return { code: 'private_where_public_expected', encoding: 'pem' };
  if (block.label !== 'PUBLIC KEY') return { code: 'unsupported_pem', label: block.label };
  const der = block.bytes;
  if (der === undefined) return { code: 'malformed', encoding: 'pem', part: 'base64' };
  return der.length === SPKI_PREFIX.length + 32 &&
    equalBytes(der.subarray(0, SPKI_PREFIX.length), SPKI_PREFIX)
    ? der.slice(SPKI_PREFIX.length)
    : { code: 'malformed', encoding: 'pem', part: 'der' };
}
