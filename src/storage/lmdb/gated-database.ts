/**
 * An LMDB database that several processes share and that never meets a full disk while it writes: every opening and
 * every transaction holds the write gate (`write-gate.ts`), and disk space is taken ahead (`disk-reserve.ts`).
 */
import { open, type Database, type RootDatabase } from 'lmdb';
import { openDiskReserve } from './disk-reserve.js';
import { gatePath } from './database-files.js';
import { COMMIT_AND_FLUSH, COMMIT_ONLY } from './transaction-flags.js';
import { openWriteGate } from './write-gate.js';

/** Where it lies, and how large it may grow. */
export interface GatedDatabaseOptions {
  readonly path: string;
  /** Wait for the disk with every transaction. */
  readonly synced: boolean;
  /** Bytes of address space; the file must stay below it. */
  readonly mapBytes: number;
  /** Names of the databases in it, besides the root. */
  readonly tables: readonly string[];
}

export type Root = RootDatabase<Buffer, Buffer>;
export type Table = Database<Buffer, Buffer>;

/** The open database, and how to write to it. */
export interface GatedDatabase {
  readonly root: Root;
  /** One of those that were named at the opening. Throws RangeError for another. */
  table(name: string): Table;
  /**
   * Runs `action` under the lock of all processes; blocks while another holds it. Throws what `action` threw, or the
   * database's error, and then nothing has changed.
   */
  transact<T>(action: () => T): T;
  /**
   * Tries to make sure that the transaction in hand can write so many bytes, and gives how many it can; on a full
   * disk fewer. To be called before anything is written.
   */
  roomFor(bytes: number): number;
  close(): Promise<void>;
}

/** Fixed at opening, whatever the system's page size. */
const PAGE_BYTES = 4_096;

/** Opens or makes the database. Throws what the database throws. */
export function openGatedDatabase(options: GatedDatabaseOptions): GatedDatabase {
  const { path, synced } = options;
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
    transact: (action) => gate.hold(() => root.transactionSync(action, flags)),
    roomFor(bytes) {
      const used = usedBytes(root);
      return reserve.upTo(used + bytes) - used;
    },
    async close() {
      await root.close();
      await gate.close();
      reserve.close();
    },
  };
}

function openTables({ path, synced, mapBytes, tables }: GatedDatabaseOptions): {
  readonly root: Root;
  readonly tables: ReadonlyMap<string, Table>;
} {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const sync = { overlappingSync: false, noSync: !synced };
  const sizes = { mapSize: mapBytes, pageSize: PAGE_BYTES, maxDbs: 1 + tables.length };
  const root = open<Buffer, Buffer>({ path, noSubdir: true, ...sizes, ...sync, ...binary });
  return { root, tables: new Map(tables.map((name) => [name, root.openDB({ name, ...binary })])) };
}

/** Bytes up to the last page that the database has ever used. */
function usedBytes(root: Root): number {
  const { env } = root as unknown as { readonly env: { info(): { readonly lastPageNumber: number } } };
  return (env.info().lastPageNumber + 1) * PAGE_BYTES;
}
