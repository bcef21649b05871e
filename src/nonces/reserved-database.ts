/** An LMDB database beside the nonces that never meets a full disk while it writes; see `disk-reserve.ts`. */
import { open, type Database, type RootDatabase, type TransactionFlags } from 'lmdb';
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openDiskReserve, type DiskReserve } from './disk-reserve.js';
import { gatePath } from './journal-files.js';
import { openWriteGate } from './write-gate.js';

/** Where it lies, and how large it may grow. */
export interface ReservedDatabaseOptions {
  readonly path: string;
  /** Wait for the disk with every transaction. */
  readonly synced: boolean;
  /** Bytes of address space; the file must stay below it. */
  readonly mapBytes: number;
  /** Names of the databases in it, besides the root. */
  readonly tables: readonly string[];
}

export type Table = Database<Buffer, Buffer>;

/** The open database, and how to write to it. */
export interface ReservedDatabase {
  readonly root: RootDatabase<Buffer, Buffer>;
  /** One of those that were named at the opening. Throws RangeError for another. */
  table(name: string): Table;
  /** Runs `action` under the lock of all processes. Throws what it threw, or that the disk is full. */
  transact<T>(action: () => T): T;
  close(): Promise<void>;
}

/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- lmdb declares its flags as an enum that it does not export at run time */
/** Return after the commit, with or without the flush to disk. */
const COMMIT_AND_FLUSH = 0x2 as TransactionFlags;
const COMMIT_ONLY = 0x10002 as TransactionFlags;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */
/** More than the pages of one batch: random ones in several tables, and those on the way to them. */
const TRANSACTION_BYTES = 8 * 1_048_576;
/** Fixed at opening, whatever the system's page size. */
const PAGE_BYTES = 4_096;

/** Opens or makes the database. Throws what the database throws, or that the disk is full. */
export function openReservedDatabase(options: ReservedDatabaseOptions): ReservedDatabase {
  const { path, synced } = options;
  refuseFullDisk(dirname(path));
  const gate = openWriteGate(gatePath(path));
  const { root, tables } = gate.hold(() => openTables(options));
  const reserve = openDiskReserve(path);
  const flags = synced ? COMMIT_AND_FLUSH : COMMIT_ONLY;
  return {
    root,
    table(name) {
      const table = tables.get(name);
      if (table === undefined) throw new RangeError(`${path} was opened without a table ${name}`);
      return table;
    },
    transact(action) {
      const transaction = (): ReturnType<typeof action> => {
        if (!hasRoom(root, reserve)) throw new Error(`the disk under ${path} is full`);
        return action();
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

function openTables(options: ReservedDatabaseOptions): {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly tables: ReadonlyMap<string, Table>;
} {
  const { path, synced, mapBytes: mapSize, tables } = options;
  const sizes = { mapSize, pageSize: PAGE_BYTES, maxDbs: Math.max(1, tables.length) };
  const how = { noSubdir: true, overlappingSync: false, noSync: !synced } as const;
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const root = open<Buffer, Buffer>({ path, ...sizes, ...how, ...binary });
  return { root, tables: new Map(tables.map((name) => [name, root.openDB({ name, ...binary })])) };
}

/** The database's first transactions come before our reserve of disk space. */
function refuseFullDisk(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < TRANSACTION_BYTES) throw new Error('the disk is full');
}

/** With the write lock held, and before anything is written. */
function hasRoom(root: RootDatabase<Buffer, Buffer>, reserve: DiskReserve): boolean {
  const { env } = root as unknown as { readonly env: { info(): { readonly lastPageNumber: number } } };
  const wanted = (env.info().lastPageNumber + 1) * PAGE_BYTES + TRANSACTION_BYTES;
  return reserve.upTo(wanted) >= wanted;
}
