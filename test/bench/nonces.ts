/**
 * What a nonce costs: (d) of the benchmark. Run the built file with `--expose-gc`, on one core where the
 * figures are to be compared with the server's: there a store shares its core with everything else.
 */
import { randomBytes, randomFillSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initialiseNonceDirectory, openLmdbNonceStore } from '../../src/nonces/lmdb/store.js';
import { createMemoryNonceStore } from '../../src/nonces/memory-store.js';
import type { NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';

const LIVE_NONCES = 1_000_000;
const LMDB_CLAIMS = 64_000;
const WARM_UP_CLAIMS = 4_000;
const IN_FLIGHT = 32;
const KEY_BYTES = 32;
const START_SECONDS = 1_764_000_000;
const WINDOW = { pastSkewSeconds: 30, futureSkewSeconds: 30 };
/** The live million arrives evenly over one retention: as at 16,000 requests a second. */
const RETENTION_SECONDS = WINDOW.pastSkewSeconds + 1;

export interface NonceFigures {
  /** Heap and external memory after garbage collection, per live nonce of the memory store. */
  readonly bytesPerNonce: number;
  /**
   * The longest that one claim or tick took while a million lived, came and went, the garbage collector's work
   * included. Processor time where that is less than the wall's: a busy machine takes the core from anybody.
   */
  readonly worstPauseMs: number;
  readonly claimsPerSecondMemory: number;
  /** With 32 in flight. */
  readonly claimsPerSecondLmdb: number;
  /** Processor time of the whole process, its threads and the kernel's work for it included. */
  readonly cpuMicrosecondsPerClaimLmdb: number;
}

/** Measures both stores with a clock that the measurement moves. Takes some ten seconds. */
export async function benchNonces(): Promise<NonceFigures> {
  return { ...benchMemory(), ...(await benchLmdb()) };
}

function benchMemory(): Pick<NonceFigures, 'bytesPerNonce' | 'worstPauseMs' | 'claimsPerSecondMemory'> {
  let nowSeconds = START_SECONDS;
  const clock = { nowMs: () => nowSeconds * 1000, monotonicMs: () => nowSeconds * 1000 };
  const limits = { maxEntries: 2 * LIVE_NONCES, maxEntriesPerIdentity: 2 * LIVE_NONCES };
  const before = usedBytes();
  const store = createMemoryNonceStore({ clock, ...WINDOW, ...limits });
  nowSeconds += WINDOW.futureSkewSeconds + 1;
  const perSecond = Math.ceil(LIVE_NONCES / RETENTION_SECONDS);
  let worstPauseMs = 0;
  let claimMs = 0;
  const key = Buffer.alloc(KEY_BYTES);
  const second = () => {
    nowSeconds += 1;
    worstPauseMs = Math.max(
      worstPauseMs,
      elapsedMs(() => store.tick()),
    );
    for (let at = 0; at < perSecond; at += 1) {
      const claim = claimOf(randomFillSync(key), nowSeconds);
      const ms = elapsedMs(() => store.claim(claim));
      worstPauseMs = Math.max(worstPauseMs, ms);
      claimMs += ms;
    }
  };
  for (let at = 0; at < RETENTION_SECONDS; at += 1) second();
  const bytesPerNonce = (usedBytes() - before) / store.status().entries;
  for (let at = 0; at < RETENTION_SECONDS; at += 1) second();
  nowSeconds += RETENTION_SECONDS;
  worstPauseMs = Math.max(
    worstPauseMs,
    elapsedMs(() => store.tick()),
  );
  return {
    bytesPerNonce,
    worstPauseMs,
    claimsPerSecondMemory: (2 * RETENTION_SECONDS * perSecond * 1000) / claimMs,
  };
}

async function benchLmdb(): Promise<
  Pick<NonceFigures, 'claimsPerSecondLmdb' | 'cpuMicrosecondsPerClaimLmdb'>
> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const directory = join(folder, 'nonces');
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
  const limits = { maxEntries: LIVE_NONCES, maxEntriesPerIdentity: LIVE_NONCES };
  const options = { clock, ...WINDOW, ...limits, directory, durability: 'process' as const };
  await initialiseNonceDirectory(options);
  const store = await openLmdbNonceStore(options);
  try {
    await claimInRounds(store, randomKeys(WARM_UP_CLAIMS));
    const keys = randomKeys(LMDB_CLAIMS);
    const cpu = process.cpuUsage();
    const startedAtMs = performance.now();
    await claimInRounds(store, keys);
    const wallMs = performance.now() - startedAtMs;
    const { user, system } = process.cpuUsage(cpu);
    return {
      claimsPerSecondLmdb: (LMDB_CLAIMS * 1000) / wallMs,
      cpuMicrosecondsPerClaimLmdb: (user + system) / LMDB_CLAIMS,
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function claimInRounds(store: NonceStore, keys: readonly Buffer[]): Promise<void> {
  for (let done = 0; done < keys.length; done += IN_FLIGHT) {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const round = keys
      .slice(done, done + IN_FLIGHT)
      .map(async (key) => store.claim(claimOf(key, nowSeconds)));
    for (const outcome of await Promise.all(round)) {
      if (outcome.kind !== 'claimed')
        throw new Error(`a fresh nonce was answered ${JSON.stringify(outcome)}`);
    }
  }
}

function randomKeys(count: number): Buffer[] {
  return Array.from({ length: count }, () => randomBytes(KEY_BYTES));
}

function claimOf(key: Buffer, timestampSeconds: number): NonceClaim {
  return { key, identity: 'bench', timestampSeconds, requestId: randomUUID(), ...WINDOW };
}

/** Milliseconds on the wall, or of the processor where they are fewer. */
function elapsedMs(action: () => unknown): number {
  const cpu = process.cpuUsage();
  const startedAtMs = performance.now();
  action();
  const wallMs = performance.now() - startedAtMs;
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(wallMs, (user + system) / 1000);
}

/** Of JavaScript's heap and beside it, garbage not counted. */
export function usedBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with node --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.table(await benchNonces());
}
