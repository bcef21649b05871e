/**
 * DER (X.690 §10.1): its elements, found without copying, and Ed25519 keys in it (RFC 8410). Nearly all of a key is of
 * fixed form, and is compared rather than parsed: what differs by a byte is not taken. Runs anywhere: no Node built-in
 * and no Buffer.
 */
import { bytesFromHex, concatBytes, equalBytes } from './bytes.js';
import type { KeyFault } from './key-fault.js';

/** One element with a low tag: where it begins, where its content does, and where both end. */
export interface DerElement {
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/**
 * Reads the element at `start`, with a definite, minimal length of up to three bytes.
 * @param limit where the surrounding element ends; the element may not reach beyond.
 */
export function readElement(der: Uint8Array, start: number, limit: number): DerElement | undefined {
  const tag = der[start] ?? 0;
  const first = der[start + 1] ?? 0xff;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const contentStart = start + 2 + lengthBytes;
  if (first === 0x80 || lengthBytes > 3 || contentStart > limit) return undefined;
  const longLength = der.subarray(start + 2, contentStart).reduce((value, byte) => value * 256 + byte, 0);
  const length = lengthBytes === 0 ? first : longLength;
  const isMinimal = lengthBytes === 0 || length >= (lengthBytes === 1 ? 0x80 : 256 ** (lengthBytes - 1));
  const end = contentStart + length;
  return isMinimal && end <= limit ? { tag, start, contentStart, end } : undefined;
}

/** The only element of a text, which must leave no byte over, if it has this tag. */
export function readWhole(der: Uint8Array, tag: number): DerElement | undefined {
  const element = readElement(der, 0, der.length);
  return element?.tag === tag && element.end === der.length ? element : undefined;
}

/** The elements inside another, if they fill it exactly. At most eight: more than any structure that we read. */
function readChildren(der: Uint8Array, parent: DerElement): readonly DerElement[] | undefined {
  const children: DerElement[] = [];
  for (let at = parent.contentStart; at < parent.end;) {
    const child = readElement(der, at, parent.end);
    if (child === undefined || children.length === 8) return undefined;
    children.push(child);
    at = child.end;
  }
  return children;
}

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

/** Object identifiers of other algorithms, and what OpenSSL calls those. */
const OTHER_ALGORITHMS = [
  ['06092a864886f70d010101', 'rsa'],
  ['06092a864886f70d01010a', 'rsa-pss'],
  ['06072a8648ce3d0201', 'ec'],
  ['06072a8648ce380401', 'dsa'],
  ['06032b656e', 'x25519'],
  ['06032b656f', 'x448'],
  ['06032b6571', 'ed448'],
] as const;

/** Names another algorithm's key for the error message; the verdict does not depend on it. */
function faultOfOther(der: Uint8Array): KeyFault {
  const whole = readWhole(der, SEQUENCE);
  const fields = whole === undefined ? undefined : readChildren(der, whole);
  const identifier = fields?.find(({ tag }) => tag === SEQUENCE);
  const content = der.subarray(identifier?.contentStart, identifier?.end);
  const algorithm = OTHER_ALGORITHMS.find(([oid]) => startsWith(content, bytesFromHex(oid)))?.[1];
  return algorithm === undefined
    ? { code: 'malformed', encoding: 'pem', part: 'der' }
    : { code: 'not_ed25519', encoding: 'pem', algorithm };
}

/** The 32 bytes in a SubjectPublicKeyInfo, not yet judged as a point. */
export function readSpki(der: Uint8Array): Uint8Array | KeyFault {
  if (der.length === SPKI_PREFIX.length + 32 && startsWith(der, SPKI_PREFIX)) {
    return der.slice(SPKI_PREFIX.length);
  }
  return faultOfOther(der);
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
  return readEd25519Pkcs8(der) ?? faultOfOther(der);
}

/** SubjectPublicKeyInfo of 32 raw bytes. */
export function writeSpki(publicKey: Uint8Array): Uint8Array {
  return concatBytes(SPKI_PREFIX, publicKey);
}

/** PKCS#8 PrivateKeyInfo (version 1, which everything reads) of a 32-byte seed. */
export function writePkcs8(seed: Uint8Array): Uint8Array {
  return concatBytes(PKCS8_PREFIX, seed);
}
