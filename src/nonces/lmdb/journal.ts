/**
 * What happened to nonces, in an LMDB database that several processes share. Records are numbered and only
 * ever appended; a process that has read them all knows every live nonce, and the database's write lock makes
 * "read what is new, decide, append" one step over all processes. Appending touches few pages, which is why a
 * claim costs a tenth of what it costs to keep every nonce under its own key (docs/adr/0001-nonce-durability.md).
 */
import {
  openDatabase,
  type DatabasePlace,
  type LmdbDatabase,
  type Table,
} from '../../storage/lmdb/database.js';
import { decodeRecord, encodeRecord, type JournalEvent } from './journal-record.js';

/** What all processes know besides the records. */
export interface JournalHead {
  /** The number of the last record; 0 before the first. */
  readonly lastRecord: number;
  readonly floorSeconds: number;
  /** Records with nothing later than this have been deleted. */
  readonly forgottenThroughSeconds: number;
}

export interface JournalRecord {
  readonly record: number;
  readonly events: JournalEvent[];
  readonly bytes: number;
}

/** A journal inside its write lock. Whatever is done here becomes visible at once, or not at all. */
export interface JournalTransaction {
  /** Whether the disk has room for appending; deleting and the head always have. */
  readonly roomToAppend: boolean;
  /** Undefined in a journal that was just made. */
  head(): JournalHead | undefined;
  /** Records after number `after` through number `last`, oldest first, at most `limit`. Some may have been deleted. */
  recordsBetween(after: number, last: number, limit: number): JournalRecord[];
  /** Adds a record under its number; gives the bytes it takes. */
  append(record: number, events: readonly JournalEvent[]): number;
  remove(record: number): void;
  writeHead(head: JournalHead): void;
}

export interface Journal extends Omit<JournalDatabase, 'root' | 'tables' | 'transact'> {
  /**
   * Runs `action` under the lock of all processes; blocks while another holds it, for the time of one batch.
   * Throws what `action` threw, or the database's error, and then nothing has changed.
   */
  transact<T>(action: (transaction: JournalTransaction) => T): T;
}

const RECORDS = 'records';
type JournalDatabase = LmdbDatabase<typeof RECORDS>;

/** More than a transaction can touch: a batch's records, its deletions, and the pages on the way to them. */
const TRANSACTION_BYTES = 2 * 1_048_576;
/** The same for one that only deletes. */
const DELETION_BYTES = 524_288;
/** So many records are looked up one by one; opening a range costs more than reading them. */
const FEW_RECORDS = 32;
const HEAD_KEY = Buffer.from('head');
const HEAD_VERSION = 1;
const RECORD_KEY_BYTES = 8;
/** Key, node header and the page's slot. */
const RECORD_OVERHEAD_BYTES = 32;

/** Opens or makes the journal. Throws `StorageError`, naming path and remedy. */
export function openJournal(options: DatabasePlace & { readonly mapBytes: number }): Journal {
  const database = openDatabase({
    ...options,
    name: 'nonces',
    tables: [RECORDS],
    transactionBytes: TRANSACTION_BYTES,
    leastTransactionBytes: DELETION_BYTES,
    owner: 'nonce store',
    remedy: 'remove the directory',
  });
  return {
    ...database,
    transact: (action) => database.transact((hasRoom) => action(transactionOn(database, hasRoom))),
  };
}

function transactionOn(
  { root, tables: { records } }: JournalDatabase,
  roomToAppend: boolean,
): JournalTransaction {
  return {
    roomToAppend,
    head() {
      const bytes = root.get(HEAD_KEY);
      return bytes === undefined ? undefined : decodeHead(bytes);
    },
    recordsBetween(after, last, limit) {
      return last - after <= FEW_RECORDS ? lookUp(records, after, last) : range(records, after, limit);
    },
    append(record, events) {
      const value = encodeRecord(events);
      records.putSync(recordKey(record), value, { append: true });
      return value.length + RECORD_OVERHEAD_BYTES;
    },
    remove(record) {
      records.removeSync(recordKey(record));
    },
    writeHead(head) {
      root.putSync(HEAD_KEY, encodeHead(head));
    },
  };
}

function lookUp(records: Table, after: number, last: number): JournalRecord[] {
  const found: JournalRecord[] = [];
  for (let record = after + 1; record <= last; record++) {
    const value = records.get(recordKey(record));
    if (value !== undefined) found.push(recordOf(record, value));
  }
  return found;
}

function range(records: Table, after: number, limit: number): JournalRecord[] {
  const entries = records.getRange({ start: recordKey(after + 1), limit, snapshot: false });
  return Array.from(entries, ({ key, value }) => recordOf(recordNumber(key), value));
}

function recordOf(record: number, value: Buffer): JournalRecord {
  return { record, events: decodeRecord(value), bytes: value.length + RECORD_OVERHEAD_BYTES };
}

/** Big-endian, so that the database keeps the records in the order of their numbers. */
function recordKey(record: number): Buffer {
  const key = Buffer.allocUnsafe(RECORD_KEY_BYTES);
  key.writeBigUInt64BE(BigInt(record));
  return key;
}

function recordNumber(key: Buffer): number {
  return Number(key.readBigUInt64BE());
}

const HEAD_FIELDS = ['lastRecord', 'floorSeconds', 'forgottenThroughSeconds'] as const;

function encodeHead(head: JournalHead): Buffer {
  const bytes = Buffer.allocUnsafe(8 * (1 + HEAD_FIELDS.length));
  bytes.writeDoubleLE(HEAD_VERSION);
  HEAD_FIELDS.forEach((field, index) => bytes.writeDoubleLE(head[field], 8 * (index + 1)));
  return bytes;
}

function decodeHead(bytes: Buffer): JournalHead {
  if (bytes.length !== 8 * (1 + HEAD_FIELDS.length) || bytes.readDoubleLE() !== HEAD_VERSION) {
    throw new RangeError('nonce journal: its head is of another version');
  }
  const [lastRecord = 0, floorSeconds = 0, forgottenThroughSeconds = 0] = HEAD_FIELDS.map((_, index) =>
    bytes.readDoubleLE(8 * (index + 1)),
  );
  return { lastRecord, floorSeconds, forgottenThroughSeconds };
}
