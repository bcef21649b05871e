/** A database beside the nonces, for what is written in small batches and may be refused when the disk is full. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { openGatedDatabase, type GatedDatabase, type GatedDatabaseOptions } from './gated-database.js';

export type { GatedDatabaseOptions, Table } from './gated-database.js';

/** The open database. `transact` also throws when the disk is full, before `action` has begun. */
export type ReservedDatabase = Omit<GatedDatabase, 'roomFor'>;

/** More than the pages of one batch: random ones in several tables, and those on the way to them. */
const TRANSACTION_BYTES = 8 * 1_048_576;

/** Opens or makes the database. Throws what the database throws, or that the disk is full. */
export function openReservedDatabase(options: GatedDatabaseOptions): ReservedDatabase {
  refuseFullDisk(dirname(options.path));
  const database = openGatedDatabase(options);
  return {
    ...database,
    transact: (action) =>
      database.transact(() => {
        if (database.roomFor(TRANSACTION_BYTES) < TRANSACTION_BYTES)
          throw new Error(`the disk under ${options.path} is full`);
        return action();
      }),
  };
}

/** The database's first transactions come before our reserve of disk space. */
function refuseFullDisk(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < TRANSACTION_BYTES) throw new Error('the disk is full');
}
