/** Entry bundles (C2SP tlog-tiles, "Log Entries"): the records of a level-0 tile, each behind its length in two bytes. */
import { TlogError } from './tlog-error.js';

/** What two bytes of length can say. */
export const MAX_RECORD_BYTES = 65_535;
const LENGTH_BYTES = 2;

/** One record as it lies in a bundle. Throws RangeError when it is too long. */
export function encodeEntry(record: Uint8Array): Buffer {
  if (record.length > MAX_RECORD_BYTES)
    throw new RangeError(`a record has ${record.length} bytes, and at most ${MAX_RECORD_BYTES} fit`);
  const entry = Buffer.allocUnsafe(LENGTH_BYTES + record.length);
  entry.writeUInt16BE(record.length);
  entry.set(record, LENGTH_BYTES);
  return entry;
}

/** The records of a bundle, which share its memory. Throws `TlogError` unless it holds exactly `width` of them. */
export function decodeEntries(bundle: Buffer, width: number): Buffer[] {
  const records: Buffer[] = [];
  let at = 0;
  while (at + LENGTH_BYTES <= bundle.length && records.length < width) {
    const end = at + LENGTH_BYTES + bundle.readUInt16BE(at);
    if (end > bundle.length) break;
    records.push(bundle.subarray(at + LENGTH_BYTES, end));
    at = end;
  }
  if (records.length < width)
    throw new TlogError(`the bundle ends within its record ${records.length}, and should have ${width}`);
  if (at !== bundle.length)
    throw new TlogError(`the bundle goes on for ${bundle.length - at} bytes after its ${width} records`);
  return records;
}
