/** Proofs that a record is in a log, as a file that is verified offline (C2SP tlog-proof 1). */
import { decodeCanonicalBase64, encodeBase64 } from '../crypto/bytes.js';
import { HASH_BYTES } from './merkle.js';
import { TlogError } from './tlog-error.js';

/** What a proof file holds. Nothing of it is verified yet. */
export interface ProofFile {
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Uint8Array[];
  /** The checkpoint as it was published, with every signature. */
  readonly checkpoint: string;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 leaves. */
const MAX_HASHES = 53;

/** The file's text. */
export function encodeProofFile({ index, hashes, checkpoint }: ProofFile): string {
  return [HEADER, `index ${index}`, ...hashes.map(encodeBase64), '', checkpoint].join('\n');
}

/** Reads a proof file; extra data, which nothing authenticates, is passed over. Throws `TlogError`. */
export function parseProofFile(text: string): ProofFile {
  const end = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, Math.max(0, end)).split('\n');
  if (header !== HEADER) throw new TlogError(`not a proof: its first line is not ${HEADER}`);
  if (/^extra [A-Za-z0-9+/]*={0,2}$/.test(lines[0] ?? '')) lines.shift();
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() ?? '') ?? [];
  if (index === undefined || !Number.isSafeInteger(Number(index)))
    throw new TlogError('the proof has no line "index N"');
  if (lines.length > MAX_HASHES)
    throw new TlogError(`the proof has ${lines.length} hashes, more than any tree needs`);
  const hashes = lines.map((line) => {
    const hash = decodeCanonicalBase64(line, HASH_BYTES);
    if (hash === undefined) throw new TlogError('a hash of the proof is not base64 of 32 bytes');
    return hash;
  });
  return { index: Number(index), hashes, checkpoint: text.slice(end + 2) };
}
