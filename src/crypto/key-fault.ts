/** Why a text or some bytes were not taken as a key: one closed union, with data, and a sentence for people. */
import { escapeNonAscii } from '../json/escape-text.js';
import type { PointFault } from './edwards-point.js';

/** How a key was written: 32 bytes as they are, their base64, SPKI or PKCS#8 in PEM or DER, OpenSSH, or JWK (RFC 8037). */
export type KeyEncoding = 'raw' | 'base64' | 'pem' | 'der' | 'openssh' | 'jwk';

const PART_SENTENCES = {
  pem_frame:
    'it is not exactly one block from "-----BEGIN …-----" to the "-----END …-----" of the same label',
  pem_label: 'its label is not that of a key',
  base64: 'its body is not canonical base64',
  der: 'its DER is not that of a bare key (RFC 8410)',
  openssh_line: 'it is not one line of "ssh-ed25519", base64 and a comment',
  openssh_blob: 'what the base64 holds is not an OpenSSH key of the announced type',
  jwk_json: 'it is not a JSON object',
  jwk_type: 'its members "kty" and "crv" must be "OKP" and "Ed25519"',
  jwk_x: 'its member "x" is not 32 bytes in base64url without padding',
  jwk_d: 'its member "d" is not 32 bytes in base64url without padding',
  jwk_use: 'its members "use" and "alg" must be absent, or "sig" and "EdDSA" (or "Ed25519")',
} as const;

/** The part of an encoding that was wrong. */
export type MalformedPart = keyof typeof PART_SENTENCES;

/** Every way in which loading a key fails. No member ever holds key material. */
export type KeyFault =
  /** Neither base64 of 32 bytes, nor PEM, nor an OpenSSH line, nor JWK. */
  | { readonly code: 'unrecognised' }
  /** 64 or 128 hex digits. */
  | { readonly code: 'hex' }
  | { readonly code: 'wrong_length'; readonly actualBytes: number }
  | { readonly code: 'malformed'; readonly encoding: KeyEncoding; readonly part: MalformedPart }
  /** A key, but of another algorithm; `algorithm` is a name that is known, as the file gives it. */
  | { readonly code: 'not_ed25519'; readonly encoding: KeyEncoding; readonly algorithm: string }
  /** PEM of something else that is known: a certificate, say. */
  | { readonly code: 'unsupported_pem'; readonly label: string }
  | { readonly code: 'private_where_public_expected'; readonly encoding: KeyEncoding }
  | { readonly code: 'public_where_private_expected'; readonly encoding: KeyEncoding }
  | { readonly code: 'encrypted'; readonly encoding: KeyEncoding }
  /** The public half that comes with a private key is not the one that its seed gives. */
  | { readonly code: 'halves_disagree'; readonly encoding: KeyEncoding }
  | { readonly code: 'bad_point'; readonly encoding: KeyEncoding; readonly point: PointFault };

/** Algorithms that an OpenSSH line may name, of keys and of certificates. */
const OPENSSH_ALGORITHMS =
  /^(?:(?:ssh-(?:rsa|dss|ed25519|ed448)|ecdsa-sha2-nistp(?:256|384|521))(?:-cert-v01@openssh\.com)?|(?:sk-ssh-ed25519|sk-ecdsa-sha2-nistp256|ssh-xmss)(?:-cert-v01)?@openssh\.com)$/;
/** Types and curves of other keys in JWK (RFC 7518, RFC 8037, RFC 8812). */
const JWK_ALGORITHMS = /^(?:RSA|EC|oct|P-256|P-384|P-521|secp256k1|Ed448|X25519|X448)$/;
/** What OpenSSL, OpenSSH and GnuPG write. */
const PEM_LABELS =
  /^(?:(?:X509 |TRUSTED )?CERTIFICATE|(?:NEW )?CERTIFICATE REQUEST|X509 CRL|PKCS7|CMS|(?:EC|DSA|DH|X9\.42 DH) PARAMETERS|(?:RSA|DSA|EC) (?:PUBLIC|PRIVATE) KEY|(?:OPENSSH |ENCRYPTED |ANY )?PRIVATE KEY|PUBLIC KEY|SSH2 (?:PUBLIC|ENCRYPTED PRIVATE) KEY|PGP (?:PUBLIC|PRIVATE) KEY BLOCK|PGP MESSAGE|PGP SIGNATURE)$/;

/** Whether an OpenSSH line begins with the name of an algorithm, ours or another one. */
export function isOpenSshAlgorithm(name: string): boolean {
  return OPENSSH_ALGORITHMS.test(name);
}

/**
 * Another algorithm in an OpenSSH line or blob, or in a JWK. A name that is not known is not repeated: it may be a
 * secret that was pasted into the wrong place. Then only `part` is said to be wrong.
 */
export function faultOfAlgorithm(
  encoding: 'openssh' | 'jwk',
  algorithm: string,
  part: MalformedPart,
): KeyFault {
  const known = encoding === 'openssh' ? OPENSSH_ALGORITHMS : JWK_ALGORITHMS;
  return known.test(algorithm)
    ? { code: 'not_ed25519', encoding, algorithm }
    : { code: 'malformed', encoding, part };
}

/** PEM of something else. The label is not repeated where it is not known, as above. */
export function faultOfLabel(label: string): KeyFault {
  return PEM_LABELS.test(label)
    ? { code: 'unsupported_pem', label }
    : { code: 'malformed', encoding: 'pem', part: 'pem_label' };
}

/** Of what a file calls its algorithm. */
const MAX_SHOWN_CHARACTERS = 40;

function quoted(text: string): string {
  return escapeNonAscii(JSON.stringify(text.slice(0, MAX_SHOWN_CHARACTERS)));
}

const ENCODING_NAMES: Readonly<Record<KeyEncoding, string>> = {
  raw: 'raw bytes',
  base64: 'base64',
  pem: 'PEM',
  der: 'DER',
  openssh: 'OpenSSH',
  jwk: 'JWK',
};

const POINT_SENTENCES: Readonly<Record<PointFault, string>> = {
  non_canonical: 'its 32 bytes are not the canonical encoding of a point',
  not_on_curve: 'its 32 bytes are not a point of the curve',
  small_order: 'it is a point of small order, for which anybody can sign',
  mixed_order: 'its point is not of prime order, so no honest key generation made it',
};

const OPENSSH_PRIVATE = 'OPENSSH PRIVATE KEY';
/** `ssh-keygen -p -m PKCS8` leaves an Ed25519 key in its own form, so there is no conversion to name. */
const OPENSSH_SENTENCE =
  'private keys in the form of OpenSSH are not read, and ssh-keygen turns no Ed25519 key into PKCS#8: `countersign keygen` makes a new pair';

/** The fault of a key that came in DER without armour; its reader speaks of PEM. */
export function faultOfDer<Read extends object>(read: Read | KeyFault): Read | KeyFault {
  return 'code' in read && 'encoding' in read ? { ...read, encoding: 'der' } : read;
}

/** One sentence without a full stop that says what is wrong and, where that is known, what to do. Holds no key material. */
export function describeKeyFault(fault: KeyFault): string {
  switch (fault.code) {
    case 'unrecognised':
      return 'the key is none of: base64 of 32 bytes, PEM, OpenSSH, JWK (hex is not accepted)';
    case 'hex':
      return 'this is hex, and the 32 bytes of a key are taken as base64: `xxd -r -p FILE | base64` makes it';
    case 'wrong_length':
      return `the key must have 32 bytes, and this has ${fault.actualBytes}`;
    case 'malformed':
      return `the ${ENCODING_NAMES[fault.encoding]} key is malformed: ${PART_SENTENCES[fault.part]}`;
    case 'not_ed25519':
      return `the key must be Ed25519, and this is ${quoted(fault.algorithm)}`;
    case 'unsupported_pem':
      if (fault.label === OPENSSH_PRIVATE) return OPENSSH_SENTENCE;
      return `the PEM holds ${quoted(fault.label)}, which is not a key in SPKI or PKCS#8 form`;
    case 'private_where_public_expected':
      return 'this is a private key where the public one is expected; move it to a safe place, and consider it seen';
    case 'public_where_private_expected':
      return 'this is a public key where the private one is expected';
    case 'encrypted':
      return 'the private key is encrypted with a passphrase; store it without one, readable by its owner only';
    case 'halves_disagree':
      return 'the public half that is stored with the private key does not belong to it';
    case 'bad_point':
      return `the public key is not acceptable: ${POINT_SENTENCES[fault.point]}`;
  }
}
