/** The database file of the pairs: where it lies, what it survives, and that it never meets a full disk. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readBootId } from '../storage/lmdb/boot-id.js';
import {
  prepareDirectory,
  prepareFiles,
  refuseForeignFiles,
  removeDatabase,
} from '../storage/lmdb/database-files.js';
import { openReservedDatabase, type ReservedDatabase } from '../storage/lmdb/reserved-database.js';
import { ExecutionStoreError, type ExecutionBounds } from './execution-bounds.js';
import { TABLES } from './pair-index.js';

export interface LmdbExecutionStoreOptions extends ExecutionBounds {
  /** The nonce store's: on a local disk, ours alone. */
  readonly directory: string;
  /**
   * As for nonces. `process`: a pair survives the end of every process, and is forgotten when the machine
   * restarts. `machine`: each batch waits for the disk, and the event loop with it.
   */
  readonly durability: 'machine' | 'process';
  /** The running kernel's id; tests restart machines with it. */
  readonly bootId?: string;
}

/** Some 180 bytes in the three tables, in pages that are partly empty; address space is free. */
const MAP_BYTES_PER_PAIR = 1_024;
const LEAST_MAP_BYTES = 64 * 1_048_576;
/** No name of a nonce journal, which the nonce store would remove. */
const FILE_NAME = /^executions-.*\.mdb$/;

/**
 * Opens or makes the database; removes that of a former boot, whose pages may have reached the disk in any
 * order. Throws `ExecutionStoreError`, or the nonce directory's error, naming path and remedy.
 */
export function openPairDatabase(options: LmdbExecutionStoreOptions): ReservedDatabase {
  const { directory, durability } = options;
  prepareDirectory(directory);
  const bootId = durability === 'machine' ? undefined : (options.bootId ?? readBootId());
  const name = bootId === undefined ? 'executions-synced.mdb' : `executions-boot-${bootId}.mdb`;
  const database = openAt(join(directory, name), bootId === undefined, options);
  for (const former of readdirSync(directory).filter((file) => FILE_NAME.test(file) && file !== name)) {
    removeDatabase(join(directory, former));
  }
  return database;
}

function openAt(path: string, synced: boolean, options: LmdbExecutionStoreOptions): ReservedDatabase {
  prepareFiles(path);
  try {
    refuseForeignFiles(path);
    const mapBytes = Math.max(LEAST_MAP_BYTES, options.maxInAll * MAP_BYTES_PER_PAIR);
    return openReservedDatabase({ path, synced, mapBytes, tables: TABLES });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ExecutionStoreError(
      `execution store: ${path} cannot be opened (${reason}); make room where the disk is full; where the file is damaged, stop every process that uses it and remove it with its lock file: graphs have to be sent again then`,
      { cause: error },
    );
  }
}
