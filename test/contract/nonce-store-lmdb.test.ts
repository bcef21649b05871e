/** What the lmdb store promises beyond the contract: restarts, crashes, several processes, full disks. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  initialiseNonceDirectory,
  openLmdbNonceStore,
  type LmdbNonceStoreOptions,
} from '../../src/nonces/lmdb-store.js';
import type { NonceStore } from '../../src/nonces/nonce-store.js';
import { compileScript, runScript, type CompiledScript } from '../support/child-process.js';
import { fakeClock, numberedClaim, SKEW_SECONDS, START_SECONDS, type FakeClock } from './nonce-claims.js';
import type { NonceChildLine, NonceChildTask } from './nonce-store-child.js';
import { optionsWith } from './nonce-store-contract.js';

const CLAIMED = { kind: 'claimed' };
const BELOW_FLOOR = { kind: 'doubt', reason: 'below_floor' };
const RETENTION_SECONDS = SKEW_SECONDS + 1;

let directory: string;
let clock: FakeClock;
const opened: NonceStore[] = [];

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'countersign-lmdb-')), 'nonces');
  clock = fakeClock(START_SECONDS);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

function options(but: Partial<LmdbNonceStoreOptions> = {}): LmdbNonceStoreOptions {
  return { ...optionsWith(clock), directory, durability: 'process', ...but };
}
async function open(but: Partial<LmdbNonceStoreOptions> = {}): Promise<NonceStore> {
  const store = await openLmdbNonceStore(options(but));
  opened.push(store);
  return store;
}
/** A store of a directory that has never served, so that it need not wait for its floor. */
async function openNew(but: Partial<LmdbNonceStoreOptions> = {}): Promise<NonceStore> {
  await initialiseNonceDirectory(options(but));
  return open(but);
}
async function claimAll(store: NonceStore, count: number): Promise<void> {
  const claims = Array.from({ length: count }, async (_, at) => store.claim(numberedClaim(at)));
  expect((await Promise.all(claims)).every(({ kind }) => kind === 'claimed')).toBe(true);
}
function journalFile(): string {
  const name = readdirSync(directory).find((file) => file.endsWith('.mdb'));
  return join(directory, name ?? '');
}

describe.each(['process', 'machine'] as const)('a restart, durability %s', (durability) => {
  it('loses nothing: neither winners, counts nor withdrawals', async () => {
    const before = await openNew({ durability });
    await claimAll(before, 700);
    await before.withdraw(numberedClaim(7));
    await before.close();
    clock.advance(5);
    const after = await open({ durability, maxEntriesPerIdentity: 700 });
    expect(after.status()).toEqual({ entries: 699, maxEntries: 100_000, floorSeconds: 0 });
    expect(await after.claim(numberedClaim(1))).toEqual({
      kind: 'replayed',
      firstRequestId: numberedClaim(1).requestId,
      firstSeenAtMs: START_SECONDS * 1000,
    });
    expect(await after.claim(numberedClaim(7))).toEqual(CLAIMED);
    expect(await after.claim(numberedClaim(8_000))).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
  });

  it('forgets what expired in the meantime, and stays short', async () => {
    const before = await openNew({ durability });
    await claimAll(before, 10);
    await before.close();
    clock.advance(RETENTION_SECONDS);
    expect((await open({ durability })).status().entries).toBe(0);
  });

  it('of a store with a wider window refuses what the narrower one has forgotten', async () => {
    const narrow = await openNew({ durability });
    await claimAll(narrow, 1);
    clock.advance(100);
    const now = { timestampSeconds: START_SECONDS + 100 };
    expect(await narrow.claim(numberedClaim(50, now))).toEqual(CLAIMED);
    await narrow.close();
    const wide = await open({ durability, pastSkewSeconds: 3_600 });
    expect(await wide.claim(numberedClaim(0, { pastSkewSeconds: 3_600 }))).toEqual(BELOW_FLOOR);
  });
});

describe('a machine restart', () => {
  it('starts with the floor, as what the disk held may be torn, and removes the old journal', async () => {
    const before = await openNew({ bootId: 'aaaa' });
    await claimAll(before, 3);
    await before.close();
    utimesSync(journalFile(), START_SECONDS, START_SECONDS);
    const after = await open({ bootId: 'bbbb' });
    expect(after.status()).toMatchObject({ entries: 0, floorSeconds: START_SECONDS + SKEW_SECONDS });
    expect(await after.claim(numberedClaim(1))).toEqual(BELOW_FLOOR);
    expect(readdirSync(directory).filter((name) => name.endsWith('.mdb'))).toEqual(['nonces-boot-bbbb.mdb']);
  });

  it('covers the skew of before when it was wider', async () => {
    await (await openNew({ bootId: 'aaaa', futureSkewSeconds: 600 })).close();
    utimesSync(journalFile(), START_SECONDS, START_SECONDS);
    const after = await open({ bootId: 'bbbb' });
    expect(after.status().floorSeconds).toBe(START_SECONDS + 600);
  });

  it('covers the clock of before when it was ahead', async () => {
    await (await openNew({ bootId: 'aaaa' })).close();
    utimesSync(journalFile(), START_SECONDS + 5_000, START_SECONDS + 5_000);
    const after = await open({ bootId: 'bbbb' });
    expect(after.status().floorSeconds).toBe(START_SECONDS + 5_000 + SKEW_SECONDS);
  });

  it('never lowers a floor that an earlier one has raised', async () => {
    clock.advance(10_000);
    await (await open({ bootId: 'aaaa' })).close();
    utimesSync(journalFile(), START_SECONDS, START_SECONDS);
    clock = fakeClock(START_SECONDS);
    const after = await open({ bootId: 'bbbb' });
    expect(after.status().floorSeconds).toBe(START_SECONDS + 10_000 + SKEW_SECONDS);
  });

  it('changes nothing for a journal that waits for the disk', async () => {
    const before = await openNew({ durability: 'machine', bootId: 'aaaa' });
    await claimAll(before, 1);
    await before.close();
    const after = await open({ durability: 'machine', bootId: 'bbbb' });
    expect(await after.claim(numberedClaim(0))).toMatchObject({ kind: 'replayed' });
  });

  it('changing the durability is a start without state', async () => {
    await claimAll(await openNew(), 1);
    const after = await open({ durability: 'machine' });
    expect(await after.claim(numberedClaim(0))).toEqual(BELOW_FLOOR);
  });
});

describe('a directory that is called new', () => {
  it('is served at once', async () => {
    const store = await openNew();
    expect(store.status()).toEqual({ entries: 0, maxEntries: 100_000, floorSeconds: 0 });
  });

  it('has to be empty: a journal that was lost beside its markers still costs the floor', async () => {
    await (await openNew()).close();
    rmSync(journalFile());
    const store = await openNew();
    expect(await store.claim(numberedClaim(1))).toEqual(BELOW_FLOOR);
  });
});

describe('files', () => {
  it('are for us alone', async () => {
    await open();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) {
      expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it('that are removed under a running process end its service, and its successor starts with the floor', async () => {
    const store = await openNew();
    await claimAll(store, 1);
    rmSync(directory, { recursive: true });
    expect(await store.claim(numberedClaim(2))).toEqual({ kind: 'doubt', reason: 'store_unavailable' });
    expect(store.status().unhealthy).toMatch(/removed or replaced under this process; restart it/);
    expect(await (await open({ bootId: 'bbbb' })).claim(numberedClaim(1))).toEqual(BELOW_FLOOR);
  });

  it.each(['', '-lock'])('that are replaced under a running process end its service (%s)', async (suffix) => {
    const store = await openNew();
    const file = journalFile() + suffix;
    renameSync(file, `${file}.away`);
    writeFileSync(file, '');
    expect(await store.claim(numberedClaim(2))).toEqual({ kind: 'doubt', reason: 'store_unavailable' });
  });

  it.each([
    ['a file in the place of the directory', () => writeFileSync(directory, ''), /cannot be used/],
    [
      'a directory that others may write to',
      () => {
        mkdirSync(directory);
        chmodSync(directory, 0o777);
      },
      /others may write to .*run chmod 700/,
    ],
    [
      'a file that is no database',
      () => {
        mkdirSync(directory, { mode: 0o700 });
        writeFileSync(join(directory, 'nonces-boot-aaaa.mdb'), 'x'.repeat(65_536));
      },
      /cannot be opened .*stop every process that uses it and remove the directory/,
    ],
  ])('give an error that names path and remedy for %s', async (_, spoil, message) => {
    spoil();
    const attempt = open({ bootId: 'aaaa' });
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(directory);
  });
});

describe('bounds of the database', () => {
  it('refuses when the records are at their bound, and serves again when they have expired', async () => {
    const store = await openNew({ maxJournalBytes: 4_000 });
    const outcomes = [];
    for (let at = 0; at < 60; at += 1) outcomes.push(await store.claim(numberedClaim(at)));
    const refused = outcomes.filter(({ kind }) => kind === 'doubt');
    expect(refused.length).toBeGreaterThan(10);
    expect(new Set(refused.map((outcome) => JSON.stringify(outcome)))).toEqual(
      new Set(['{"kind":"doubt","reason":"store_full"}']),
    );
    clock.advance(3 * RETENTION_SECONDS);
    const timestampSeconds = START_SECONDS + 3 * RETENTION_SECONDS;
    await store.claim(numberedClaim(100, { timestampSeconds }));
    expect(await store.claim(numberedClaim(101, { timestampSeconds }))).toEqual(CLAIMED);
  });

  it('does not let the file grow with the traffic of many retentions', async () => {
    const store = await openNew();
    const sizes = [];
    for (let round = 0; round < 40; round += 1) {
      const timestampSeconds = Math.floor(clock.nowMs() / 1000);
      const claims = Array.from({ length: 400 }, async (_, at) =>
        store.claim(numberedClaim(round * 1_000 + at, { timestampSeconds })),
      );
      await Promise.all(claims);
      sizes.push(statSync(journalFile()).size);
      clock.advance(RETENTION_SECONDS);
    }
    expect(sizes.at(-1)).toBe(sizes[4]);
  });

  it('refuses on a full disk, keeps what it has, and serves again when there is room', async () => {
    mkdirSync(directory, { mode: 0o700 });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=0700', 'tmpfs', directory]);
    if (mounted.status !== 0) {
      console.warn('not run: a disk of our own to fill needs the right to mount a tmpfs');
      return;
    }
    try {
      await fillAndEmptyDisk();
    } finally {
      for (const store of opened.splice(0)) await store.close();
      spawnSync('umount', [directory]);
    }
  });

  async function fillAndEmptyDisk(): Promise<void> {
    const store = await open({ maxEntries: 1_000_000, maxEntriesPerIdentity: 1_000_000 });
    clock.advance(RETENTION_SECONDS);
    const timestampSeconds = START_SECONDS + RETENTION_SECONDS;
    const claim = async (at: number) =>
      store.claim(numberedClaim(at, { timestampSeconds, identity: 'x'.repeat(128) }));
    const some = async (first: number) =>
      Promise.all(Array.from({ length: 400 }, async (_, at) => claim(first + at)));
    expect(await claim(0)).toEqual(CLAIMED);
    const ballast = join(directory, 'ballast');
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

describe('several stores over one directory', () => {
  it('count and decide as one', async () => {
    const one = await openNew({ maxEntries: 3, maxEntriesPerIdentity: 2 });
    const other = await open({ maxEntries: 3, maxEntriesPerIdentity: 2 });
    await one.claim(numberedClaim(1));
    await other.claim(numberedClaim(2));
    expect(await one.claim(numberedClaim(3))).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
    await other.claim(numberedClaim(4, { identity: 'svc-other' }));
    expect(await one.claim(numberedClaim(5, { identity: 'svc-third' }))).toEqual({
      kind: 'doubt',
      reason: 'store_full',
    });
    await other.withdraw(numberedClaim(1));
    expect(await one.claim(numberedClaim(1))).toEqual(CLAIMED);
  });
});

describe('processes', () => {
  let script: CompiledScript;
  beforeAll(() => {
    script = compileScript('test/contract/nonce-store-child.ts');
  });
  afterAll(() => script.remove());

  function start(name: string, count: number, atOnce: number) {
    const task: NonceChildTask = { directory, name, count, atOnce, nowMs: clock.nowMs() };
    return runScript(script, task);
  }
  async function readAll(lines: AsyncIterable<string>): Promise<Map<number, string>> {
    const outcomes = new Map<number, string>();
    for await (const line of lines) {
      for (const [index, outcome] of JSON.parse(line) as NonceChildLine) outcomes.set(index, outcome);
    }
    return outcomes;
  }

  it('racing for 20,000 nonces win each once, and every loser learns whose it was', async () => {
    await initialiseNonceDirectory(options());
    const racers = ['one', 'two'].map((name) => start(name, 20_000, 32));
    const [one, two] = await Promise.all(racers.map(({ lines }) => readAll(lines)));
    for (let index = 0; index < 20_000; index += 1) {
      const outcomes = [one?.get(index), two?.get(index)];
      const fair = outcomes[0] === 'claimed' ? ['claimed', `one-${index}`] : [`two-${index}`, 'claimed'];
      if (outcomes.join() !== fair.join()) expect(outcomes).toEqual(fair);
    }
    const won = [one, two].map(
      (each) => [...(each ?? [])].filter(([, outcome]) => outcome === 'claimed').length,
    );
    expect((won[0] ?? 0) + (won[1] ?? 0)).toBe(20_000);
  }, 60_000);

  it('killed in the middle of their work have lost nothing that they answered', async () => {
    await initialiseNonceDirectory(options());
    const survivor = await open();
    for (let round = 0; round < 3; round += 1) {
      const child = start(`round-${round}`, 1_000_000, 16);
      let seen = 0;
      const outcomes = new Map<number, string>();
      for await (const line of child.lines) {
        for (const [index, outcome] of JSON.parse(line) as NonceChildLine) outcomes.set(index, outcome);
        if ((seen += 1) === 300) child.process.kill('SIGKILL');
      }
      expect(await child.ended).toBe('SIGKILL');
      expect(outcomes.size).toBeGreaterThanOrEqual(4_800);
      for (const store of [survivor, await open()]) {
        for (const index of outcomes.keys()) {
          const outcome = await store.claim(numberedClaim(index));
          if (outcome.kind !== 'replayed') expect([index, outcome.kind]).toEqual([index, 'replayed']);
        }
      }
    }
    expect(existsSync(directory)).toBe(true);
  }, 60_000);
});
