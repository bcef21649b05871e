/** Directories that a log is not gone on with, and what several processes do to one. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logPaths } from '../../../../src/audit/log/directory.js';
import { prepareLog } from '../../../../src/audit/log/prepare.js';
import { Pruner } from '../../../../src/audit/log/prune.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import { generateKeyPair } from '../../../../src/crypto/private-key.js';
import {
  checkpointOf,
  line,
  LOG_KEY,
  newDirectory,
  ORIGIN,
  prepare,
  removeDirectory,
  sealAll,
  sealerIn,
  verifiedRecords,
} from '../../../support/audit-log/log-under-test.js';

let directory = '';
beforeEach(() => (directory = newDirectory()));
afterEach(() => removeDirectory(directory));

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => line(from + at)).join('');
const expected = (count: number) => lines(0, count).trimEnd().split('\n');

async function logOf(count: number) {
  await prepare(directory);
  const writer = openWriteAhead({ directory, durability: 'process' });
  writer.write(Buffer.from(lines(0, count)));
  await sealAll(directory);
  return writer;
}

describe('a directory', () => {
  it('is refused for another origin or key', async () => {
    await prepare(directory);
    await expect(prepareLog({ directory, origin: 'other.example/log', key: LOG_KEY })).rejects.toThrow(
      ORIGIN,
    );
    const key = generateKeyPair(Buffer.alloc(32, 8));
    await expect(prepareLog({ directory, origin: ORIGIN, key })).rejects.toThrow('holds the log');
  });

  it('keeps the instance in its origin that was made once', async () => {
    const origin = 'pods.example/{instance}/log';
    const { origin: made } = await prepareLog({ directory, origin, key: LOG_KEY });
    expect(made).toMatch(/^pods\.example\/[0-9a-f]{8}\/log$/);
    expect(await prepareLog({ directory, origin, key: LOG_KEY })).toMatchObject({ origin: made });
    await expect(prepareLog({ directory, origin: 'x{instance}', key: LOG_KEY })).rejects.toThrow(
      'holds the log',
    );
  });

  it.each([
    ['its state', '.sequencer/state.json', 'is missing'],
    ['a tile', 'tile/0/000.p/3', 'is missing'],
    ['a bundle', 'tile/entries/000.p/3', 'is missing'],
  ])('is refused without %s', async (_, name, message) => {
    (await logOf(3)).close();
    rmSync(join(directory, name));
    await expect(prepare(directory)).rejects.toThrow(message);
    expect(() => sealerIn(directory).seal()).toThrow(message);
  });

  it('is refused when its state is older than its checkpoint, as after half a restore', async () => {
    const writer = await logOf(3);
    const old = readFileSync(logPaths(directory).state);
    writer.write(Buffer.from(lines(3, 5)));
    await sealAll(directory);
    writeFileSync(logPaths(directory).state, old);
    await expect(prepare(directory)).rejects.toThrow('its checkpoint has 5 records');
    expect(() => sealerIn(directory).seal()).toThrow('its checkpoint has 5 records');
    writer.close();
  });

  it('that is gone stays gone: nothing is appended or sealed, and no new log made', async () => {
    const writer = await logOf(3);
    const sealer = sealerIn(directory);
    removeDirectory(directory);
    expect(() => writer.write(Buffer.from(line(3)))).toThrow('ENOENT');
    expect(() => sealer.seal()).toThrow('is missing');
    mkdirSync(directory);
    expect(() => writer.write(Buffer.from(line(3)))).toThrow('ENOENT');
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('several at one directory', () => {
  it('sequencers that seal in turns, each with its own memory, seal every record once', async () => {
    const writer = await logOf(1);
    const sealers = [sealerIn(directory), sealerIn(directory), sealerIn(directory)];
    for (let at = 1; at < 300; at++) {
      writer.write(Buffer.from(line(at)));
      sealers[at % 3]?.seal();
    }
    expect(await verifiedRecords(directory)).toEqual(expected(300));
    writer.close();
  });

  it('writers come in the order of their times, and each in its own', async () => {
    await prepare(directory);
    const writers = [0, 1, 2].map(() => openWriteAhead({ directory, durability: 'process' }));
    for (let at = 0; at < 300; at++) writers[(at * 7) % 3]?.write(Buffer.from(line(at)));
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(expected(300));
    // The clock is set back: nothing is left out, and each writer's own order stays.
    writers[0]?.write(Buffer.from(line(-5) + line(-9)));
    writers[1]?.write(Buffer.from(line(-7)));
    await sealAll(directory);
    const numbers = (await verifiedRecords(directory))
      .slice(300)
      .map((one) => (JSON.parse(one) as { n: number }).n);
    expect(numbers).toEqual([-7, -5, -9]);
    for (const writer of writers) writer.close();
  });

  it('files that are spent give way to others, and go when they are sealed', async () => {
    await prepare(directory);
    const writer = openWriteAhead({ directory, durability: 'process', maxFileBytes: 1_000 });
    for (let at = 0; at < 100; at++) writer.write(Buffer.from(line(at)));
    const files = () => readdirSync(logPaths(directory).sequencer).filter((name) => name.startsWith('wal-'));
    expect(files().length).toBeGreaterThan(5);
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(expected(100));
    expect(files()).toHaveLength(1);
    writer.close();
    await sealAll(directory);
    expect(files()).toEqual([]);
  });

  it('a file that was removed under its writer is written again', async () => {
    const writer = await logOf(1);
    for (const name of readdirSync(logPaths(directory).sequencer))
      if (name.startsWith('wal-')) rmSync(join(logPaths(directory).sequencer, name));
    writer.write(Buffer.from(line(1)));
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(expected(2));
    writer.close();
  });
});

describe('pruning', () => {
  it('removes whole bundles below what others hold, records it, and the rest still verifies', async () => {
    (await logOf(1_500)).close();
    const nowMs = () => 1_790_000_000_000 + 1_100 + 86_400_000;
    const pruner = (heldSize: number) => new Pruner({ retentionDays: 1, nowMs, heldSize: () => heldSize });
    await sealAll(directory, { nowMs, pruner: pruner(600) });
    expect(readdirSync(join(directory, 'tile/entries')).sort()).toEqual(['002', '003', '004', '005.p']);
    await sealAll(directory, { nowMs, pruner: pruner(Infinity) });
    expect(readdirSync(join(directory, 'tile/entries')).sort()).toEqual(['004', '005.p']);
    expect(readdirSync(join(directory, 'tile/0')).sort()).toEqual(['004', '005.p']);
    const records = await verifiedRecords(directory, 1_024);
    expect(records.slice(-2).map((one) => JSON.parse(one) as unknown)).toMatchObject([
      { event: 'audit.pruned', minimum_index: 512, retention_days: 1 },
      { event: 'audit.pruned', minimum_index: 1_024, retention_days: 1 },
    ]);
    await prepare(directory);
    expect(checkpointOf(directory).size).toBe(1_502);
  });
});

// Fault: audit-disk-full
describe('a full disk', () => {
  it('takes no record and no seal, tears nothing, and goes on when there is room', async () => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', directory]);
    if (mounted.status !== 0) {
      console.warn('not run: a disk of our own to fill needs the right to mount a tmpfs');
      return;
    }
    try {
      const writer = await logOf(10);
      const sealer = sealerIn(directory);
      let count = 10;
      writeFileSync(join(directory, 'ballast'), Buffer.alloc(3_400_000));
      for (let isFull = false; !isFull && count < 100_000;)
        try {
          writer.write(Buffer.from(lines(count, count + 20)));
          count += 20;
        } catch {
          isFull = true;
        }
      expect(count).toBeLessThan(100_000);
      expect(() => sealer.seal()).toThrow();
      rmSync(join(directory, 'ballast'));
      writer.write(Buffer.from(line(count)));
      while (sealer.seal().hasMore);
      expect(await verifiedRecords(directory)).toEqual(expected(count + 1));
      writer.close();
    } finally {
      spawnSync('umount', ['-l', directory]);
    }
  });
});

it('a copy of a log is gone on with where it lies', async () => {
  (await logOf(5)).close();
  const copy = newDirectory();
  cpSync(directory, copy, { recursive: true });
  await prepare(copy);
  removeDirectory(copy);
});
