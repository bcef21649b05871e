/** The request and the answers of `add-checkpoint` (C2SP tlog-witness), by which a witness is asked for its cosignature. */
import type { IncomingHttpHeaders } from 'node:http';
import { encodeBase64 } from '../../crypto/bytes.js';
import { parseNote, verifyNote, type Note, type NoteVerdict, type NoteVerifier } from '../../tlog/note.js';
import { TlogError } from '../../tlog/tlog-error.js';

/** More must not be sent; a tree of 2^53 leaves needs 54. */
const MAX_PROOF_HASHES = 63;

/** The body: the size that the witness has, the way from there to the checkpoint, and the checkpoint as a signed note. */
export function addCheckpointBody(oldSize: number, proof: readonly Uint8Array[], checkpoint: string): Buffer {
  if (proof.length > MAX_PROOF_HASHES)
    throw new TlogError(`a consistency proof of ${proof.length} hashes is longer than a witness takes`);
  const lines = [`old ${oldSize}`, ...proof.map((hash) => encodeBase64(hash)), '', checkpoint];
  return Buffer.from(lines.join('\n'));
}

/** The size in an answer of status 409; undefined where the answer is of another kind. */
export function sizeInAnswer(headers: IncomingHttpHeaders, body: Buffer): number | undefined {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  const [, digits] = /^(0|[1-9][0-9]{0,15})\n$/.exec(body.toString('latin1')) ?? [];
  const size = Number(digits);
  return type.trim().toLowerCase() === 'text/x.tlog.size' && Number.isSafeInteger(size) ? size : undefined;
}

/** The lines of the witness's own key in an answer of status 200, with what they say about `text`; others are passed over. */
export interface Cosignature {
  readonly lines: readonly string[];
  readonly verdict: NoteVerdict;
}

/** Undefined when the answer is not signature lines. */
export function cosignatureInAnswer(
  body: Buffer,
  text: string,
  verifier: NoteVerifier,
): Cosignature | undefined {
  const note = noteOf(`${text}\n${body.toString('utf8')}`);
  if (note?.text !== text) return undefined;
  const own = note.signatures.filter(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId);
  return { lines: own.map(({ line }) => line), verdict: verifyNote(note, verifier) };
}

function noteOf(text: string): Note | undefined {
  try {
    return parseNote(text);
  } catch (error) {
    if (error instanceof TlogError) return undefined;
    throw error;
  }
}
