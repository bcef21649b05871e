/**
 * Every live nonce in packed words instead of objects: 44 bytes an entry, nothing for the garbage collector to
 * walk. A table is many small segments of open addressing; the longest pause is the rebuilding of one segment.
 * A `Map` of strings takes twice the memory, halts for hundreds of milliseconds when it grows, and throws at
 * 2^24 entries.
 *
 * Of the 32 bytes of a nonce key, 16 are kept. Nobody finds two keys that agree in 128 chosen bits in less
 * than 2^64 hashes, and he would have his own request refused: an agreement can refuse, never admit.
 */
import { getRandomValues } from 'node:crypto';
import { PackedRequestIds } from './packed-request-ids.js';

/** What is remembered of a claim that was won. */
interface Entry {
  readonly timestampSeconds: number;
  readonly seenAtMs: number;
  /** Index of the identity in the list of `NonceIndex`. */
  readonly identity: number;
  readonly requestId: string;
  /** HTTP status of the answer to its client, 0 for none; undefined while what became of it is not known. */
  readonly status?: number | undefined;
}

/** Bytes of a nonce key that are kept. */
export const KEPT_KEY_BYTES = 16;

const SEGMENT_BITS = 10;
const TWO_TO_32 = 4_294_967_296;
const LEAST_SLOTS = 8;
/** Rebuild when this much of a segment is used; give the rebuilt one room to about two thirds. */
const FULLEST = 0.85;
const ROOM = 1.5;

/** The words of a slot, after the four of the key. An entry whose id is kept aside has its identity's complement (a negative number). */
const TIMESTAMP = 4;
const SEEN = 5;
const IDENTITY = 6;
const REQUEST_ID = 7;
/** The status and one; 0 while that is not known. */
const STATUS = 11;
const WORDS = 12;

interface Segment {
  words: Int32Array;
  slots: number;
  /** Slots that are not empty, entries that died among them. */
  used: number;
}

/** A set of nonce keys with what is remembered of each. Entries die by time and are swept when room is needed. */
export class NonceTable {
  readonly #segments: Segment[];
  readonly #requestIds = new PackedRequestIds();
  /** Secret odd multipliers, so that nobody chooses nonces that fall into one place. */
  readonly #multipliers = getRandomValues(new Int32Array(8)).map((word) => word | 1);
  /** The four words of the key in hand. */
  readonly #key = new Int32Array(4);
  #slotHash = 0;
  #spare = new Int32Array(0);
  #deadThroughSeconds = 0;

  constructor() {
    this.#segments = Array.from({ length: 1 << SEGMENT_BITS }, () => emptySegment(0));
  }

  /** From now on entries with a timestamp up to and including this one count as absent. Never goes back. */
  killThrough(timestampSeconds: number): void {
    this.#deadThroughSeconds = Math.max(this.#deadThroughSeconds, timestampSeconds);
  }

  /** The live entry of a key (its first 16 bytes), if there is one. */
  find(key: Buffer): Entry | undefined {
    const segment = this.#take(key);
    const at = this.#liveSlot(segment);
    return at === undefined ? undefined : this.#entryAt(segment.words, at);
  }

  /** Adds a key that `find` has just not found. */
  add(key: Buffer, entry: Entry): void {
    const segment = this.#take(key);
    if (segment.used + 1 > segment.slots * FULLEST) this.#rebuild(segment);
    const at = this.#freeSlot(segment, this.#slotHash);
    const { words } = segment;
    if (words[at + TIMESTAMP] === 0) segment.used += 1;
    else this.#release(words, at);
    for (let word = 0; word < 4; word += 1) words[at + word] = this.#key[word] ?? 0;
    words[at + TIMESTAMP] = entry.timestampSeconds;
    words[at + SEEN] = entry.seenAtMs - entry.timestampSeconds * 1000;
    const packed = this.#requestIds.write(entry.requestId, words, at + REQUEST_ID);
    words[at + IDENTITY] = packed ? entry.identity : ~entry.identity;
    words[at + STATUS] = (entry.status ?? -1) + 1;
  }

  /** Of a key that `find` has just found. */
  setStatus(key: Buffer, status: number): void {
    const segment = this.#take(key);
    const at = this.#liveSlot(segment);
    if (at !== undefined) segment.words[at + STATUS] = status + 1;
  }

  /** Forgets a key. Its slot stays in use until the segment is rebuilt, so that later ones are still found. */
  remove(key: Buffer): void {
    const segment = this.#take(key);
    const at = this.#liveSlot(segment);
    if (at === undefined) return;
    this.#release(segment.words, at);
    segment.words.fill(0, at, at + WORDS);
    segment.words[at + TIMESTAMP] = 1;
  }

  clear(): void {
    for (const segment of this.#segments) {
      eachUsedSlot(segment, (at) => this.#release(segment.words, at));
      Object.assign(segment, emptySegment(0));
    }
  }

  /** Takes a key in hand: its words, its hash, and the segment it belongs to. */
  #take(key: Buffer): Segment {
    for (let word = 0; word < 4; word += 1) this.#key[word] = key.readInt32LE(word * 4);
    this.#slotHash = this.#hash(this.#key, 0, 4);
    const segment = this.#segments[this.#hash(this.#key, 0, 0) >>> (32 - SEGMENT_BITS)];
    if (segment === undefined) throw new RangeError('a hash of 32 bits names a segment');
    return segment;
  }

  #hash(words: Int32Array, at: number, multiplier: number): number {
    let sum = 0;
    for (let word = 0; word < 4; word += 1) {
      sum = (sum + Math.imul(words[at + word] ?? 0, this.#multipliers[multiplier + word] ?? 1)) | 0;
    }
    sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
    sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2ae35);
    return (sum ^ (sum >>> 16)) >>> 0;
  }

  #liveSlot(segment: Segment): number | undefined {
    const { words, slots } = segment;
    if (slots === 0) return undefined;
    const key = this.#key;
    let at = homeSlot(this.#slotHash, slots);
    for (let timestamp = words[at + TIMESTAMP]; timestamp !== 0; timestamp = words[at + TIMESTAMP]) {
      if (sameKey(words, at, key) && this.#lives(words, at)) return at;
      at = at + WORDS === words.length ? 0 : at + WORDS;
    }
    return undefined;
  }

  /** The first slot on a key's path that is empty or whose entry has died. */
  #freeSlot(segment: Segment, hash: number): number {
    const { words } = segment;
    let at = homeSlot(hash, segment.slots);
    while (this.#lives(words, at)) at = at + WORDS === words.length ? 0 : at + WORDS;
    return at;
  }

  /** Sweeps the dead out of a segment, in place where the living then have room, else in a larger one. */
  #rebuild(segment: Segment): void {
    const old = this.#copy(segment.words);
    const living: number[] = [];
    eachUsedSlot(segment, (at) => (this.#lives(old, at) ? living.push(at) : this.#release(old, at)));
    const wanted = Math.max(LEAST_SLOTS, Math.ceil((living.length + 1) * ROOM));
    if (wanted <= segment.slots && wanted > segment.slots / 2) segment.words.fill(0);
    else Object.assign(segment, emptySegment(wanted));
    for (const from of living) {
      const at = this.#freeSlot(segment, this.#hash(old, from, 4));
      for (let word = 0; word < WORDS; word += 1) segment.words[at + word] = old[from + word] ?? 0;
    }
    segment.used = living.length;
  }

  /** A copy in one array that serves every segment: sweeping leaves nothing to the garbage collector. */
  #copy(words: Int32Array): Int32Array {
    if (this.#spare.length < words.length) this.#spare = new Int32Array(2 * words.length);
    this.#spare.set(words);
    return this.#spare;
  }

  #lives(words: Int32Array, at: number): boolean {
    return timestampAt(words, at) > Math.max(this.#deadThroughSeconds, 1);
  }

  #release(words: Int32Array, at: number): void {
    this.#requestIds.release((words[at + IDENTITY] ?? 0) >= 0, words, at + REQUEST_ID);
  }

  #entryAt(words: Int32Array, at: number): Entry {
    const timestampSeconds = timestampAt(words, at);
    const identity = words[at + IDENTITY] ?? 0;
    const status = words[at + STATUS] ?? 0;
    return {
      timestampSeconds,
      seenAtMs: timestampSeconds * 1000 + (words[at + SEEN] ?? 0),
      identity: identity >= 0 ? identity : ~identity,
      requestId: this.#requestIds.read(identity >= 0, words, at + REQUEST_ID),
      status: status === 0 ? undefined : status - 1,
    };
  }
}

function sameKey(words: Int32Array, at: number, key: Int32Array): boolean {
  return (
    words[at] === key[0] && words[at + 1] === key[1] && words[at + 2] === key[2] && words[at + 3] === key[3]
  );
}

/** Unsigned, so that the table outlives 2038 (and lasts until 2106). */
function timestampAt(words: Int32Array, at: number): number {
  return (words[at + TIMESTAMP] ?? 0) >>> 0;
}

function homeSlot(hash: number, slots: number): number {
  return Math.floor((hash * slots) / TWO_TO_32) * WORDS;
}

function emptySegment(slots: number): Segment {
  return { words: new Int32Array(slots * WORDS), slots, used: 0 };
}

function eachUsedSlot(segment: Segment, visit: (at: number) => void): void {
  for (let at = 0; at < segment.words.length; at += WORDS) {
    if (segment.words[at + TIMESTAMP] !== 0) visit(at);
  }
}
