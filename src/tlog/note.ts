/**
 * Signed notes (C2SP signed-note 1.0) with Ed25519 signatures (type 0x01) and the timestamped cosignatures of witnesses
 * (type 0x04, C2SP tlog-cosignature 1.0). Every signature is judged strictly, as everywhere.
 */
import { createHash } from 'node:crypto';
import { decodeBase64, encodeBase64, equalBytes } from '../crypto/bytes.js';
import { fastVerifier } from '../crypto/engines.js';
import { SIGNATURE_BYTES } from '../crypto/ed25519.js';
import { describeKeyFault, parsePublicKey, type PublicKey } from '../crypto/public-key.js';
import { TlogError } from './tlog-error.js';

/** The signature types that we know, by the byte in a verifier key. */
export const NOTE_ED25519 = 0x01;
export const NOTE_COSIGNATURE = 0x04;
export type NoteKeyType = typeof NOTE_ED25519 | typeof NOTE_COSIGNATURE;

/** A key under which a note's signatures are verified. */
export interface NoteVerifier {
  readonly name: string;
  readonly keyId: number;
  readonly type: NoteKeyType;
  readonly key: PublicKey;
  /** `name+hash+key`, as it is written in files. */
  readonly text: string;
}

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  readonly keyId: number;
  /** What follows the key id: 64 bytes of type 0x01; 8 bytes of time before them of type 0x04. */
  readonly bytes: Uint8Array;
  /** The whole line, newline included. */
  readonly line: string;
}

/** A note that was taken apart. Nothing of it is verified yet. */
export interface Note {
  /** What is signed, its last newline included. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** What a signature under a known key says. */
export type NoteVerdict =
  | { readonly kind: 'absent' }
  | { readonly kind: 'forged' }
  /** `cosignedAtSeconds`: Unix seconds, of a cosignature alone. */
  | { readonly kind: 'verified'; readonly cosignedAtSeconds: number | undefined };

/** A checkpoint with a hundred cosignatures has some twenty thousand. */
const MAX_NOTE_CHARACTERS = 1_048_576;
const MAX_SIGNATURES = 256;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;
const KEY_BYTES = 32;
const NAME = /^[^\s+\p{Z}\p{Cc}]+$/u;
const SIGNATURE_LINE = /^— (\S+) (\S+)\n$/u;

/** Whether a text can be the name of a key: not empty, no space, no plus (signed-note, "Format"). */
export function isKeyName(name: string): boolean {
  return NAME.test(name);
}

/** The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key), big-endian. */
export function keyIdOf(name: string, type: NoteKeyType, publicKey: Uint8Array): number {
  return createHash('sha256')
    .update(`${name}\n`)
    .update(Uint8Array.of(type))
    .update(publicKey)
    .digest()
    .readUInt32BE();
}

/** `name+hash+key`: what is handed to those who verify. */
export function verifierKeyText(
  name: string,
  publicKey: Uint8Array,
  type: NoteKeyType = NOTE_ED25519,
): string {
  const id = keyIdOf(name, type, publicKey)
    .toString(16)
    .padStart(2 * KEY_ID_BYTES, '0');
  return `${name}+${id}+${encodeBase64(Uint8Array.of(type, ...publicKey))}`;
}

/** Reads a verifier key, white space around it ignored. Throws `TlogError`. */
export function parseVerifierKey(line: string): NoteVerifier {
  const text = line.trim();
  const [, name = '', id = '', encoded = ''] = /^([^+]*)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const bytes = decodeBase64(encoded);
  const type = bytes?.[0];
  if (!isKeyName(name) || bytes?.length !== 1 + KEY_BYTES)
    throw new TlogError(
      'not a verifier key: it is one line, name+hash+key, with 8 hex digits and base64 of 33 bytes',
    );
  if (type !== NOTE_ED25519 && type !== NOTE_COSIGNATURE)
    throw new TlogError(
      `a verifier key of type ${type} is not supported: Ed25519 (1) and its cosignatures (4) are`,
    );
  const parsed = parsePublicKey(bytes.subarray(1));
  if (!parsed.ok)
    throw new TlogError(`the verifier key holds no sound Ed25519 key: ${describeKeyFault(parsed.fault)}`);
  const keyId = keyIdOf(name, type, parsed.key.raw);
  if (keyId !== Number(`0x${id}`))
    throw new TlogError(`the hash in the verifier key of ${name} is not that of its key`);
  return { name, keyId, type, key: parsed.key, text };
}

/** Takes a note apart. Throws `TlogError` when it is not in the form of one. */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_CHARACTERS)
    throw new TlogError(`the note has ${note.length} characters, more than ${MAX_NOTE_CHARACTERS}`);
  if (/[\x00-\x09\x0b-\x1f]/.test(note)) throw new TlogError('the note has a control character');
  const end = note.lastIndexOf('\n\n');
  const lines = end < 0 ? [] : note.slice(end + 2).split(/(?<=\n)/);
  if (lines.length === 0 || lines.length > MAX_SIGNATURES)
    throw new TlogError(
      `the note has ${lines.length} signature lines behind an empty line: 1 to ${MAX_SIGNATURES} are allowed`,
    );
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignatureLine) };
}

/** Reads one line of a signature, newline included. Throws `TlogError`. */
export function parseSignatureLine(line: string): NoteSignature {
  const [, name = '', encoded = ''] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= KEY_ID_BYTES)
    throw new TlogError('a signature line of the note is not "— name base64", with a newline');
  return { name, keyId: Buffer.from(bytes).readUInt32BE(), bytes: bytes.subarray(KEY_ID_BYTES), line };
}

/** The line that signs `text` under a name. `sign` gives 64 bytes. */
export function signatureLine(
  text: string,
  name: string,
  publicKey: Uint8Array,
  sign: (message: Uint8Array) => Uint8Array,
): string {
  const id = Buffer.alloc(KEY_ID_BYTES);
  id.writeUInt32BE(keyIdOf(name, NOTE_ED25519, publicKey));
  return `— ${name} ${encodeBase64(Buffer.concat([id, sign(Buffer.from(text))]))}\n`;
}

/** Judges what the note has under a key: every signature with its name and id must be right (signed-note, "Signatures"). */
export function verifyNote({ text, signatures }: Note, verifier: NoteVerifier): NoteVerdict {
  const own = signatures.filter(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId);
  let verdict: NoteVerdict = { kind: 'absent' };
  for (const signature of own) {
    verdict = verifySignature(text, signature, verifier);
    if (verdict.kind === 'forged') return verdict;
  }
  return verdict;
}

function verifySignature(text: string, { bytes }: NoteSignature, { type, key }: NoteVerifier): NoteVerdict {
  const timeBytes = type === NOTE_COSIGNATURE ? TIME_BYTES : 0;
  if (bytes.length !== timeBytes + SIGNATURE_BYTES) return { kind: 'forged' };
  const time = timeBytes === 0 ? undefined : Buffer.from(bytes).readBigUInt64BE();
  const message = time === undefined ? text : `cosignature/v1\ntime ${time}\n${text}`;
  const isRight = fastVerifier().verify(key, Buffer.from(message), bytes.subarray(timeBytes));
  if (!isRight || (time !== undefined && time > BigInt(Number.MAX_SAFE_INTEGER))) return { kind: 'forged' };
  return { kind: 'verified', cosignedAtSeconds: time === undefined ? undefined : Number(time) };
}

/** Whether two verifier keys hold the same public key, whatever their names (C2SP tlog-policy, "Public key representation"). */
export function isSameKey(a: NoteVerifier, b: NoteVerifier): boolean {
  return equalBytes(a.key.raw, b.key.raw);
}
