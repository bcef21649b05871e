/** Checkpoints (C2SP tlog-checkpoint 1.0): a log's origin, the size of its tree and the root, as the text of a signed note. */
import { decodeCanonicalBase64, encodeBase64 } from '../crypto/bytes.js';
import { HASH_BYTES } from './merkle.js';
import { TlogError } from './tlog-error.js';

/** A tree head of one log. */
export interface Checkpoint {
  readonly origin: string;
  /** Leaves. */
  readonly size: number;
  readonly root: Uint8Array;
}

/** The text that is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${encodeBase64(root)}\n`;
}

/** Reads the text of a note; extension lines are passed over. Throws `TlogError` when it is no checkpoint. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', encoded = '', ...extensions] = text.split('\n');
  if (extensions.at(-1) !== '' || extensions.slice(0, -1).includes('') || origin === '')
    throw new TlogError('not a checkpoint: it has three lines or more, none of them empty');
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new TlogError('the second line of a checkpoint is its size: decimal digits, no leading zero');
  const root = decodeCanonicalBase64(encoded, HASH_BYTES);
  if (root === undefined)
    throw new TlogError('the third line of a checkpoint is its root: base64 of 32 bytes');
  return { origin, size: Number(size), root };
}
