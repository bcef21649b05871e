/**
 * The extensions of an X.509 certificate (RFC 5280, section 4.2) that say what it may be used for and whose it is. Read
 * from its bytes, as Node shows key usage not at all and names only as one text for people.
 */
import { hexFromBytes, latin1FromBytes } from './bytes.js';
import { readElement, readWhole, type DerElement } from './der.js';

/** One extension: its value is the DER inside the octet string. */
interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** By object identifier, its content in hex. */
export type Extensions = ReadonlyMap<string, Extension>;

/** Object identifiers of `id-ce` (RFC 5280, section 4.2.1): content octets in hex. */
const KEY_USAGE = '551d0f';
const SUBJECT_ALT_NAME = '551d11';
const BASIC_CONSTRAINTS = '551d13';
const CERTIFICATE_POLICIES = '551d20';
const EXTENDED_KEY_USAGE = '551d25';

/** Those that a critical flag may stand on: they are judged here, but for policies, of which none is asked for. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  KEY_USAGE,
  SUBJECT_ALT_NAME,
  BASIC_CONSTRAINTS,
  CERTIFICATE_POLICIES,
  EXTENDED_KEY_USAGE,
]);

const BOOLEAN = 0x01;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const SEQUENCE = 0x30;
const EXPLICIT_VERSION = 0xa0;
const EXPLICIT_EXTENSIONS = 0xa3;
/** `INTEGER 2`: version 3, the only one that has extensions. */
const VERSION_3 = '020102';

/** The elements that fill a span exactly; undefined where they do not. */
function childrenOf(der: Uint8Array, { contentStart, end }: DerElement): DerElement[] | undefined {
  const children: DerElement[] = [];
  for (let at = contentStart; at < end;) {
    const child = readElement(der, at, end);
    if (child === undefined) return undefined;
    children.push(child);
    at = child.end;
  }
  return children;
}

function contentOf(der: Uint8Array, element: DerElement): Uint8Array {
  return der.subarray(element.contentStart, element.end);
}

/** The elements of a SEQUENCE that is the whole of `der`. */
function sequenceIn(der: Uint8Array): DerElement[] | undefined {
  const whole = readWhole(der, SEQUENCE);
  return whole && childrenOf(der, whole);
}

/** All of a certificate of version 3; undefined for another version, for bytes out of form, and where one stands twice. */
export function readExtensions(der: Uint8Array): Extensions | undefined {
  const tbs = sequenceIn(der)?.[0];
  const fields = tbs?.tag === SEQUENCE ? childrenOf(der, tbs) : undefined;
  const [version] = fields ?? [];
  if (version?.tag !== EXPLICIT_VERSION || hexFromBytes(contentOf(der, version)) !== VERSION_3)
    return undefined;
  const wrapped = fields?.find(({ tag }) => tag === EXPLICIT_EXTENSIONS);
  const entries = wrapped === undefined ? [] : sequenceIn(contentOf(der, wrapped));
  const inside = wrapped === undefined ? der : contentOf(der, wrapped);
  const extensions = new Map<string, Extension>();
  for (const entry of entries ?? [undefined]) {
    const read = entry && readExtension(inside, entry);
    if (read === undefined || extensions.has(read[0])) return undefined;
    extensions.set(...read);
  }
  return extensions;
}

function readExtension(der: Uint8Array, entry: DerElement): [string, Extension] | undefined {
  const parts = entry.tag === SEQUENCE ? childrenOf(der, entry) : undefined;
  const [id, flag, octets] = parts?.length === 2 ? [parts[0], undefined, parts[1]] : (parts ?? []);
  if (parts === undefined || parts.length > 3) return undefined;
  if (id?.tag !== OBJECT_IDENTIFIER || octets?.tag !== OCTET_STRING) return undefined;
  if (flag !== undefined && flag.tag !== BOOLEAN) return undefined;
  const critical = flag !== undefined && der[flag.contentStart] !== 0;
  return [hexFromBytes(contentOf(der, id)), { critical, value: contentOf(der, octets) }];
}

/** Whether one is critical that nobody judges here (RFC 5280, section 4.2: then the certificate is refused). */
export function hasUnknownCritical(extensions: Extensions): boolean {
  for (const [id, { critical }] of extensions) if (critical && !UNDERSTOOD.has(id)) return true;
  return false;
}

/** RFC 5280, section 4.2.1.9; `malformed` for what is out of form. */
export function isAuthority(extensions: Extensions): boolean | 'malformed' {
  const extension = extensions.get(BASIC_CONSTRAINTS);
  if (extension === undefined) return false;
  const parts = sequenceIn(extension.value);
  if (parts === undefined) return 'malformed';
  const [flag] = parts;
  return flag?.tag === BOOLEAN && extension.value[flag.contentStart] !== 0;
}

/** Bits of RFC 5280, section 4.2.1.3, of the first octet. */
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

/** What its key may sign; undefined where the certificate does not say, which forbids nothing. */
export function readKeyUsage(
  extensions: Extensions,
):
  | { readonly messages: boolean; readonly certificates: boolean; readonly lists: boolean }
  | 'malformed'
  | undefined {
  const value = extensions.get(KEY_USAGE)?.value;
  if (value === undefined) return undefined;
  const bits = readWhole(value, BIT_STRING);
  if (bits === undefined || bits.end - bits.contentStart < 2) return 'malformed';
  const first = value[bits.contentStart + 1] ?? 0;
  return {
    messages: (first & DIGITAL_SIGNATURE) !== 0,
    certificates: (first & KEY_CERT_SIGN) !== 0,
    lists: (first & CRL_SIGN) !== 0,
  };
}

/** RFC 5280, section 4.2.1.12: `id-kp-clientAuth` and `anyExtendedKeyUsage`. */
const CLIENT_PURPOSES: ReadonlySet<string> = new Set(['2b06010505070302', '551d2500']);

/** Whether a client may show it; one that names no purpose is for all. */
export function isForClientUse(extensions: Extensions): boolean {
  const value = extensions.get(EXTENDED_KEY_USAGE)?.value;
  if (value === undefined) return true;
  return (
    sequenceIn(value)?.some((purpose) => CLIENT_PURPOSES.has(hexFromBytes(contentOf(value, purpose)))) ??
    false
  );
}

/** The names of a subject (RFC 5280, section 4.2.1.6) by which a peer can be known. */
export interface SubjectNames {
  /** Every URI, as it stands. */
  readonly uris: readonly string[];
  /** In lower case; a wildcard is a name like any other, that no configured one equals. */
  readonly dnsNames: ReadonlySet<string>;
}

const DNS_NAME = 0x82;
const URI = 0x86;
/** Whatever else stands in a name, a NUL above all, is read differently by different readers. */
const PRINTABLE = /^[\x21-\x7e]+$/;

/** `malformed` where any name is out of form; none where there is no such extension. */
export function readSubjectNames(extensions: Extensions): SubjectNames | 'malformed' {
  const uris: string[] = [];
  const dnsNames = new Set<string>();
  const value = extensions.get(SUBJECT_ALT_NAME)?.value;
  const names = value === undefined ? [] : sequenceIn(value);
  if (names === undefined) return 'malformed';
  for (const name of names) {
    if (value === undefined || (name.tag !== DNS_NAME && name.tag !== URI)) continue;
    const text = latin1FromBytes(contentOf(value, name));
    if (!PRINTABLE.test(text)) return 'malformed';
    if (name.tag === URI) uris.push(text);
    else dnsNames.add(text.toLowerCase());
  }
  return { uris, dnsNames };
}

/** Content octets of the algorithms (RFC 4055, RFC 5758, RFC 8410) that a name may rest on: RSA PKCS#1 and ECDSA with SHA-2, Ed25519. */
const STRONG_SIGNATURES: ReadonlySet<string> = new Set([
  '2a864886f70d01010b',
  '2a864886f70d01010c',
  '2a864886f70d01010d',
  '2a8648ce3d040302',
  '2a8648ce3d040303',
  '2a8648ce3d040304',
  '2b6570',
]);

/** Whether its issuer signed it with an algorithm that can be relied on: a collision of SHA-1 would make a name out of another. */
export function isStronglySigned(der: Uint8Array): boolean {
  const algorithm = sequenceIn(der)?.[1];
  const id = algorithm?.tag === SEQUENCE ? childrenOf(der, algorithm)?.[0] : undefined;
  return id?.tag === OBJECT_IDENTIFIER && STRONG_SIGNATURES.has(hexFromBytes(contentOf(der, id)));
}
