/** The bytes of a journal record: the claims and withdrawals of one batch, in the order in which they happened. */
import { KEPT_KEY_BYTES } from '../nonce-table.js';
import type { RememberedClaim } from '../nonce-index.js';
import type { NonceClaim } from '../nonce-store.js';

/** One thing that happened to a nonce. `key` holds the 16 bytes that are kept. */
export interface JournalEvent extends RememberedClaim {
  readonly kind: 'claimed' | 'withdrawn';
}

/** What happened to a claim, and when. */
export function eventOf(
  kind: JournalEvent['kind'],
  claim: Pick<NonceClaim, 'key' | 'timestampSeconds' | 'identity' | 'requestId'>,
  seenAtMs: number,
): JournalEvent {
  const { key, timestampSeconds, identity, requestId } = claim;
  return { kind, key, timestampSeconds, seenAtMs, identity, requestId };
}

/**
 * That the last claim of a nonce stands: its caller was answered. Written as a claim without a name, which processes of
 * an earlier version pass over as one that they know.
 */
export function standingEvent({
  key,
  timestampSeconds,
}: Pick<NonceClaim, 'key' | 'timestampSeconds'>): JournalEvent {
  return { kind: 'claimed', key, timestampSeconds, seenAtMs: 0, identity: '', requestId: '' };
}

/** That it is known what became of the claim that stands: a standing one whose time is the status and one. */
export function statusEvent(
  claim: Pick<NonceClaim, 'key' | 'timestampSeconds'>,
  status: number,
): JournalEvent {
  return { ...standingEvent(claim), seenAtMs: status + 1 };
}

/** The status in it; undefined where it only says that the claim stands. */
export function statusOf({ seenAtMs }: JournalEvent): number | undefined {
  return seenAtMs === 0 ? undefined : seenAtMs - 1;
}

export function isStanding({ kind, requestId }: JournalEvent): boolean {
  return kind === 'claimed' && requestId === '';
}

const KINDS = ['claimed', 'withdrawn'] as const;
/** Where the fields of an event lie; two texts follow, each after a byte with its length. */
const TIMESTAMP_AT = 1 + KEPT_KEY_BYTES;
const SEEN_AT = TIMESTAMP_AT + 4;
const REQUEST_ID_AT = SEEN_AT + 8;
const FIXED_BYTES = REQUEST_ID_AT + 2;
const MAX_TEXT_BYTES = 255;

/** Texts longer than a record can hold; checked before a claim is decided. */
export function fitsRecord(requestId: string, identity: string): boolean {
  return Buffer.byteLength(requestId) <= MAX_TEXT_BYTES && Buffer.byteLength(identity) <= MAX_TEXT_BYTES;
}

export function encodeRecord(events: readonly JournalEvent[]): Buffer {
  const record = Buffer.allocUnsafeSlow(events.reduce((sum, event) => sum + sizeOf(event), 0));
  events.reduce((at, event) => writeEvent(record, at, event), 0);
  return record;
}

/** Reads what `encodeRecord` wrote. Throws RangeError on a record that was cut short or is of another make. */
export function decodeRecord(record: Buffer): JournalEvent[] {
  const events: JournalEvent[] = [];
  for (let at = 0; at < record.length;) {
    events.push(readEvent(record, at));
    at = endOf(record, at);
  }
  return events;
}

function sizeOf({ requestId, identity }: JournalEvent): number {
  return FIXED_BYTES + Buffer.byteLength(requestId) + Buffer.byteLength(identity);
}

function writeEvent(record: Buffer, start: number, event: JournalEvent): number {
  let at = record.writeUInt8(KINDS.indexOf(event.kind), start);
  at += event.key.copy(record, at, 0, KEPT_KEY_BYTES);
  at = record.writeUInt32LE(event.timestampSeconds, at);
  at = record.writeDoubleLE(event.seenAtMs, at);
  at = writeText(record, at, event.requestId);
  return writeText(record, at, event.identity);
}

function writeText(record: Buffer, at: number, text: string): number {
  const bytes = record.write(text, at + 1);
  record[at] = bytes;
  return at + 1 + bytes;
}

function readEvent(record: Buffer, start: number): JournalEvent {
  const kind = KINDS[record.readUInt8(start)];
  if (kind === undefined) throw new RangeError('nonce journal: unknown kind of event');
  const key = record.subarray(start + 1, start + TIMESTAMP_AT);
  const timestampSeconds = record.readUInt32LE(start + TIMESTAMP_AT);
  const seenAtMs = record.readDoubleLE(start + SEEN_AT);
  const requestId = readText(record, start + REQUEST_ID_AT);
  const identity = readText(record, endOfText(record, start + REQUEST_ID_AT));
  return { kind, key, timestampSeconds, seenAtMs, requestId, identity };
}

function endOf(record: Buffer, start: number): number {
  return endOfText(record, endOfText(record, start + REQUEST_ID_AT));
}

function endOfText(record: Buffer, at: number): number {
  return at + 1 + record.readUInt8(at);
}

function readText(record: Buffer, at: number): string {
  const end = endOfText(record, at);
  if (end > record.length) throw new RangeError('nonce journal: a record is cut short');
  return record.toString('utf8', at + 1, end);
}
