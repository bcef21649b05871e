/** What the lmdb store promises beyond the contract: restarts, of processes and of machines, and its files. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { NonceStore } from '../../src/nonces/nonce-store.js';
import { fakeClock, numberedClaim, SKEW_SECONDS, START_SECONDS } from './nonce-claims.js';
import { LmdbUnderTest } from './nonce-store-lmdb-harness.js';
import { RETENTION_SECONDS } from './nonce-store-harness.js';

const CLAIMED = { kind: 'claimed' };
const BELOW_FLOOR = { kind: 'doubt', reason: 'below_floor' };
const test = new LmdbUnderTest();

async function claimAll(store: NonceStore, count: number): Promise<void> {
  const claims = Array.from({ length: count }, async (_, at) => store.claim(numberedClaim(at)));
  expect((await Promise.all(claims)).every(({ kind }) => kind === 'claimed')).toBe(true);
}
describe.each(['process', 'machine'] as const)('a restart, durability %s', (durability) => {
  it('loses nothing: neither winners, counts nor withdrawals', async () => {
    const before = await test.openNew({ durability });
    await claimAll(before, 700);
    await before.withdraw(numberedClaim(7));
    await before.close();
    test.clock.advance(5);
    const after = await test.open({ durability, maxEntriesPerIdentity: 700 });
    expect(after.status()).toEqual({ entries: 699, maxEntries: 100_000, floorSeconds: 0, clockSteps: 0 });
    expect(await after.claim(numberedClaim(1))).toEqual({
      kind: 'replayed',
      firstRequestId: numberedClaim(1).requestId,
      firstSeenAtMs: START_SECONDS * 1000,
    });
    expect(await after.claim(numberedClaim(7))).toEqual(CLAIMED);
    expect(await after.claim(numberedClaim(8_000))).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
  });

  it('forgets what expired in the meantime, and stays short', async () => {
    const before = await test.openNew({ durability });
    await claimAll(before, 10);
    await before.close();
    test.clock.advance(RETENTION_SECONDS);
    expect((await test.open({ durability })).status().entries).toBe(0);
  });

  it('of a store with a wider window refuses what the narrower one has forgotten', async () => {
    const narrow = await test.openNew({ durability });
    await claimAll(narrow, 1);
    test.clock.advance(100);
    const now = { timestampSeconds: START_SECONDS + 100 };
    expect(await narrow.claim(numberedClaim(50, now))).toEqual(CLAIMED);
    await narrow.close();
    const wide = await test.open({ durability, pastSkewSeconds: 3_600 });
    expect(await wide.claim(numberedClaim(0, { pastSkewSeconds: 3_600 }))).toEqual(BELOW_FLOOR);
  });
});

// Fault: machine-restart
describe('a machine restart', () => {
  it('starts with the floor, as what the disk held may be torn, and removes the old journal', async () => {
    const before = await test.openNew({ bootId: 'aaaa' });
    await claimAll(before, 3);
    await before.close();
    utimesSync(test.journalFile(), START_SECONDS, START_SECONDS);
    const after = await test.open({ bootId: 'bbbb' });
    expect(after.status()).toMatchObject({ entries: 0, floorSeconds: START_SECONDS + SKEW_SECONDS });
    expect(await after.claim(numberedClaim(1))).toEqual(BELOW_FLOOR);
    expect(readdirSync(test.directory).filter((name) => name.endsWith('.mdb'))).toEqual([
      'nonces-boot-bbbb.mdb',
    ]);
  });

  it('covers the skew of before when it was wider', async () => {
    await (await test.openNew({ bootId: 'aaaa', futureSkewSeconds: 600 })).close();
    utimesSync(test.journalFile(), START_SECONDS, START_SECONDS);
    const after = await test.open({ bootId: 'bbbb' });
    expect(after.status().floorSeconds).toBe(START_SECONDS + 600);
  });

  it('covers the clock of before when it was ahead', async () => {
    await (await test.openNew({ bootId: 'aaaa' })).close();
    utimesSync(test.journalFile(), START_SECONDS + 5_000, START_SECONDS + 5_000);
    const after = await test.open({ bootId: 'bbbb' });
    expect(after.status().floorSeconds).toBe(START_SECONDS + 5_000 + SKEW_SECONDS);
  });

  it('never lowers a floor that an earlier one has raised', async () => {
    test.clock.advance(10_000);
    await (await test.open({ bootId: 'aaaa' })).close();
    utimesSync(test.journalFile(), START_SECONDS, START_SECONDS);
    test.clock = fakeClock(START_SECONDS);
    const after = await test.open({ bootId: 'bbbb' });
    expect(after.status().floorSeconds).toBe(START_SECONDS + 10_000 + SKEW_SECONDS);
  });

  it('changes nothing for a journal that waits for the disk', async () => {
    const before = await test.openNew({ durability: 'machine', bootId: 'aaaa' });
    await claimAll(before, 1);
    await before.close();
    const after = await test.open({ durability: 'machine', bootId: 'bbbb' });
    expect(await after.claim(numberedClaim(0))).toMatchObject({ kind: 'replayed' });
  });

  it('changing the durability is a start without state', async () => {
    await claimAll(await test.openNew(), 1);
    const after = await test.open({ durability: 'machine' });
    expect(await after.claim(numberedClaim(0))).toEqual(BELOW_FLOOR);
  });
});

describe('a directory that is called new', () => {
  it('is served at once', async () => {
    const store = await test.openNew();
    expect(store.status()).toEqual({ entries: 0, maxEntries: 100_000, floorSeconds: 0, clockSteps: 0 });
  });

  it('has to be empty: a journal that was lost beside its markers still costs the floor', async () => {
    await (await test.openNew()).close();
    rmSync(test.journalFile());
    const store = await test.openNew();
    expect(await store.claim(numberedClaim(1))).toEqual(BELOW_FLOOR);
  });
});

describe('files', () => {
  it('are for us alone', async () => {
    await test.open();
    expect(statSync(test.directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(test.directory)) {
      expect([name, statSync(join(test.directory, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  // Fault: store-lost
  it('that are removed under a running process end its service, and its successor starts with the floor', async () => {
    const store = await test.openNew();
    await claimAll(store, 1);
    rmSync(test.directory, { recursive: true });
    expect(await store.claim(numberedClaim(2))).toEqual({ kind: 'doubt', reason: 'store_unavailable' });
    expect(store.status().unhealthy).toMatch(/removed or replaced under this process; restart it/);
    expect(await (await test.open({ bootId: 'bbbb' })).claim(numberedClaim(1))).toEqual(BELOW_FLOOR);
  });

  // Fault: store-lost
  it.each(['', '-lock'])('that are replaced under a running process end its service (%s)', async (suffix) => {
    const store = await test.openNew();
    const file = test.journalFile() + suffix;
    renameSync(file, `${file}.away`);
    writeFileSync(file, '');
    expect(await store.claim(numberedClaim(2))).toEqual({ kind: 'doubt', reason: 'store_unavailable' });
  });

  it.each([
    ['a file in the place of the directory', () => writeFileSync(test.directory, ''), /cannot be used/],
    [
      'a directory that others may write to',
      () => {
        mkdirSync(test.directory);
        chmodSync(test.directory, 0o777);
      },
      /others may write to .*run chmod 700/,
    ],
    [
      'a file that is no database',
      () => {
        mkdirSync(test.directory, { mode: 0o700 });
        writeFileSync(join(test.directory, 'nonces-boot-aaaa.mdb'), 'x'.repeat(65_536));
      },
      /cannot be opened .*stop every process that uses it and remove the directory/,
    ],
  ])('give an error that names path and remedy for %s', async (_, spoil, message) => {
    spoil();
    const attempt = test.open({ bootId: 'aaaa' });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(test.directory);
  });
});
