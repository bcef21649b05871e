/** A log's directory that is taken from under its sequencers: moved, copied, or put back from a backup. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cpSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { logPaths } from '../../../../src/audit/log/directory.js';
import { openLogLock } from '../../../../src/audit/log/log-lock.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import {
  checkpointOf,
  extendsCheckpoint,
  line,
  newDirectory,
  prepare,
  removeDirectory,
  sealAll,
  sealerIn,
} from '../../../support/audit-log/log-under-test.js';
import { until } from '../../../support/until.js';

let place = '';
let directory = '';
beforeEach(async () => {
  place = newDirectory();
  directory = join(place, 'log');
  await prepare(directory);
});
afterEach(() => removeDirectory(place));

const elsewhere = (): string => join(place, 'elsewhere');

/** Gives the log as it was with three records, in `elsewhere`, and a sealer that has sealed five. */
async function restored(): Promise<ReturnType<typeof sealerIn>> {
  const writer = openWriteAhead({ directory, durability: 'process' });
  const sealer = sealerIn(directory);
  writer.write(Buffer.from(line(0) + line(1) + line(2)));
  sealer.seal();
  cpSync(directory, elsewhere(), { recursive: true });
  writer.write(Buffer.from(line(3) + line(4)));
  sealer.seal();
  writer.close();
  await sealAll(directory);
  return sealer;
}

test('an older one put in its place is not gone on with by the sequencer that has signed more', async () => {
  const sealer = await restored();
  const before = checkpointOf(directory);
  renameSync(directory, join(place, 'newer'));
  renameSync(elsewhere(), directory);
  const writer = openWriteAhead({ directory, durability: 'process' });
  writer.write(Buffer.from(line(8) + line(9)));
  for (let again = 0; again < 2; again++)
    expect(() => sealer.seal()).toThrow('its state has 3 records, and it had signed 5 before');
  expect(checkpointOf(directory).size).toBe(3);
  removeDirectory(directory);
  renameSync(join(place, 'newer'), directory);
  expect(sealer.seal().committed.size).toBe(5);
  expect(await extendsCheckpoint(directory, before)).toBe(true);
  writer.close();
});

test('the lock that is held is the one in its place, and not the one that was moved away', async () => {
  const { lock: path } = logPaths(directory);
  const lock = openLogLock(path);
  expect(lock.hold(isMapped)).toBe(true);
  renameSync(directory, elsewhere());
  expect(() => lock.hold(isMapped)).toThrow('was moved or replaced');
  await until('the old one is closed', () => said(() => lock.hold(isMapped)).includes('ENOENT'));
  cpSync(elsewhere(), directory, { recursive: true });
  expect(lock.hold(isMapped)).toBe(true);
  rmSync(`${path}-lock`);
  expect(() => lock.hold(isMapped)).toThrow('was moved or replaced');
  await until('the new one is open', () => said(() => lock.hold(isMapped)) === 'true');
  await lock.close();
});

function said(action: () => unknown): string {
  try {
    return String(action());
  } catch (error) {
    return (error as Error).message;
  }
}

/** The file with LMDB's mutex; the kernel tells by which name it can be found now. */
function isMapped(): boolean {
  const name = `${logPaths(directory).lock}-lock`;
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .some((line) => line.endsWith(` ${name}`));
}
