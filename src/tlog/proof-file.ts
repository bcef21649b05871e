/** Proofs that a record is in a log, as a file that is verified offline (C2SP tlog-proof 1). */
import { decodeBase64, decodeCanonicalBase64, encodeBase64 } from '../crypto/bytes.js';
import { HASH_BYTES } from './merkle.js';
import { TlogError } from './tlog-error.js';

/** What a proof file holds. Nothing of it is verified yet. */
export interface ProofFile {
  readonly index: number;
  /** From the leaf's sibling up. */
  readonly hashes: readonly Uint8Array[];
  /** The checkpoint as it was published, with every signature. */
  readonly checkpoint: string;
  /** What came with it; nothing authenticates it but a proof of which it is the record. */
  readonly extra?: Uint8Array | undefined;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 leaves. */
const MAX_HASHES = 53;
/** Of a proof without it; extra data may be empty. */
const NO_EXTRA = new Uint8Array(0);

/** The file's text. */
export function encodeProofFile({ index, hashes, checkpoint, extra }: ProofFile): string {
  const extraLines = extra === undefined ? [] : [`extra ${encodeBase64(extra)}`];
  return [HEADER, ...extraLines, `index ${index}`, ...hashes.map(encodeBase64), '', checkpoint].join('\n');
}

/** Reads a proof file. Throws `TlogError`. */
export function parseProofFile(text: string): ProofFile {
  const end = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, Math.max(0, end)).split('\n');
  if (header !== HEADER) throw new TlogError(`not a proof: its first line is not ${HEADER}`);
  const extra =
    lines[0]?.startsWith('extra ') === true ? decodeBase64(lines.shift()?.slice(6) ?? '') : NO_EXTRA;
  if (extra === undefined) throw new TlogError('the extra data of the proof is not base64');
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
  return {
    index: Number(index),
    hashes,
    checkpoint: text.slice(end + 2),
    extra: extra === NO_EXTRA ? undefined : extra,
  };
}
