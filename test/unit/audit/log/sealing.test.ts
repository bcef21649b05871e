/** Records that were appended are sealed into a log that others can verify. */
import { readdirSync } from 'node:fs';
import { nodeFileSystem, type LogFileSystem } from '../../../../src/audit/log/file-system.js';
import { readRecords } from '../../../../src/audit/read/follow-log.js';
import { logMoment } from '../../../../src/audit/read/unsealed.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import { logPaths } from '../../../../src/audit/log/directory.js';
import {
  checkpointOf,
  extendsCheckpoint,
  line,
  newDirectory,
  prepare,
  removeDirectory,
  sealAll,
  sealerIn,
  verifiedRecords,
} from '../../../support/audit-log/log-under-test.js';

let directory = '';
beforeEach(async () => {
  directory = newDirectory();
  await prepare(directory);
});
afterEach(() => removeDirectory(directory));

const lines = (count: number, first = 0) => Array.from({ length: count }, (_, at) => line(first + at));
const trimmed = (all: readonly string[]) => all.map((one) => one.slice(0, -1));
const writeAheadFiles = () =>
  readdirSync(logPaths(directory).sequencer).filter((name) => name.startsWith('wal-'));

describe('sealing', () => {
  it('begins with a signed checkpoint of nothing', async () => {
    expect(checkpointOf(directory).size).toBe(0);
    expect(await verifiedRecords(directory)).toEqual([]);
  });

  it.each([1, 2, 255, 256, 257, 1_000])('puts %d records into tiles, in their order', async (count) => {
    const writer = openWriteAhead({ directory, durability: 'process' });
    writer.write(Buffer.from(lines(count).join('')));
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(trimmed(lines(count)));
    writer.close();
  });

  it('grows by steps of every size, and every checkpoint extends the one before', async () => {
    const writer = openWriteAhead({ directory, durability: 'process' });
    let size = 0;
    for (const step of [1, 1, 3, 100, 150, 1, 1, 256, 700, 5, 65]) {
      const before = checkpointOf(directory);
      writer.write(Buffer.from(lines(step, size).join('')));
      await sealAll(directory);
      size += step;
      expect(await extendsCheckpoint(directory, before)).toBe(true);
    }
    expect(await verifiedRecords(directory)).toEqual(trimmed(lines(size)));
    writer.close();
    await sealAll(directory);
    expect(writeAheadFiles()).toEqual([]);
  });

  it('keeps no partial tile that a full one has replaced', async () => {
    const writer = openWriteAhead({ directory, durability: 'process' });
    for (const [from, count] of [
      [0, 100],
      [100, 100],
      [200, 100],
    ] as const) {
      writer.write(Buffer.from(lines(count, from).join('')));
      await sealAll(directory);
    }
    expect(readdirSync(`${directory}/tile/0`).sort()).toEqual(['000', '001.p']);
    expect(readdirSync(`${directory}/tile/entries`).sort()).toEqual(['000', '001.p']);
    writer.close();
  });
});

describe('a reader between any two steps of a seal', () => {
  /** Everything that a reader finds, sealed or not. */
  const found = (): string[] => {
    const { sealed, unsealed } = logMoment(directory);
    const runs = sealed === undefined ? [] : [...readRecords(sealed, 0, sealed.size)];
    return [...runs.flatMap(({ records = [] }) => records.map(String)), ...unsealed];
  };

  it('finds each record once, in its order', () => {
    const written: string[] = [];
    let steps = 0;
    const look = (): void => {
      expect(found()).toEqual(trimmed(written));
      steps += 1;
    };
    const watched = new Proxy(nodeFileSystem, {
      get:
        (fs, name: keyof LogFileSystem) =>
        (...all: unknown[]): unknown => {
          look();
          const every = fs as unknown as Readonly<Record<string, (...given: unknown[]) => unknown>>;
          const result = every[name]?.(...all);
          look();
          return result;
        },
    });
    const sealer = sealerIn(directory, { fs: watched });
    for (const count of [3, 250, 10, 1]) {
      const writer = openWriteAhead({ directory, durability: 'process' });
      const more = lines(count, written.length);
      writer.write(Buffer.from(more.join('')));
      written.push(...more);
      // Then its file is over, and the seal removes it.
      writer.close();
      sealer.seal();
    }
    expect(writeAheadFiles()).toEqual([]);
    expect(steps).toBeGreaterThan(80);
  });
});
