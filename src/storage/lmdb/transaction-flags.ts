/** lmdb's flags for `transactionSync`, as its documentation numbers them: its enum does not exist at run time. */
import type { TransactionFlags } from 'lmdb';

/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- lmdb declares its flags as an enum that it does not export at run time */
/** Return after the commit, which waits for the disk where the database was opened so. */
export const COMMIT_AND_FLUSH = 0x2 as TransactionFlags;
/** Return after the commit, without waiting for the disk. */
export const COMMIT_ONLY = 0x10002 as TransactionFlags;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */
