/** Keys written out, in every encoding that `parsePublicKey` and `parsePrivateKey` read back. */
import { encodeBase64 } from './base64.js';
import { writePkcs8, writeSpki } from './der-keys.js';
import { writePrivateJwk, writePublicJwk } from './jwk.js';
import type { KeyEncoding } from './key-fault.js';
import type { PrivateKey } from './key-pair.js';
import { writeOpenSshLine, writeOpenSshPrivate } from './openssh.js';
import { encodePem } from './pem.js';
import type { PublicKey } from './public-key.js';

/** The encodings that are text, and so can go to a file or a terminal. */
export type TextKeyEncoding = Exclude<KeyEncoding, 'raw' | 'der'>;

/** Every text encoding, in the order in which a help text lists them. */
export const TEXT_KEY_ENCODINGS: readonly TextKeyEncoding[] = ['pem', 'base64', 'openssh', 'jwk'];

/** A comment with a line break could add a line of its own to an authorized-keys file. */
function assertComment(comment: string): void {
  if (!/^[\x20-\x7e]{0,200}$/.test(comment))
    throw new RangeError('a comment is up to 200 printable ASCII characters');
}

/**
 * Writes a public key: base64 of its 32 bytes, SPKI PEM, an OpenSSH line, or a JWK. Ends with a newline.
 * @param comment for OpenSSH only: printable ASCII, otherwise it throws.
 */
export function encodePublicKey(key: PublicKey, encoding: TextKeyEncoding, comment = ''): string {
  assertComment(comment);
  switch (encoding) {
    case 'base64':
      return `${encodeBase64(key.raw)}\n`;
    case 'pem':
      return encodePem('PUBLIC KEY', writeSpki(key.raw));
    case 'openssh':
      return `${writeOpenSshLine(key.raw, comment)}\n`;
    case 'jwk':
      return `${writePublicJwk(key.raw)}\n`;
  }
}

function encodeAndWipe(label: string, secretBytes: Uint8Array, width?: number): string {
  const pem = encodePem(label, secretBytes, width);
  secretBytes.fill(0);
  return pem;
}

/**
 * Writes a private key, unencrypted: base64 of its seed, PKCS#8 PEM, OpenSSH's container, or a JWK with `d`.
 * The result is a secret that cannot be wiped; write it with mode 0600 and let go of it.
 * @param comment for OpenSSH only: printable ASCII, otherwise it throws.
 */
export function encodePrivateKey(key: PrivateKey, encoding: TextKeyEncoding, comment = ''): string {
  assertComment(comment);
  const seed = key.secret.subarray(0, 32);
  switch (encoding) {
    case 'base64':
      return `${encodeBase64(seed)}\n`;
    case 'pem':
      return encodeAndWipe('PRIVATE KEY', writePkcs8(seed));
    case 'openssh':
      return encodeAndWipe('OPENSSH PRIVATE KEY', writeOpenSshPrivate(key.secret, comment), 70);
    case 'jwk':
      return `${writePrivateJwk(key.secret)}\n`;
  }
}
