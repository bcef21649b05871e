/**
 * What a claim costs beside so many live nonces, and what each takes: the memory store to ten million, lmdb to as many as
 * NONCES_LMDB says (one million). Each store is filled, and then claims on; nothing expires meanwhile.
 */
import { randomFillSync, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialiseNonceDirectory, openLmdbNonceStore } from '../../src/nonces/lmdb/store.js';
import { createMemoryNonceStore } from '../../src/nonces/memory-store.js';
import type { NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';
import { usedBytes } from './nonces.js';
import { option } from './support.js';

const SIZES = [10_000, 100_000, 1_000_000, 10_000_000];
const MEASURED = 20_000;
/** At once while a store is filled, and while it is measured. */
const FILLING = 512;
const IN_FLIGHT = 32;
const KEY_BYTES = 32;
const WINDOW = { pastSkewSeconds: 300, futureSkewSeconds: 0 };
const MOST = SIZES.at(-1) ?? 0;
const LIMITS = { maxEntries: 16_000_000, maxEntriesPerIdentity: 16_000_000 };

type Figures = Readonly<Record<string, number>>;

/** One row a size. */
export async function growNonces(): Promise<Figures[]> {
  const memory = await growMemory();
  const lmdb = await growLmdb(option('NONCES_LMDB', 1_000_000));
  return SIZES.map((size, at) => ({ size, ...memory[at], ...lmdb[at] }));
}

async function growMemory(): Promise<Figures[]> {
  // Stands still: nothing expires, however long it takes to fill ten million.
  const nowMs = Date.now();
  let offsetMs = 0;
  const clock = { nowMs: () => nowMs + offsetMs, monotonicMs: () => nowMs + offsetMs };
  const store = createMemoryNonceStore({ clock, ...WINDOW, ...LIMITS });
  offsetMs = 2_000;
  const nowSeconds = Math.floor((nowMs + offsetMs) / 1000);
  const before = usedBytes();
  const rows: Figures[] = [];
  for (const size of SIZES) {
    await claims(store, nowSeconds, size - store.status().entries, FILLING);
    const bytes = (usedBytes() - before) / store.status().entries;
    const took = await claims(store, nowSeconds, MEASURED, IN_FLIGHT);
    rows.push({ 'memory: µs a claim': took, 'memory: bytes a nonce': bytes });
  }
  return rows;
}

async function growLmdb(most: number): Promise<Figures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const directory = join(folder, 'nonces');
  const startMs = Date.now();
  const clock = { nowMs: () => startMs, monotonicMs: () => startMs };
  const options = { clock, ...WINDOW, ...LIMITS, directory, durability: 'process' as const };
  await initialiseNonceDirectory(options);
  const store = await openLmdbNonceStore(options);
  const rows: Figures[] = [];
  try {
    for (const size of SIZES.filter((one) => one <= Math.min(most, MOST))) {
      await claims(store, Math.floor(startMs / 1000), size - store.status().entries, FILLING);
      const took = await claims(store, Math.floor(startMs / 1000), MEASURED, IN_FLIGHT);
      const bytes = diskBytes(directory) / (size + MEASURED);
      rows.push({ 'lmdb: µs a claim': took, 'lmdb: bytes a nonce on disk': bytes });
    }
    return rows;
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Claims so many fresh ones; gives microseconds of processor time for each. */
async function claims(
  store: NonceStore,
  timestampSeconds: number,
  count: number,
  atOnce: number,
): Promise<number> {
  const keys = Buffer.allocUnsafe(atOnce * KEY_BYTES);
  const before = process.cpuUsage();
  for (let done = 0; done < count; done += atOnce) {
    randomFillSync(keys);
    const outcomes = Array.from({ length: Math.min(atOnce, count - done) }, async (_, at) =>
      store.claim(
        claimOf(Buffer.from(keys.subarray(at * KEY_BYTES, (at + 1) * KEY_BYTES)), timestampSeconds),
      ),
    );
    for (const outcome of await Promise.all(outcomes))
      if (outcome.kind !== 'claimed')
        throw new Error(`a fresh nonce was answered ${JSON.stringify(outcome)}`);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

function claimOf(key: Buffer, timestampSeconds: number): NonceClaim {
  return { key, identity: 'bench', timestampSeconds, requestId: randomUUID(), ...WINDOW };
}

/** What the files of a folder take; those of lmdb have holes. */
function diskBytes(directory: string): number {
  const files = readdirSync(directory).map((name) => statSync(join(directory, name)));
  return files.reduce((sum, { blocks }) => sum + blocks * STAT_BLOCK_BYTES, 0);
}

/** stat(2): st_blocks counts these, whatever the file system's own are. */
const STAT_BLOCK_BYTES = 512;
