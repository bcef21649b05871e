/**
 * One file of the query index: which of 256 entry bundles may hold a term (a field with a value), and the times of each
 * bundle. It belongs to one full tile of level 1, whose hash it bears, so it never changes, and one that was
 * made of other records is noticed. It leads to records and is never shown for one.
 *
 * Layout, big-endian: magic, seed, CRC-32 of the header, SHA-256 of the tile, least and greatest time of each bundle,
 * starts and CRC-32 of 256 pages; then the pages: sorted postings of 5 bytes, hash and bundle. A page has the hashes that
 * share a first byte, so a look-up reads the header and one page. The hash is seeded by chance, so that nobody can
 * choose values that meet.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** Bundles of a segment: the hashes of a tile of level 1. */
export const SEGMENT_BUNDLES = 256;
const MAGIC = Buffer.from('CSINDEX2');
const PAGES = 256;
const POSTING_BYTES = 5;
const SEED_AT = 8;
const CRC_AT = 12;
const DIGEST_AT = 16;
const TIMES_AT = DIGEST_AT + 32;
const STARTS_AT = TIMES_AT + SEGMENT_BUNDLES * 16;
const CRCS_AT = STARTS_AT + (PAGES + 1) * 4;
const HEADER_BYTES = CRCS_AT + PAGES * 4;

/** A hash of 32 bits of a field and one of its values. */
export function termHash(seed: number, field: string, value: string): number {
  let hash = mix(seed, field);
  hash = mix(Math.imul(hash ^ 0xff, 0x01000193), value);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** FNV-1a over the units of a text. */
function mix(hash: number, text: string): number {
  let mixed = hash;
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), 0x01000193);
  return mixed;
}

/** Collects the terms and times of a segment's bundles. */
export class SegmentBuilder {
  readonly #seed: number;
  readonly #postings = new Set<number>();
  readonly #times = new Float64Array(SEGMENT_BUNDLES * 2);

  /** `seed`: 32 bits of chance. */
  constructor(seed: number) {
    this.#seed = seed;
    for (let bundle = 0; bundle < SEGMENT_BUNDLES; bundle++)
      this.#times.set([Infinity, -Infinity], bundle * 2);
  }

  /** `bundle`: its place in the segment. */
  addTerm(bundle: number, field: string, value: string): void {
    this.#postings.add(termHash(this.#seed, field, value) * SEGMENT_BUNDLES + bundle);
  }

  /** Unix milliseconds. */
  addTime(bundle: number, timeMs: number): void {
    const [least = Infinity, greatest = -Infinity] = this.#times.subarray(bundle * 2);
    this.#times.set([Math.min(least, timeMs), Math.max(greatest, timeMs)], bundle * 2);
  }

  /** The file. `digest`: SHA-256 of the tile of level 1 that the segment belongs to. */
  encode(digest: Buffer): Buffer {
    const postings = Float64Array.from(this.#postings).sort();
    const file = Buffer.alloc(HEADER_BYTES + postings.length * POSTING_BYTES);
    MAGIC.copy(file);
    file.writeUInt32BE(this.#seed, SEED_AT);
    digest.copy(file, DIGEST_AT);
    this.#times.forEach((time, at) => file.writeDoubleBE(time, TIMES_AT + at * 8));
    const starts = new Uint32Array(PAGES + 1);
    postings.forEach((posting, at) => {
      file.writeUIntBE(posting, HEADER_BYTES + at * POSTING_BYTES, POSTING_BYTES);
      starts[(file[HEADER_BYTES + at * POSTING_BYTES] ?? 0) + 1] = at + 1;
    });
    for (let page = 1; page <= PAGES; page++)
      starts[page] = Math.max(starts[page] ?? 0, starts[page - 1] ?? 0);
    writePages(file, starts);
    file.writeUInt32BE(crc32(file.subarray(0, HEADER_BYTES)), CRC_AT);
    return file;
  }
}

function writePages(file: Buffer, starts: Uint32Array): void {
  starts.forEach((start, page) => file.writeUInt32BE(start, STARTS_AT + page * 4));
  for (let page = 0; page < PAGES; page++) {
    const [start = 0, end = 0] = starts.subarray(page, page + 2);
    const bytes = file.subarray(HEADER_BYTES + start * POSTING_BYTES, HEADER_BYTES + end * POSTING_BYTES);
    file.writeUInt32BE(crc32(bytes), CRCS_AT + page * 4);
  }
}

/** A segment that was opened; closed by `close`. */
export class IndexSegment {
  readonly #descriptor: number;
  readonly #header: Buffer;

  private constructor(descriptor: number, header: Buffer) {
    this.#descriptor = descriptor;
    this.#header = header;
  }

  /** Undefined where there is none, or it is damaged, or belongs to another tile. */
  static open(path: string, digest: Buffer): IndexSegment | undefined {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch {
      return undefined;
    }
    const header = headerOf(descriptor);
    if (header?.subarray(DIGEST_AT, TIMES_AT).equals(digest) === true)
      return new IndexSegment(descriptor, header);
    closeSync(descriptor);
    return undefined;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Whether a bundle has a record of the time from `sinceMs` up to, and without, `untilMs`. */
  isWithin(bundle: number, sinceMs: number, untilMs: number): boolean {
    const at = TIMES_AT + bundle * 16;
    return this.#header.readDoubleBE(at + 8) >= sinceMs && this.#header.readDoubleBE(at) < untilMs;
  }

  /** The bundles that may hold the term, in order; undefined when the page is damaged. */
  bundlesWith(field: string, value: string): number[] | undefined {
    const hash = termHash(this.#header.readUInt32BE(SEED_AT), field, value);
    const page = this.#page(hash >>> 24);
    if (page === undefined) return undefined;
    let [low, high] = [0, page.length / POSTING_BYTES];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (page.readUInt32BE(middle * POSTING_BYTES) < hash) low = middle + 1;
      else high = middle;
    }
    const bundles: number[] = [];
    for (let at = low * POSTING_BYTES; at < page.length && page.readUInt32BE(at) === hash;) {
      bundles.push(page[at + 4] ?? 0);
      at += POSTING_BYTES;
    }
    return bundles;
  }

  #page(page: number): Buffer | undefined {
    const start = this.#header.readUInt32BE(STARTS_AT + page * 4);
    const end = this.#header.readUInt32BE(STARTS_AT + page * 4 + 4);
    const bytes = Buffer.alloc((end - start) * POSTING_BYTES);
    const read = readSync(this.#descriptor, bytes, 0, bytes.length, HEADER_BYTES + start * POSTING_BYTES);
    const isWhole = read === bytes.length && crc32(bytes) === this.#header.readUInt32BE(CRCS_AT + page * 4);
    return isWhole ? bytes : undefined;
  }
}

/** Undefined unless it is whole, and tells of pages that lie in the file one behind the other. */
function headerOf(descriptor: number): Buffer | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  if (readSync(descriptor, header, 0, HEADER_BYTES, 0) !== HEADER_BYTES) return undefined;
  const crc = header.readUInt32BE(CRC_AT);
  header.writeUInt32BE(0, CRC_AT);
  if (!header.subarray(0, MAGIC.length).equals(MAGIC) || crc32(header) !== crc) return undefined;
  let before = 0;
  for (let page = 0; page <= PAGES; page++) {
    const start = header.readUInt32BE(STARTS_AT + page * 4);
    if (start < before) return undefined;
    before = start;
  }
  return fstatSync(descriptor).size === HEADER_BYTES + before * POSTING_BYTES ? header : undefined;
}
