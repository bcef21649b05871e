/** An entry bundle against the leaf hashes that its tile has: what was done to which record. */
import { memberOf } from '../../json/member-of.js';
import { HASH_BYTES, hashAt } from '../../tlog/merkle.js';
import { hashBundle, type HashedBundle } from './bundle-hashes.js';
import type { LogFaults } from './log-fault.js';

/** A bundle that was read, and the leaf hashes that its records must have. */
export interface JudgedBundle {
  readonly file: string;
  readonly bytes: Buffer;
  /** Of the file, which is wider than asked for when the log has grown. */
  readonly width: number;
  /** Of its first record. */
  readonly firstIndex: number;
  /** One hash for each record that is asked for. */
  readonly hashes: Buffer;
}

/** Adds what is wrong with the bundle. Gives whether nothing was. */
export function judgeBundle(bundle: JudgedBundle, faults: LogFaults): boolean {
  const { hashes, bytes, width: foundWidth } = bundle;
  const width = hashes.length / HASH_BYTES;
  const found = hashBundle(bytes, width, foundWidth);
  const isRight =
    found.isWhole &&
    found.count === width &&
    found.hashes.compare(hashes, 0, hashes.length, 0, hashes.length) === 0;
  if (!isRight) nameFaults(bundle, found, width, faults);
  return isRight;
}

function nameFaults(bundle: JudgedBundle, found: HashedBundle, width: number, faults: LogFaults): void {
  const before = faults.count;
  const add = (kind: 'edited' | 'inserted' | 'deleted' | 'reordered', at: number, message: string): void =>
    faults.add(kind, message, {
      file: bundle.file,
      index: bundle.firstIndex + at,
      end: bundle.firstIndex + at + 1,
      decisionId: decisionIdOf(bundle.bytes.subarray(found.starts[at], found.ends[at])),
    });
  for (let at = 0; at < Math.min(width, found.count); at++) {
    if (isSame(found, at, bundle.hashes, at)) continue;
    const index = bundle.firstIndex + at;
    if (isShifted(found, at + 1, bundle.hashes, at)) {
      add('inserted', at, `a record that was never logged stands at ${index}`);
      return;
    }
    if (isShifted(found, at, bundle.hashes, at + 1)) {
      add('deleted', at, `record ${index} is gone: at its place stands record ${index + 1}`);
      return;
    }
    const other = faults.isFull ? undefined : placeOf(found, at, bundle.hashes, width);
    if (other === undefined) add('edited', at, `record ${index} is not the one that was logged`);
    else add('reordered', at, `at the place of record ${index} stands record ${bundle.firstIndex + other}`);
  }
  nameEnd(bundle, found, width, { faults, hasOthers: faults.count > before });
}

/** Records that are not there, and bytes that belong to none. */
function nameEnd(
  { file, firstIndex }: JudgedBundle,
  { count, isWhole }: HashedBundle,
  width: number,
  { faults, hasOthers }: { readonly faults: LogFaults; readonly hasOthers: boolean },
): void {
  if (count < width)
    faults.add('deleted', `the file ends before record ${firstIndex + count}: it has ${count} of ${width}`, {
      file,
      index: firstIndex + count,
      end: firstIndex + width,
    });
  else if (count > width)
    faults.add('inserted', `the file goes on after its ${width} records`, {
      file,
      index: firstIndex + width,
    });
  else if (!isWhole || !hasOthers)
    faults.add('unreadable', `the file has bytes after its ${width} records that are no record`, {
      file,
      index: firstIndex + width,
    });
}

function isSame({ hashes, count }: HashedBundle, at: number, others: Buffer, other: number): boolean {
  return at < count && hashAt(hashes, at).equals(hashAt(others, other));
}

/** Whether the records from `at` on are those of the hashes from `other` on: two of them, or all that there are. */
function isShifted(found: HashedBundle, at: number, hashes: Buffer, other: number): boolean {
  const width = hashes.length / HASH_BYTES;
  const length = Math.min(2, found.count - at, width - other);
  if (length <= 0) return false;
  for (let step = 0; step < length; step++) if (!isSame(found, at + step, hashes, other + step)) return false;
  // The last two of a bundle that have changed places look like it, but there are as many as before.
  return length === 2 || found.count !== width;
}

function placeOf(found: HashedBundle, at: number, hashes: Buffer, width: number): number | undefined {
  for (let other = 0; other < width; other++) if (isSame(found, at, hashes, other)) return other;
  return undefined;
}

/** An id of ours or of Envoy is no longer. */
const MAX_ID_CHARACTERS = 128;

/** The decision id that a record says; undefined when it says none. The record may be anybody's. */
export function decisionIdOf(record: Buffer): string | undefined {
  try {
    const id = memberOf(JSON.parse(record.toString('utf8')), 'decision_id');
    return typeof id === 'string' && id !== '' && id.length <= MAX_ID_CHARACTERS ? id : undefined;
  } catch {
    return undefined;
  }
}
