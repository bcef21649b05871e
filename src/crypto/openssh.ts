/** Ed25519 public keys as OpenSSH writes them, on one line (RFC 4253 §6.6, RFC 8709 §4). */
import {
  bytesFromLatin1,
  concatBytes,
  decodeBase64,
  encodeBase64,
  equalBytes,
  latin1FromBytes,
} from './bytes.js';
import { faultOfAlgorithm, type KeyFault, type MalformedPart } from './key-fault.js';

const KEY_TYPE = 'ssh-ed25519';
/** Before the 32 bytes: the type and the length of the key, each text with its own length in four bytes (RFC 4251 §5). */
const BLOB_HEAD = concatBytes(
  lengthPrefixed(bytesFromLatin1(KEY_TYPE) ?? new Uint8Array()),
  Uint8Array.of(0, 0, 0, 32),
);

function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0, 0, bytes.length >> 8, bytes.length & 0xff), bytes);
}

function malformed(part: MalformedPart): KeyFault {
  return { code: 'malformed', encoding: 'openssh', part };
}

/** The type that a blob announces; undefined when it is longer than the blob. */
function typeOf(blob: Uint8Array): string | undefined {
  const length = blob.subarray(0, 4).reduce((value, byte) => value * 256 + byte, 0);
  return blob.length >= 4 + length && blob.length >= 4
    ? latin1FromBytes(blob.subarray(4, 4 + length))
    : undefined;
}

/** The 32 bytes in a public blob, not yet judged as a point. */
function readBlob(blob: Uint8Array): Uint8Array | KeyFault {
  const type = typeOf(blob);
  if (type !== undefined && type !== KEY_TYPE) return faultOfAlgorithm('openssh', type, 'openssh_blob');
  const isKey =
    blob.length === BLOB_HEAD.length + 32 && equalBytes(blob.subarray(0, BLOB_HEAD.length), BLOB_HEAD);
  return isKey ? blob.slice(BLOB_HEAD.length) : malformed('openssh_blob');
}

/**
 * The 32 bytes in `ssh-ed25519 AAAA… comment`, not yet judged as a point. The comment is ignored. As for ssh-keygen, any
 * run of blanks and tabs stands between two parts.
 */
export function readOpenSshLine(line: string): Uint8Array | KeyFault {
  const [type = '', base64 = ''] = line.split(/[ \t]+/, 2);
  if (/[\r\n]/.test(line)) return malformed('openssh_line');
  if (type !== KEY_TYPE) return faultOfAlgorithm('openssh', type, 'openssh_line');
  const blob = decodeBase64(base64);
  return blob === undefined ? malformed('base64') : readBlob(blob);
}

/** `ssh-ed25519 AAAA…`, with a comment if there is one; no newline at its end. */
export function writeOpenSshLine(publicKey: Uint8Array, comment: string): string {
  const blob = encodeBase64(concatBytes(BLOB_HEAD, publicKey));
  return `${KEY_TYPE} ${blob}${comment === '' ? '' : ` ${comment}`}`;
}
