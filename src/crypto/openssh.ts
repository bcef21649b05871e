/**
 * Ed25519 keys as OpenSSH writes them: the public line (RFC 4253 §6.6, RFC 8709 §4) and the unencrypted private
 * container (OpenSSH's PROTOCOL.key).
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { bytesFromLatin1, concatBytes, equalBytes, latin1FromBytes } from './bytes.js';
import type { PrivateParts } from './der-keys.js';
import type { KeyFault, MalformedPart } from './key-fault.js';

const KEY_TYPE = 'ssh-ed25519';
const MAGIC = ascii('openssh-key-v1\0');
const CONTAINER_BLOCK_BYTES = 8;

function ascii(text: string): Uint8Array {
  return bytesFromLatin1(text) ?? new Uint8Array();
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(uint32(bytes.length), bytes);
}

/** Reads SSH wire fields (RFC 4251 §5) one after the other; past the end, or too long, reads `undefined`. */
class SshReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#offset);
  }

  take(length: number): Uint8Array | undefined {
    if (length > this.#bytes.length - this.#offset) return undefined;
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  uint32(): number | undefined {
    const bytes = this.take(4);
    return bytes?.reduce((value, byte) => value * 256 + byte, 0);
  }

  string(): Uint8Array | undefined {
    const length = this.uint32();
    return length === undefined ? undefined : this.take(length);
  }

  text(): string | undefined {
    const bytes = this.string();
    return bytes === undefined ? undefined : latin1FromBytes(bytes);
  }
}

function malformed(part: MalformedPart): KeyFault {
  return { code: 'malformed', encoding: 'openssh', part };
}

function notEd25519(algorithm: string): KeyFault {
  return { code: 'not_ed25519', encoding: 'openssh', algorithm };
}

/** The 32 bytes in a public blob, not yet judged as a point. */
function readPublicBlob(blob: Uint8Array): Uint8Array | KeyFault {
  const reader = new SshReader(blob);
  const type = reader.text();
  if (type === undefined) return malformed('openssh_blob');
  if (type !== KEY_TYPE) return notEd25519(type);
  const publicKey = reader.string();
  if (publicKey?.length !== 32 || reader.rest().length > 0) return malformed('openssh_blob');
  return publicKey.slice();
}

/** The 32 bytes in `ssh-ed25519 AAAA… comment`, not yet judged as a point. The comment is ignored. */
export function readOpenSshLine(line: string): Uint8Array | KeyFault {
  const [type = '', base64 = ''] = line.split(' ', 2);
  if (/[\r\n]/.test(line)) return malformed('openssh_line');
  if (type !== KEY_TYPE) return notEd25519(type);
  const blob = decodeBase64(base64);
  return blob === undefined ? malformed('base64') : readPublicBlob(blob);
}

/** Padding is 1, 2, 3, … up to a whole block, and shorter than one. */
function isPadding(bytes: Uint8Array): boolean {
  return bytes.length < CONTAINER_BLOCK_BYTES && bytes.every((byte, index) => byte === index + 1);
}

function readPrivateSection(section: Uint8Array): (PrivateParts & { publicKey: Uint8Array }) | KeyFault {
  const reader = new SshReader(section);
  const [checkA, checkB, type] = [reader.uint32(), reader.uint32(), reader.text()];
  if (checkA === undefined || checkA !== checkB || type === undefined) return malformed('openssh_container');
  if (type !== KEY_TYPE) return notEd25519(type);
  const [publicKey, secret, comment] = [reader.string(), reader.string(), reader.string()];
  const isWhole = section.length % CONTAINER_BLOCK_BYTES === 0 && isPadding(reader.rest());
  if (publicKey?.length !== 32 || secret?.length !== 64 || comment === undefined || !isWhole) {
    return malformed('openssh_container');
  }
  return { seed: secret.subarray(0, 32), claimedPublicKey: secret.subarray(32), publicKey };
}

/** The seed in an unencrypted container of exactly one key. The parts are views of `container`. */
export function readOpenSshPrivate(container: Uint8Array): PrivateParts | KeyFault {
  const reader = new SshReader(container);
  const magic = reader.take(MAGIC.length);
  const [cipher, kdf, kdfOptions] = [reader.text(), reader.text(), reader.string()];
  if (magic === undefined || !equalBytes(magic, MAGIC) || kdfOptions === undefined) {
    return malformed('openssh_container');
  }
  if (cipher !== 'none' || kdf !== 'none') return { code: 'encrypted', encoding: 'openssh' };
  const [keyCount, blob, section] = [reader.uint32(), reader.string(), reader.string()];
  if (keyCount !== 1 || blob === undefined || section === undefined || reader.rest().length > 0) {
    return malformed('openssh_container');
  }
  const outer = readPublicBlob(blob);
  if ('code' in outer) return outer;
  const parts = readPrivateSection(section);
  if ('code' in parts) return parts;
  if (!equalBytes(outer, parts.publicKey)) return { code: 'halves_disagree', encoding: 'openssh' };
  if (parts.claimedPublicKey !== undefined && !equalBytes(outer, parts.claimedPublicKey)) {
    return { code: 'halves_disagree', encoding: 'openssh' };
  }
  return { seed: parts.seed, claimedPublicKey: outer };
}

function publicBlob(publicKey: Uint8Array): Uint8Array {
  return concatBytes(lengthPrefixed(ascii(KEY_TYPE)), lengthPrefixed(publicKey));
}

/** `ssh-ed25519 AAAA…`, with a comment if there is one; no newline at its end. */
export function writeOpenSshLine(publicKey: Uint8Array, comment: string): string {
  return `${KEY_TYPE} ${encodeBase64(publicBlob(publicKey))}${comment === '' ? '' : ` ${comment}`}`;
}

/**
 * The unencrypted container of one key.
 * The check number is meant to find a wrong passphrase, and there is none: it is taken from the public key, so that
 * the same key always gives the same file. @param secret seed || public key, 64 bytes. @param comment ASCII.
 */
export function writeOpenSshPrivate(secret: Uint8Array, comment: string): Uint8Array {
  const publicKey = secret.subarray(32);
  const check = publicKey.subarray(0, 4);
  const fields = [ascii(KEY_TYPE), publicKey, secret, ascii(comment)].map(lengthPrefixed);
  const section = concatBytes(check, check, ...fields);
  const padding = Uint8Array.from({ length: -section.length & (CONTAINER_BLOCK_BYTES - 1) }, (_, i) => i + 1);
  const header = [ascii('none'), ascii('none'), new Uint8Array()].map(lengthPrefixed);
  const paddedSection = concatBytes(section, padding);
  const body = [publicBlob(publicKey), paddedSection].map(lengthPrefixed);
  const container = concatBytes(MAGIC, ...header, uint32(1), ...body);
  for (const copy of [section, paddedSection, ...fields, ...body]) copy.fill(0);
  return container;
}
