/** Logs that our sequencer writes, verified by our own command's code and by other people's, also while they are written and pruned. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogDirectory } from '../../../src/audit/read/log-directory.js';
import { verifyLog, type LogVerdict } from '../../../src/audit/read/verify-log.js';
import { Pruner } from '../../../src/audit/log/prune.js';
import { openWriteAhead } from '../../../src/audit/log/write-ahead.js';
import { parseVerifierKey, verifierKeyText } from '../../../src/tlog/note.js';
import {
  checkpointOf,
  line,
  LOG_KEY,
  newDirectory,
  ORIGIN,
  prepare,
  removeDirectory,
  sealAll,
} from '../../support/audit-log/log-under-test.js';
import { oracle } from '../../support/log-oracle.js';

const KEY = verifierKeyText(ORIGIN, LOG_KEY.publicKey.raw);
let directory = '';
beforeEach(async () => {
  directory = newDirectory();
  await prepare(directory);
});
afterEach(() => removeDirectory(directory));

function verify(kept: readonly string[] = []): Promise<LogVerdict> {
  return verifyLog({
    directory: new LogDirectory(directory),
    trust: { keys: [parseVerifierKey(KEY)], policy: undefined },
    retained: kept.map((text, at) => ({ file: String(at), text })),
    onlyNew: false,
    minimumIndex: 0,
    isQuiet: false,
  });
}

function lines(from: number, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, at) => line(from + at)).join(''));
}

describe('a log of our sequencer', () => {
  test('is right at every size that it was published with, for us and for others', async () => {
    const writer = openWriteAhead({ directory, durability: 'process' });
    const kept: string[] = [];
    let size = 0;
    for (const step of [1, 254, 1, 1, 255, 300, 7, 64_717, 1, 2, 4_461]) {
      writer.write(lines(size, step));
      await sealAll(directory);
      size += step;
      const verdict = await verify(kept);
      expect(verdict).toMatchObject({ faults: [], verified: size, checkpoint: { size }, beyond: [] });
      expect(verdict.consistent).toHaveLength(kept.length);
      expect(oracle('fsck', directory, KEY).isRight).toBe(true);
      expect(oracle('note', join(directory, 'checkpoint'), KEY).isRight).toBe(true);
      kept.push(readFileSync(join(directory, 'checkpoint'), 'utf8'));
    }
    writer.close();
  });

  test('is verified while it is written', async () => {
    const writer = openWriteAhead({ directory, durability: 'process' });
    writer.write(lines(0, 40_000));
    await sealAll(directory);
    let size = 40_000;
    for (let round = 0; round < 4; round++) {
      const first = verify();
      for (let seal = 0; seal < 4; seal++) {
        writer.write(lines(size, 123));
        size += 123;
        await sealAll(directory);
      }
      expect((await first).faults).toEqual([]);
    }
    writer.close();
  });

  test('that is pruned, also while it is verified, is right above what it says itself', async () => {
    const writer = openWriteAhead({ directory, durability: 'process' });
    writer.write(lines(0, 40_000));
    await sealAll(directory);
    const during = verify();
    const nowMs = (): number => 1_790_000_000_000 + 30_000 + 86_400_000;
    const pruner = new Pruner({ retentionDays: 1, nowMs, heldSize: () => checkpointOf(directory).size });
    for (let seal = 0; seal < 6; seal++) {
      writer.write(lines(40_000 + seal, 1));
      await sealAll(directory, { pruner, nowMs });
    }
    expect((await during).faults).toEqual([]);
    const verdict = await verify();
    expect(verdict).toMatchObject({ faults: [], isPruned: true });
    expect(verdict.from).toBeGreaterThan(20_000);
    expect(verdict.verified).toBe((verdict.checkpoint?.size ?? 0) - verdict.from);
    writer.close();
  });
});
