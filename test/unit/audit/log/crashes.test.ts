/** A sequencer that is killed between any two of its steps, and a machine that then loses power. */
import { cpSync, mkdirSync } from 'node:fs';
import { logPaths } from '../../../../src/audit/log/directory.js';
import { prepareLocked } from '../../../../src/audit/log/prepare.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import type { Checkpoint } from '../../../../src/tlog/checkpoint.js';
import { Killed, KilledFileSystem, PowerLoss } from '../../../support/audit-log/faulty-file-system.js';
import {
  checkpointOf,
  extendsCheckpoint,
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

/** A log of 250 sealed records, with 20 more that are not. */
async function begin(directory: string) {
  await prepare(directory);
  const writer = openWriteAhead({ directory, durability: 'process' });
  const append = (from: number, to: number): void => {
    const lines = Array.from({ length: to - from }, (_, at) => line(from + at));
    writer.write(Buffer.from(lines.join('')));
  };
  append(0, 250);
  await sealAll(directory);
  append(250, 270);
  return { append, writer };
}

const expected = (count: number) => Array.from({ length: count }, (_, at) => line(at).slice(0, -1));

/** Kills a seal after `steps`. True when it came to its end before. */
function sealKilled(directory: string, steps: number, power?: PowerLoss): boolean {
  const killed = new KilledFileSystem(steps, power?.fs);
  try {
    sealerIn(directory, { fs: killed.fs }).seal();
    return true;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return false;
  } finally {
    power?.lose();
  }
}

// Fault: audit-sequencer-killed
describe.each([
  ['killed', false],
  ['killed, and the power lost', true],
])('a seal that is %s after any step', (_, isPowerLost) => {
  let template = '';
  let directory = '';
  let log: Awaited<ReturnType<typeof begin>>;
  beforeAll(async () => {
    template = newDirectory();
    log = await begin(template);
    log.writer.close();
  });
  beforeEach(() => (directory = newDirectory()));
  afterEach(() => removeDirectory(directory));
  afterAll(() => removeDirectory(template));

  it('is gone on with: all records once, in their order, and every checkpoint seen extends those before', async () => {
    let isDone = false;
    let steps = 0;
    for (; !isDone; steps++) {
      removeDirectory(directory);
      cpSync(template, directory, { recursive: true });
      const seen: Checkpoint[] = [checkpointOf(directory)];
      isDone = sealKilled(directory, steps, isPowerLost ? new PowerLoss() : undefined);
      seen.push(checkpointOf(directory));
      // What is sealed next is not what was to be sealed, so a tile that was left behind would be another one's.
      const writer = openWriteAhead({ directory, durability: 'process' });
      writer.write(Buffer.from(line(-1) + line(-2)));
      await sealAll(directory);
      seen.push(checkpointOf(directory));
      for (const checkpoint of seen) expect(await extendsCheckpoint(directory, checkpoint)).toBe(true);
      const records = await verifiedRecords(directory);
      expect(records).toHaveLength(272);
      expect(new Set(records)).toEqual(
        new Set([...expected(270), line(-1).slice(0, -1), line(-2).slice(0, -1)]),
      );
      writer.close();
    }
    expect(steps).toBeGreaterThan(20);
  });

  it('is gone on with after the next one was killed as well', async () => {
    for (let steps = 0; steps < 60; steps++) {
      removeDirectory(directory);
      cpSync(template, directory, { recursive: true });
      const power = isPowerLost ? new PowerLoss() : undefined;
      sealKilled(directory, 12 + (steps % 20), power);
      const between = checkpointOf(directory);
      sealKilled(directory, steps, power);
      const later = checkpointOf(directory);
      await sealAll(directory);
      expect(await extendsCheckpoint(directory, between)).toBe(true);
      expect(await extendsCheckpoint(directory, later)).toBe(true);
      expect(await verifiedRecords(directory)).toEqual(expected(270));
    }
  });
});

describe('the making of a log that is killed after any step', () => {
  it('is gone on with', async () => {
    for (let steps = 0, isDone = false; !isDone; steps++) {
      const directory = newDirectory();
      const { fs } = new KilledFileSystem(steps);
      const paths = logPaths(directory);
      mkdirSync(paths.sequencer);
      try {
        prepareLocked({ directory, origin: ORIGIN, key: LOG_KEY }, paths, fs);
        isDone = true;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      await prepare(directory);
      expect(checkpointOf(directory).size).toBe(0);
      removeDirectory(directory);
    }
  });
});
