/**
 * The one way to open an LMDB database of ours, in a directory that is ours alone. Several processes may share it, and
 * it never meets a full disk while it writes: every opening and every transaction holds the lock of `write-lock.ts`,
 * and disk space is taken ahead (`disk-reserve.ts`).
 *
 * A database's name says what it survives. `<name>-boot-<id>.mdb` is written without waiting for the disk: it is whole
 * as long as this kernel runs, and after a machine restart nobody opens it again, since its pages may have reached the
 * disk in any order. `<name>-synced.mdb` waits for the disk and outlives the machine. See
 * docs/adr/0001-nonce-durability.md.
 */
import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import { StorageError } from '../storage-error.js';
import {
  databasesNamed,
  writeLockPath,
  prepareDirectory,
  prepareFiles,
  readBootId,
  refuseForeignFiles,
  removeDatabase,
  watchFiles,
} from './database-files.js';
import { openDiskReserve, type DiskReserve } from './disk-reserve.js';
import { COMMIT_AND_FLUSH, COMMIT_ONLY, openWriteLock, type WriteLock } from './write-lock.js';

/** What every owner of a database says of where it lies and what it survives. */
export interface DatabasePlace {
  /** Ours alone, on a local disk; shared with the other databases of the verifier. Made with mode 0700 where it is missing. */
  readonly directory: string;
  /**
   * `process`: what is written survives the end of every process, and is forgotten when the machine restarts. `machine`:
   * each transaction waits for the disk, and the event loop with it. Without a boot id, `process` is `machine`.
   */
  readonly durability: 'machine' | 'process';
  /** The running kernel's id, as `/proc/sys/kernel/random/boot_id` has it; tests restart machines with it. */
  readonly bootId?: string;
}

interface DatabaseOptions<Name extends string> extends DatabasePlace {
  /** What its file is called; no database's name begins with another one's and a dash. */
  readonly name: string;
  /** Bytes of address space; the file must stay below it. */
  readonly mapBytes: number;
  /** Names of the tables in it, besides the root. */
  readonly tables: readonly Name[];
  /** More than the pages that a transaction may write. Default: ample for small batches over several tables. */
  readonly transactionBytes?: number;
  /** The same for one that only deletes; with less room a transaction throws. Default: `transactionBytes`. */
  readonly leastTransactionBytes?: number;
  /** For messages: what it is, and what is to be done when its file is damaged. */
  readonly owner: string;
  readonly remedy: string;
}

export type Table = Database<Buffer, Buffer>;

/** The open database. */
export interface LmdbDatabase<Name extends string> {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly tables: Readonly<Record<Name, Table>>;
  /**
   * Runs `action` under the lock of all processes; blocks while another holds it. `hasRoom`: the disk has
   * `transactionBytes`. Throws what `action` threw, the database's error, or that the disk is full; then nothing has
   * changed.
   */
  transact<T>(action: (hasRoom: boolean) => T): T;
  /** The files of the same name that were there at the opening: of an earlier boot, or of another durability. */
  readonly formerFiles: readonly string[];
  removeFormerFiles(): void;
  /** Whether the files on the disk are still the ones that are open. */
  filesIntact(): boolean;
  close(): Promise<void>;
}

/** Fixed at opening, whatever the system's page size. */
const PAGE_BYTES = 4_096;
const TRANSACTION_BYTES = 8 * 1_048_576;

/** Opens or makes the database. Throws `StorageError`, naming path and remedy. */
export function openDatabase<Name extends string>(options: DatabaseOptions<Name>): LmdbDatabase<Name> {
  const { directory, durability, name, owner, remedy } = options;
  prepareDirectory(directory);
  const bootId = durability === 'machine' ? undefined : (options.bootId ?? readBootId());
  const path = join(directory, bootId === undefined ? `${name}-synced.mdb` : `${name}-boot-${bootId}.mdb`);
  const formerFiles = databasesNamed(directory, name).filter((former) => former !== path);
  prepareFiles(path);
  try {
    refuseForeignFiles(path);
    refuseFullDisk(directory);
    return openAt(path, bootId === undefined, formerFiles, options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StorageError(
      `${owner}: ${path} cannot be opened (${reason}); make room where the disk is full; where the file is damaged, stop every process that uses it and ${remedy}`,
      { cause: error },
    );
  }
}

function openAt<Name extends string>(
  path: string,
  synced: boolean,
  formerFiles: readonly string[],
  options: DatabaseOptions<Name>,
): LmdbDatabase<Name> {
  const { transactionBytes = TRANSACTION_BYTES, leastTransactionBytes = transactionBytes } = options;
  const lock = openWriteLock(writeLockPath(path));
  const { root, tables } = lock.hold(() => openTables(path, synced, options));
  const reserve = openDiskReserve(path);
  const flags = synced ? COMMIT_AND_FLUSH : COMMIT_ONLY;
  return {
    root,
    tables,
    transact: (action) =>
      lock.hold(() =>
        root.transactionSync(() => {
          const room = roomFor(transactionBytes, root, reserve);
          if (room < leastTransactionBytes) throw new Error(`the disk under ${path} is full`);
          return action(room >= transactionBytes);
        }, flags),
      ),
    formerFiles,
    removeFormerFiles: () => formerFiles.forEach(removeDatabase),
    filesIntact: watchFiles(path),
    close: () => closeAll(root, lock, reserve),
  };
}

function openTables<Name extends string>(
  path: string,
  synced: boolean,
  { mapBytes, tables }: DatabaseOptions<Name>,
): Pick<LmdbDatabase<Name>, 'root' | 'tables'> {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const sync = { overlappingSync: false, noSync: !synced };
  const sizes = { mapSize: mapBytes, pageSize: PAGE_BYTES, maxDbs: 1 + tables.length };
  const root = open<Buffer, Buffer>({ path, noSubdir: true, ...sizes, ...sync, ...binary });
  const opened = tables.map((name) => [name, root.openDB<Buffer, Buffer>({ name, ...binary })] as const);
  return { root, tables: Object.fromEntries(opened) as Record<Name, Table> };
}

/** Tries to make sure that the transaction in hand can write so many bytes; gives how many it can. */
function roomFor(bytes: number, root: RootDatabase<Buffer, Buffer>, reserve: DiskReserve): number {
  const used = usedBytes(root);
  return reserve.upTo(used + bytes) - used;
}

/** Bytes up to the last page that the database has ever used. */
function usedBytes(root: RootDatabase<Buffer, Buffer>): number {
  const { env } = root as unknown as { readonly env: { info(): { readonly lastPageNumber: number } } };
  return (env.info().lastPageNumber + 1) * PAGE_BYTES;
}

async function closeAll(
  root: RootDatabase<Buffer, Buffer>,
  lock: WriteLock,
  reserve: DiskReserve,
): Promise<void> {
  await root.close();
  await lock.close();
  reserve.close();
}

/** The database's first transactions come before our reserve of disk space. */
function refuseFullDisk(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < TRANSACTION_BYTES)
    throw new Error(`the disk under ${directory} has less than ${TRANSACTION_BYTES} bytes free`);
}
