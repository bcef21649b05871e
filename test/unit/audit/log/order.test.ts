/** The order of the log where more is waiting than one seal takes, as after an outage: every owner's own, and that of the times. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logPaths, writeAheadName } from '../../../../src/audit/log/directory.js';
import { nodeFileSystem } from '../../../../src/audit/log/file-system.js';
import { frameHead } from '../../../../src/audit/log/frames.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import {
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

const numbers = async (): Promise<number[]> =>
  (await verifiedRecords(directory)).map((record) => (JSON.parse(record) as { n: number }).n);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** As a process of an earlier boot has left it, a frame for every so many records. */
function leave(owner: number, file: number, records: readonly number[], padding: number): void {
  const head = Buffer.from('{"boot":"an earlier one","namespace":"","pid":1,"started":"1"}');
  const frames = [frameHead('H', head), head];
  for (let at = 0; at < records.length; at += 20) {
    const payload = Buffer.from(
      records
        .slice(at, at + 20)
        .map((number) => line(number, padding))
        .join(''),
    );
    frames.push(frameHead('R', payload), payload);
  }
  const name = writeAheadName(owner.toString(16).padStart(16, '0'), file);
  writeFileSync(join(logPaths(directory).sequencer, name), Buffer.concat(frames));
}

test('one owner has many files', async () => {
  const writer = openWriteAhead({ directory, durability: 'process', maxFileBytes: 1_000_000 });
  const count = 6_000;
  for (let at = 0; at < count; at += 10)
    writer.write(
      Buffer.from(
        upTo(10)
          .map((step) => line(at + step, 2_000))
          .join(''),
      ),
    );
  writer.close();
  let seals = 0;
  const sealer = sealerIn(directory);
  for (let hasMore = true; hasMore; seals++) ({ hasMore } = sealer.seal());
  expect(seals).toBeGreaterThan(2);
  expect(await numbers()).toEqual(upTo(count));
});

test('owners wrote at the same time, one of them ten times as much', async () => {
  const count = 6_000;
  const isOfFirst = (at: number): boolean => at % 11 !== 0;
  leave(1, 1, upTo(count).filter(isOfFirst).slice(0, 3_000), 2_000);
  leave(1, 2, upTo(count).filter(isOfFirst).slice(3_000), 2_000);
  leave(
    2,
    1,
    upTo(count).filter((at) => !isOfFirst(at)),
    2_000,
  );
  await sealAll(directory);
  const sealed = await numbers();
  expect([...sealed].sort((a, b) => a - b)).toEqual(upTo(count));
  // Frames are taken whole, and the one that began in time may go on beyond it.
  sealed.forEach((number, at) => expect(Math.abs(number - at)).toBeLessThan(20 * 11));
});

test('the clock of one was set back: its records are taken as it wrote them, and nothing waits for ever', async () => {
  leave(
    1,
    1,
    [...upTo(2_000), ...upTo(2_000)].map((at) => 5_000 - at),
    2_000,
  );
  leave(2, 1, upTo(2_000), 2_000);
  await sealAll(directory);
  expect(await numbers()).toHaveLength(6_000);
});

test('a file that has become shorter since it was looked at is read next time', async () => {
  const writer = openWriteAhead({ directory, durability: 'process' });
  writer.write(Buffer.from(line(0)));
  await sealAll(directory);
  writer.write(Buffer.from(line(1)));
  const taken = { isBack: true };
  const fs = {
    ...nodeFileSystem,
    readAt: (path: string, offset: number, bytes: number) =>
      nodeFileSystem.readAt(path, offset, taken.isBack && offset > 0 ? bytes - 5 : bytes),
  };
  const sealer = sealerIn(directory, { fs });
  expect(sealer.seal()).toMatchObject({ committed: { size: 1 }, hasMore: false });
  taken.isBack = false;
  expect(sealer.seal()).toMatchObject({ committed: { size: 2 }, losses: 0 });
  writer.close();
});

test('a hundred owners have left a record each: all of them in one seal', async () => {
  for (let owner = 0; owner < 100; owner++) leave(owner, 1, [99 - owner], 0);
  await sealAll(directory);
  expect(await numbers()).toEqual(upTo(100));
});

test('more owners than there are bytes for have left records, each larger than its share', async () => {
  const owners = 1_200;
  for (let owner = 0; owner < owners; owner++) leave(owner, 1, [owner], 5_000);
  const sealer = sealerIn(directory);
  let seals = 0;
  for (let hasMore = true; hasMore && seals < 10; seals++) ({ hasMore } = sealer.seal());
  expect(seals).toBeLessThan(10);
  expect(await numbers()).toEqual(upTo(owners));
});

test('a large file that was damaged anywhere is read on behind the damage, in windows', async () => {
  const name = writeAheadName('00000000000000aa', 1);
  leave(0xaa, 1, upTo(100), 60_000);
  const path = join(logPaths(directory).sequencer, name);
  const bytes = nodeFileSystem.read(path) ?? Buffer.alloc(0);
  const noise = Buffer.from('R 00000010 00000000\nno frame at all\n'.repeat(600_000));
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 3_000_000), noise, bytes]));
  let most = 0;
  const fs = {
    ...nodeFileSystem,
    readAt: (at: string, offset: number, wanted: number) => {
      most = Math.max(most, wanted);
      return nodeFileSystem.readAt(at, offset, wanted);
    },
  };
  await sealAll(directory, { fs });
  expect(most).toBeLessThanOrEqual(16 * 1_048_576);
  const records = (await verifiedRecords(directory)).map((one) => JSON.parse(one) as { n?: number });
  expect(
    records
      .filter(({ n }) => n !== undefined)
      .slice(-100)
      .map(({ n }) => n),
  ).toEqual(upTo(100));
});
