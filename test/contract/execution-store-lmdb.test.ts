/** What the lmdb store of executions promises beyond the contract: several processes, `kill -9`, its files. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionStore } from '../../src/executions/execution-store.js';
import { openLmdbExecutionStore, type LmdbExecutionStoreOptions } from '../../src/executions/lmdb-store.js';
import { openLmdbNonceStore } from '../../src/nonces/lmdb/store.js';
import {
  compileScript,
  runScript,
  type CompiledScript,
  type RunningScript,
} from '../support/child-process.js';
import type { ExecutionChildTask } from './execution-store-child.js';
import { knownOf, rememberEach } from './execution-store-contract.js';
import { numberedPair, OTHER_TENANT, ROOMY, START_MS } from './execution-pairs.js';
import { fakeClock, START_SECONDS } from './nonce-claims.js';
import { optionsWith } from './nonce-store-harness.js';

let directory: string;
const opened: ExecutionStore[] = [];

function open(but: Partial<LmdbExecutionStoreOptions> = {}): ExecutionStore {
  const store = openLmdbExecutionStore({ ...ROOMY, directory, durability: 'process', ...but });
  opened.push(store);
  return store;
}

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'countersign-executions-')), 'nonces');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

describe('a restart', () => {
  it('finds what was kept', async () => {
    const first = open();
    await rememberEach(first, [numberedPair(0), numberedPair(1)]);
    await first.close();
    expect(await knownOf(open(), 3)).toEqual([0, 1]);
  });

  it('with narrower bounds comes to keep them', async () => {
    const first = open();
    await rememberEach(
      first,
      Array.from({ length: 60 }, (_, number) => numberedPair(number)),
    );
    await first.close();
    const second = open({ maxPerTenant: 3, maxInAll: 3 });
    for (let number = 60; number < 85; number += 1)
      await second.remember(numberedPair(number), START_MS + number);
    expect(await knownOf(second, 85)).toEqual([82, 83, 84]);
  });

  it('of the machine forgets the pairs that nobody waited to see on the disk', async () => {
    const store = open({ bootId: 'aaaa' });
    await store.remember(numberedPair(0), START_MS);
    await store.close();
    expect(await knownOf(open({ bootId: 'bbbb' }), 1)).toEqual([]);
    for (const name of readdirSync(directory)) expect(name).toMatch(/^executions-boot-bbbb\.mdb/);
  });

  it('of the machine finds what was kept for it', async () => {
    const store = open({ durability: 'machine' });
    await store.remember(numberedPair(0), START_MS);
    await store.close();
    expect(await knownOf(open({ durability: 'machine', bootId: 'bbbb' }), 1)).toEqual([0]);
  });

  it('of the nonce store in the same directory, on another machine start, leaves the pairs alone', async () => {
    const store = open();
    await store.remember(numberedPair(0), START_MS);
    for (const bootId of ['aaaa', 'bbbb']) {
      const options = { ...optionsWith(fakeClock(START_SECONDS)), directory, durability: 'process' as const };
      await (await openLmdbNonceStore({ ...options, bootId })).close();
    }
    expect(readdirSync(directory)).toContain('nonces-boot-bbbb.mdb');
    expect(await knownOf(open(), 1)).toEqual([0]);
  });
});

describe('several stores over one directory', () => {
  it('know at once what the other one was told, in whatever turn of the loop', async () => {
    const [one, other] = [open(), open()];
    for (let number = 0; number < 50; number += 1) {
      expect(other.has(numberedPair(number), START_MS)).toBe(false);
      await one.remember(numberedPair(number), START_MS);
      expect(other.has(numberedPair(number), START_MS)).toBe(true);
    }
  });

  it('count as one', async () => {
    const [one, other] = [open({ maxPerTenant: 3, maxInAll: 4 }), open({ maxPerTenant: 3, maxInAll: 4 })];
    for (let number = 0; number < 6; number += 1) {
      await (number % 2 === 0 ? one : other).remember(numberedPair(number), START_MS + number);
    }
    await other.remember(numberedPair(0, OTHER_TENANT), START_MS + 6);
    await one.remember(numberedPair(1, OTHER_TENANT), START_MS + 7);
    expect(await knownOf(one, 6)).toEqual([4, 5]);
    expect(await knownOf(one, 2, OTHER_TENANT)).toEqual([0, 1]);
  });
});

describe('processes', () => {
  let script: CompiledScript;
  beforeAll(() => {
    script = compileScript('test/contract/execution-store-child.ts');
  });
  afterAll(() => script.remove());

  function start(first: number, count: number, atOnce: number): RunningScript {
    const task: ExecutionChildTask = { directory, first, count, atOnce };
    return runScript(script, task);
  }
  async function keptBy(running: RunningScript, onLine: () => void = () => undefined): Promise<number[]> {
    const kept: number[] = [];
    for await (const line of running.lines) {
      kept.push(...(JSON.parse(line) as number[]));
      onLine();
    }
    return kept;
  }

  it('that write at the same time lose nothing of each other', async () => {
    const kept = await Promise.all([start(0, 2_000, 32), start(2_000, 2_000, 16)].map((one) => keptBy(one)));
    expect(kept.flat()).toHaveLength(4_000);
    expect(await knownOf(open(), 4_000)).toHaveLength(4_000);
  }, 120_000);

  it('killed in the middle of their work have lost nothing that they answered', async () => {
    const survivor = open();
    for (let round = 0; round < 3; round += 1) {
      const child = start(round * 1_000_000, 1_000_000, 16);
      let lines = 0;
      const kept = await keptBy(child, () => {
        if ((lines += 1) === 40) child.process.kill('SIGKILL');
      });
      expect(await child.ended).toBe('SIGKILL');
      expect(kept.length).toBeGreaterThanOrEqual(640);
      for (const store of [survivor, open()]) {
        expect(kept.filter((number) => !store.has(numberedPair(number), START_MS))).toEqual([]);
      }
    }
  }, 120_000);
});

describe('the file', () => {
  const file = (): string =>
    join(directory, readdirSync(directory).find((name) => name.endsWith('.mdb')) ?? '');

  it('is readable by its owner alone', () => {
    open();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const modes = [file(), `${file()}-lock`].map((name) => statSync(name).mode & 0o777);
    expect(modes).toEqual([0o600, 0o600]);
  });

  it('does not grow with pairs that come and go', async () => {
    const store = open({ maxPerTenant: 200 });
    const sizes: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const pairs = Array.from({ length: 400 }, (_, at) => numberedPair(round * 1_000 + at));
      await Promise.all(pairs.map((pair, at) => store.remember(pair, START_MS + round * 1_000 + at)));
      sizes.push(statSync(file()).size);
    }
    expect(sizes.at(-1)).toBe(sizes[3]);
  });

  it('that is no database gives an error that names path and remedy', () => {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'executions-boot-aaaa.mdb'), 'x'.repeat(65_536));
    expect(() => open({ bootId: 'aaaa' })).toThrow(
      /aaaa\.mdb cannot be opened \(this is no LMDB database\).*remove it/,
    );
  });

  it('in a directory that others may write to is not used', () => {
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    expect(() => open()).toThrow(/others may write to .*run chmod 700/);
  });

  it('on a full disk takes nothing more, keeps what it has, and takes again when there is room', async () => {
    mkdirSync(directory, { mode: 0o700 });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', directory]);
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
    const store = open({ maxPerTenant: 1_000_000, maxInAll: 1_000_000 });
    await store.remember(numberedPair(0), START_MS);
    const ballast = join(directory, 'ballast');
    spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k'], { stdio: 'ignore' });
    let kept = 1;
    await expect(
      (async () => {
        for (; kept < 100_000; kept += 1) await store.remember(numberedPair(kept), START_MS + kept);
      })(),
    ).rejects.toThrow(/the disk under .*\.mdb is full/);
    rmSync(ballast);
    await store.remember(numberedPair(kept), START_MS + kept);
    expect(await knownOf(store, kept + 1)).toHaveLength(kept + 1);
  }
});
