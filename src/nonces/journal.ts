/**
 * What happened to nonces, in an LMDB database that several processes share. Records are numbered and only
 * ever appended; a process that has read them all knows every live nonce, and the database's write lock makes
 * "read what is new, decide, append" one step over all processes. Appending touches few pages, which is why a
 * claim costs a tenth of what it costs to keep every nonce under its own key (docs/adr/0001-nonce-durability.md).
 */
import { open, type Database, type RootDatabase, type TransactionFlags } from 'lmdb';
import { openDiskReserve } from './disk-reserve.js';
import { gatePath } from './journal-files.js';
import { decodeRecord, encodeRecord, type JournalEvent } from './journal-record.js';
import { openWriteGate, type WriteGate } from './write-gate.js';

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
  /** Records after `record`, oldest first, at most `limit`. */
  recordsAfter(record: number, limit: number): JournalRecord[];
  /** Adds a record under its number; gives the bytes it takes. */
  append(record: number, events: readonly JournalEvent[]): number;
  remove(record: number): void;
  writeHead(head: JournalHead): void;
}

export interface Journal {
  /**
   * Runs `action` under the lock of all processes; blocks while another holds it, for the time of one batch.
   * Throws what `action` threw, or the database's error, and then nothing has changed.
   */
  transact<T>(action: (transaction: JournalTransaction) => T): T;
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly path: string;
  /** Wait for the disk with every transaction. */
  readonly synced: boolean;
  /** Bytes of address space; the file must stay below it. */
  readonly mapBytes: number;
}

/** lmdb's flags for `transactionSync`: return after the commit, with or without the flush to disk. */
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- lmdb declares its flags as an enum that it does not export at run time */
const COMMIT_AND_FLUSH = 0x2 as TransactionFlags;
const COMMIT_ONLY = 0x10002 as TransactionFlags;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */
/** More than a transaction can touch: a batch's records, its deletions, and the pages on the way to them. */
const TRANSACTION_BYTES = 2 * 1_048_576;
/** The same for one that only deletes. */
const DELETION_BYTES = 524_288;
/** Fixed at opening, whatever the system's page size. */
const PAGE_BYTES = 4_096;
const HEAD_KEY = Buffer.from('head');
const HEAD_VERSION = 1;
const RECORD_KEY_BYTES = 8;
/** Key, node header and the page's slot. */
const RECORD_OVERHEAD_BYTES = 32;

/** Opens or makes the journal at `path`. Throws what the database throws. */
export function openJournal({ path, synced, mapBytes }: JournalOptions): Journal {
  const gate = openWriteGate(gatePath(path));
  const { root, records } = openTables({ path, synced, mapBytes }, gate);
  const reserve = openDiskReserve(path);
  const flags = synced ? COMMIT_AND_FLUSH : COMMIT_ONLY;
  return {
    transact(action) {
      const transaction = (): ReturnType<typeof action> => {
        const used = usedBytes(root);
        const reserved = reserve.upTo(used + TRANSACTION_BYTES);
        if (reserved < used + DELETION_BYTES) throw new Error(`the disk under ${path} is full`);
        return action(transactionOn(root, records, reserved >= used + TRANSACTION_BYTES));
      };
      return gate.hold(() => root.transactionSync(transaction, flags));
    },
    async close() {
      await root.close();
      await gate.close();
      reserve.close();
    },
  };
}

interface Tables {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly records: Database<Buffer, Buffer>;
}

function openTables({ path, synced, mapBytes }: JournalOptions, gate: WriteGate): Tables {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const sync = { overlappingSync: false, noSync: !synced };
  const sizes = { mapSize: mapBytes, pageSize: PAGE_BYTES, maxDbs: 2 };
  return gate.hold(() => {
    const root = open<Buffer, Buffer>({ path, noSubdir: true, ...sizes, ...sync, ...binary });
    return { root, records: root.openDB<Buffer, Buffer>({ name: 'records', ...binary }) };
  });
}

function transactionOn(
  root: RootDatabase<Buffer, Buffer>,
  records: Database<Buffer, Buffer>,
  roomToAppend: boolean,
): JournalTransaction {
  return {
    roomToAppend,
    head() {
      const bytes = root.get(HEAD_KEY);
      return bytes === undefined ? undefined : decodeHead(bytes);
    },
    recordsAfter(record, limit) {
      const range = records.getRange({ start: recordKey(record + 1), limit, snapshot: false });
      return Array.from(range, ({ key, value }) => ({
        record: recordNumber(key),
        events: decodeRecord(value),
        bytes: value.length + RECORD_OVERHEAD_BYTES,
      }));
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

/** Bytes up to the last page that the database has ever used. */
function usedBytes(root: RootDatabase<Buffer, Buffer>): number {
  const { env } = root as unknown as { readonly env: { info(): { readonly lastPageNumber: number } } };
  return (env.info().lastPageNumber + 1) * PAGE_BYTES;
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
