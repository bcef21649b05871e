/**
 * Ed25519 keys in DER (RFC 8410). Nearly all of each is of fixed form, and is compared rather than parsed:
 * what differs by a byte is not taken.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { bytesFromHex, concatBytes, equalBytes } from './bytes.js';
import { readChildren, readWhole, type DerElement } from './der-element.js';
import type { KeyFault } from './key-fault.js';

/** SubjectPublicKeyInfo up to the 32 bytes of the key. */
const SPKI_PREFIX = bytesFromHex('302a300506032b6570032100');
/** PrivateKeyInfo, version 1 and no attributes, up to the 32 bytes of the seed. */
const PKCS8_PREFIX = bytesFromHex('302e020100300506032b657004220420');
/** Inside PKCS#8: version, id-Ed25519, and the header of the octet string around the seed's own octet string. */
const VERSION_1_HEAD = bytesFromHex('020100300506032b65700422');
const VERSION_2_HEAD = bytesFromHex('020101300506032b65700422');
const SEED_HEAD = bytesFromHex('0420');
const SEQUENCE = 0x30;
const ATTRIBUTES = 0xa0;
const PUBLIC_KEY = 0x81;
/** As the crate `ring` writes it: explicitly tagged, around the bit string's own header. */
const RING_PUBLIC_KEY = 0xa1;
const RING_BIT_STRING_HEAD = bytesFromHex('032100');

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, prefix.length), prefix);
}

/** Whether bytes are one DER element as keys are, and nothing more. */
export function isDerKey(bytes: Uint8Array): boolean {
  return readWhole(bytes, SEQUENCE) !== undefined;
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

function publicKeyIn(der: Uint8Array, field: DerElement): Uint8Array | undefined {
  const content = der.subarray(field.contentStart, field.end);
  if (field.tag === PUBLIC_KEY)
    return content.length === 33 && content[0] === 0 ? content.subarray(1) : undefined;
  const isRing = field.tag === RING_PUBLIC_KEY && content.length === 35;
  return isRing && startsWith(content, RING_BIT_STRING_HEAD) ? content.subarray(3) : undefined;
}

/** The optional fields after the key: attributes `[0]`, which say nothing to us, and in version 2 the public key `[1]`. */
function readOptionalFields(
  der: Uint8Array,
  fields: readonly DerElement[],
  isVersion2: boolean,
): Pick<PrivateParts, 'claimedPublicKey'> | undefined {
  const [field, ...rest] = fields[0]?.tag === ATTRIBUTES ? fields.slice(1) : fields;
  if (field === undefined) return {};
  const claimedPublicKey = isVersion2 && rest.length === 0 ? publicKeyIn(der, field) : undefined;
  return claimedPublicKey && { claimedPublicKey };
}

function readEd25519Pkcs8(der: Uint8Array): PrivateParts | undefined {
  const whole = readWhole(der, SEQUENCE);
  const fields = whole === undefined ? undefined : readChildren(der, whole);
  const seedField = fields?.[2];
  if (whole === undefined || fields === undefined || seedField === undefined) return undefined;
  const head = der.subarray(whole.contentStart, seedField.contentStart);
  const isVersion2 = startsWith(head, VERSION_2_HEAD);
  if (!isVersion2 && !startsWith(head, VERSION_1_HEAD)) return undefined;
  const wrapped = der.subarray(seedField.contentStart, seedField.end);
  const optional = readOptionalFields(der, fields.slice(3), isVersion2);
  if (optional === undefined || wrapped.length !== 34 || !startsWith(wrapped, SEED_HEAD)) return undefined;
  return { seed: wrapped.subarray(SEED_HEAD.length), ...optional };
}

/** The seed in a PKCS#8 PrivateKeyInfo, or OneAsymmetricKey (RFC 5958, RFC 8410 §7). The parts are views of `der`. */
export function readPkcs8(der: Uint8Array): PrivateParts | KeyFault {
  const parts = readEd25519Pkcs8(der);
  if (parts !== undefined) return parts;
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
