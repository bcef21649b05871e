/** What the lmdb store does when there is no room. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { numberedClaim, START_SECONDS } from './nonce-claims.js';
import { RETENTION_SECONDS } from './nonce-store-harness.js';
import { LmdbUnderTest } from './nonce-store-lmdb-harness.js';

const CLAIMED = { kind: 'claimed' };
const test = new LmdbUnderTest();

describe('bounds of the database', () => {
  // Fault: store-full
  it('refuses when the records are at their bound, and serves again when they have expired', async () => {
    const store = await test.openNew({ maxJournalBytes: 4_000 });
    const outcomes = [];
    for (let at = 0; at < 60; at += 1) outcomes.push(await store.claim(numberedClaim(at)));
    const refused = outcomes.filter(({ kind }) => kind === 'doubt');
    expect(refused.length).toBeGreaterThan(10);
    expect(new Set(refused.map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set(['{"kind":"doubt","reason":"store_full"}']),
    );
    test.clock.advance(3 * RETENTION_SECONDS);
    const timestampSeconds = START_SECONDS + 3 * RETENTION_SECONDS;
    await store.claim(numberedClaim(100, { timestampSeconds }));
    expect(await store.claim(numberedClaim(101, { timestampSeconds }))).toEqual(CLAIMED);
  });

  it('does not let the file grow with the traffic of many retentions', async () => {
    const store = await test.openNew();
    const sizes = [];
    for (let round = 0; round < 40; round += 1) {
      const timestampSeconds = Math.floor(test.clock.nowMs() / 1000);
      const claims = Array.from({ length: 400 }, async (_, at) =>
        store.claim(numberedClaim(round * 1_000 + at, { timestampSeconds })),
      );
      await Promise.all(claims);
      sizes.push(statSync(test.journalFile()).size);
      test.clock.advance(RETENTION_SECONDS);
    }
    expect(sizes.at(-1)).toBe(sizes[4]);
  });

  // Fault: store-disk-full
  it('refuses on a full disk, keeps what it has, and serves again when there is room', async () => {
    mkdirSync(test.directory, { mode: 0o700 });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=0700', 'tmpfs', test.directory]);
    if (mounted.status !== 0) {
      console.warn('not run: a disk of our own to fill needs the right to mount a tmpfs');
      return;
    }
    try {
      await fillAndEmptyDisk();
    } finally {
      await test.closeAll();
      spawnSync('umount', [test.directory]);
    }
  });

  async function fillAndEmptyDisk(): Promise<void> {
    const store = await test.open({ maxEntries: 1_000_000, maxEntriesPerIdentity: 1_000_000 });
    test.clock.advance(RETENTION_SECONDS);
    const timestampSeconds = START_SECONDS + RETENTION_SECONDS;
    const claim = async (at: number) =>
      store.claim(numberedClaim(at, { timestampSeconds, identity: 'x'.repeat(128) }));
    const some = async (first: number) =>
      Promise.all(Array.from({ length: 400 }, async (_, at) => claim(first + at)));
    expect(await claim(0)).toEqual(CLAIMED);
    const ballast = join(test.directory, 'ballast');
    spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k'], { stdio: 'ignore' });
    let first = 1;
    let last = await some(first);
    while (last.every(({ kind }) => kind === 'claimed') && first < 200_000) last = await some((first += 400));
    expect(last.at(-1)).toEqual({ kind: 'doubt', reason: 'store_full' });
    expect(store.status().unhealthy).toBe('the disk under the database is full');
    rmSync(ballast);
    expect(await claim(500_000)).toEqual(CLAIMED);
    expect(await claim(0)).toMatchObject({ kind: 'replayed' });
    expect(store.status().unhealthy).toBeUndefined();
  }
});
