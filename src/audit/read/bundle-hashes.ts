/** The leaf hashes of an entry bundle, as fast as one core hashes: no record is copied, and none is parsed. */
import { hash } from 'node:crypto';
import { HASH_BYTES, TILE_WIDTH } from '../../tlog/merkle.js';

const LENGTH_BYTES = 2;

/** A bundle taken apart. */
export interface HashedBundle {
  /** Of whole records, at most 257: one more than a bundle may have tells of one that was put in. */
  readonly count: number;
  /** `count` leaf hashes, one behind the other; used again by the next call. */
  readonly hashes: Buffer;
  /** Where the record's bytes begin and end in the bundle; used again by the next call. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** Whether the bundle ends where its last record does. */
  readonly isWhole: boolean;
}

const hashes = Buffer.alloc((TILE_WIDTH + 1) * HASH_BYTES);
const starts = new Uint32Array(TILE_WIDTH + 1);
const ends = new Uint32Array(TILE_WIDTH + 1);

/**
 * Hashes the first `width` records of a bundle, and those beyond that it should not have. The byte before a record, the low half of
 * its length, is made zero for the time of its hash: so 0x00 ‖ record (RFC 6962 §2.1) lies there without a copy.
 */
export function hashBundle(bundle: Buffer, width: number, foundWidth: number): HashedBundle {
  let count = 0;
  let at = 0;
  // A wider bundle of a log that has grown has records that are not asked for.
  const limit = foundWidth > width ? width : width + 1;
  while (at + LENGTH_BYTES <= bundle.length && count < limit) {
    const start = at + LENGTH_BYTES;
    const end = start + bundle.readUInt16BE(at);
    if (end > bundle.length) break;
    const lengthByte = bundle[start - 1] ?? 0;
    bundle[start - 1] = 0;
    hashes.set(hash('sha256', bundle.subarray(start - 1, end), 'buffer'), count * HASH_BYTES);
    bundle[start - 1] = lengthByte;
    starts[count] = start;
    ends[count] = end;
    count += 1;
    at = end;
  }
  return { count, hashes, starts, ends, isWhole: at === bundle.length || foundWidth > width };
}
