/**
 * Logs that were tampered with, in ways that somebody with the disk and without the key has: found by our verification, which names
 * the record or the file, and by other people's code where that looks at the thing. And logs of every shape, accepted by both.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogDirectory } from '../../../src/audit/read/log-directory.js';
import { OpenedLog } from '../../../src/audit/read/opened-log.js';
import { proveRecord } from '../../../src/audit/read/prove-record.js';
import { verifyLog, type LogVerdict, type LogVerification } from '../../../src/audit/read/verify-log.js';
import { generateKeyPair } from '../../../src/crypto/private-key.js';
import { decodeEntries, encodeEntry } from '../../../src/tlog/entries.js';
import { leafHash, nodeHash, subtreeRoot } from '../../../src/tlog/merkle.js';
import { parseVerifierKey } from '../../../src/tlog/note.js';
import { LOG_VERIFIER_KEY, LogMaker, recordOf, signedCheckpoint } from '../../support/log-maker.js';
import { oracle } from '../../support/log-oracle.js';

const trust = { keys: [parseVerifierKey(LOG_VERIFIER_KEY)], policy: undefined };
const made: LogMaker[] = [];

afterEach(() => {
  for (const log of made.splice(0)) log.remove();
});

function logOf(size: number, record = recordOf): LogMaker {
  const log = new LogMaker();
  made.push(log);
  return log.grow(size, record);
}

function verify(log: LogMaker, changes: Partial<LogVerification> = {}): Promise<LogVerdict> {
  return verifyLog({
    directory: new LogDirectory(log.directory),
    trust,
    retained: [],
    onlyNew: false,
    minimumIndex: 0,
    isQuiet: true,
    ...changes,
  });
}

function fsck(log: LogMaker): boolean {
  return oracle('fsck', log.directory, LOG_VERIFIER_KEY).isRight;
}

/** Rewrites the records of a bundle. */
function rewrite(
  log: LogMaker,
  file: string,
  width: number,
  change: (records: Buffer[]) => readonly Buffer[],
): void {
  const path = join(log.directory, file);
  writeFileSync(path, Buffer.concat(change(decodeEntries(readFileSync(path), width)).map(encodeEntry)));
}

const forgedRecord = Buffer.from('{"event":"request.allowed","decision_id":"forged"}');

interface Tampering {
  readonly name: string;
  readonly tamper: (log: LogMaker) => void;
  readonly fault: object;
  /** What of other people's code has to fail too. */
  readonly oracle: 'fsck' | 'note' | 'consistency' | undefined;
}

const id = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
const FULL = 'tile/entries/001';
const LAST = 'tile/entries/002.p/88';

const TAMPERINGS: readonly Tampering[] = [
  {
    name: 'a record was edited',
    tamper: (log) => rewrite(log, FULL, 256, (records) => records.with(44, forgedRecord)),
    fault: { kind: 'edited', index: 300, file: FULL, decisionId: 'forged' },
    oracle: 'fsck',
  },
  {
    name: 'one bit of a record was changed',
    tamper: (log) =>
      rewrite(log, FULL, 256, (records) => {
        const record = records[44]!;
        record[10] = (record[10] ?? 0) ^ 1;
        return records;
      }),
    fault: { kind: 'edited', index: 300, file: FULL },
    oracle: 'fsck',
  },
  {
    name: 'a record was put in',
    tamper: (log) => rewrite(log, FULL, 256, (records) => records.toSpliced(44, 0, forgedRecord)),
    fault: { kind: 'inserted', index: 300, file: FULL, decisionId: 'forged' },
    oracle: 'fsck',
  },
  {
    name: 'a record was put behind the last',
    tamper: (log) => rewrite(log, LAST, 88, (records) => [...records, forgedRecord]),
    fault: { kind: 'inserted', index: 600, file: LAST },
    // Tessera does not look behind the records that it wants.
    oracle: undefined,
  },
  {
    name: 'a record was taken out',
    tamper: (log) => rewrite(log, FULL, 256, (records) => records.toSpliced(44, 1)),
    fault: { kind: 'deleted', index: 300, file: FULL, decisionId: id(301) },
    oracle: 'fsck',
  },
  {
    name: 'two records have changed places',
    tamper: (log) =>
      rewrite(log, FULL, 256, (records) => records.with(44, records[45]!).with(45, records[44]!)),
    fault: { kind: 'reordered', index: 300, file: FULL, decisionId: id(301) },
    oracle: 'fsck',
  },
  {
    name: 'the last record was cut off',
    tamper: (log) => rewrite(log, LAST, 88, (records) => records.slice(0, -1)),
    fault: { kind: 'deleted', index: 599, file: LAST },
    oracle: 'fsck',
  },
  {
    name: 'a bundle was deleted',
    tamper: (log) => rmSync(join(log.directory, FULL)),
    fault: { kind: 'missing', index: 256, end: 512, file: FULL },
    oracle: 'fsck',
  },
  {
    name: 'a tile was changed',
    tamper: (log) => {
      const tile = readFileSync(join(log.directory, 'tile/0/001'));
      tile[44 * 32] = (tile[44 * 32] ?? 0) ^ 1;
      log.write('tile/0/001', tile);
    },
    fault: { kind: 'tile', file: 'tile/0/001' },
    oracle: 'fsck',
  },
  {
    name: 'the tile at the edge was changed',
    tamper: (log) => log.write('tile/1/000.p/2', Buffer.alloc(64)),
    fault: { kind: 'tile', file: 'tile/1/000.p/2' },
    oracle: 'fsck',
  },
  {
    name: 'a tile was cut off',
    tamper: (log) => truncateSync(join(log.directory, 'tile/0/000'), 8000),
    fault: { kind: 'unreadable', file: 'tile/0/000' },
    oracle: 'fsck',
  },
  {
    name: 'a record was edited, and its tile with it',
    tamper: (log) => {
      rewrite(log, FULL, 256, (records) => records.with(44, forgedRecord));
      const tile = readFileSync(join(log.directory, 'tile/0/001'));
      tile.set(leafHash(forgedRecord), 44 * 32);
      log.write('tile/0/001', tile);
    },
    fault: { kind: 'rewritten', index: 256, end: 512, file: 'tile/0/001' },
    oracle: 'fsck',
  },
  {
    name: 'a record was edited, and the whole tree with it',
    tamper: (log) => {
      rewrite(log, FULL, 256, (records) => records.with(44, forgedRecord));
      const tile = readFileSync(join(log.directory, 'tile/0/001'));
      tile.set(leafHash(forgedRecord), 44 * 32);
      log.write('tile/0/001', tile);
      const parent = readFileSync(join(log.directory, 'tile/1/000.p/2'));
      parent.set(subtreeRoot(tile), 32);
      log.write('tile/1/000.p/2', parent);
    },
    fault: { kind: 'root' },
    oracle: 'fsck',
  },
  {
    name: 'the size in the checkpoint was changed',
    tamper: (log) => log.write('checkpoint', log.checkpoint().replace('\n600\n', '\n599\n')),
    fault: { kind: 'checkpoint', file: 'checkpoint' },
    oracle: 'note',
  },
  {
    name: 'the checkpoint was signed by another key',
    tamper: (log) =>
      log.write(
        'checkpoint',
        signedCheckpoint(600, leafHash(forgedRecord), undefined, generateKeyPair(Buffer.alloc(32, 1))),
      ),
    fault: { kind: 'checkpoint', file: 'checkpoint' },
    oracle: 'note',
  },
  {
    name: 'the checkpoint is of another log under the same key',
    tamper: (log) =>
      log.write('checkpoint', signedCheckpoint(600, leafHash(forgedRecord), 'other.example/log')),
    fault: { kind: 'checkpoint', file: 'checkpoint' },
    oracle: 'note',
  },
  {
    name: 'the checkpoint is gone',
    tamper: (log) => rmSync(join(log.directory, 'checkpoint')),
    fault: { kind: 'checkpoint', file: 'checkpoint' },
    oracle: 'fsck',
  },
  {
    name: 'the key was used for a fork',
    tamper: (log) => {
      const fork = logOf(300, (index) => (index === 9 ? forgedRecord : recordOf(index)));
      log.write('older', fork.checkpoint());
    },
    fault: { kind: 'forked', file: 'older', index: 0, end: 300 },
    oracle: 'consistency',
  },
  {
    name: 'the log was cut back to an earlier checkpoint',
    tamper: (log) => log.write('older', signedCheckpoint(601, nodeHash(Buffer.alloc(32), Buffer.alloc(32)))),
    fault: { kind: 'truncated', file: 'older', index: 600, end: 601 },
    oracle: 'consistency',
  },
];

describe('a log that was tampered with', () => {
  test.each(TAMPERINGS)('$name', async ({ tamper, fault, oracle: kind }) => {
    const log = logOf(600);
    tamper(log);
    const isRetained = kind === 'consistency';
    const older = isRetained
      ? [{ file: 'older', text: readFileSync(join(log.directory, 'older'), 'utf8') }]
      : [];
    const { faults } = await verify(log, { retained: older });
    expect(faults).toContainEqual(expect.objectContaining(fault));
    const file = (name: string): string => join(log.directory, name);
    if (kind === 'fsck') expect(fsck(log)).toBe(false);
    else if (kind === 'note')
      expect(oracle('note', file('checkpoint'), LOG_VERIFIER_KEY).isRight).toBe(false);
    else if (isRetained)
      expect(oracle('consistency', log.directory, file('older'), file('checkpoint')).isRight).toBe(false);
  });

  test('names every record that was edited, once, and nothing else', async () => {
    const log = logOf(700);
    rewrite(log, FULL, 256, (records) => records.with(0, forgedRecord).with(255, forgedRecord));
    rewrite(log, 'tile/entries/000', 256, (records) => records.with(7, forgedRecord));
    const { faults, verified } = await verify(log);
    expect(faults.map(({ kind, index }) => [kind, index])).toEqual([
      ['edited', 7],
      ['edited', 256],
      ['edited', 511],
    ]);
    expect(verified).toBe(188);
  });

  test('counts faults beyond those that it names', async () => {
    const log = logOf(600);
    rewrite(log, FULL, 256, (records) => records.map(() => forgedRecord));
    const { faults, faultCount } = await verify(log);
    expect([faults.length, faultCount]).toEqual([32, 256]);
  });
});

const SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000];
const RANDOM_SIZES = Array.from({ length: 6 }, () => Math.floor(Math.random() * 3000));

describe('a log as it was written', () => {
  test.each([...SIZES, ...RANDOM_SIZES])('of %d records is right for us and for others', async (size) => {
    const log = logOf(size, (index) => Buffer.from(`record ${index} ${'x'.repeat(index % 50)}`));
    const verdict = await verify(log);
    expect(verdict).toMatchObject({ faults: [], verified: size, checkpoint: { size }, beyond: [] });
    // Tessera takes no empty log for one.
    if (size > 0) expect(fsck(log)).toBe(true);
  });

  test('continues each of its earlier checkpoints, for us and for others', async () => {
    const log = new LogMaker();
    made.push(log);
    const retained: { file: string; text: string }[] = [];
    for (const step of [0, 1, 200, 55, 1, 1, 254, 300, 700]) {
      log.grow(step);
      retained.push({ file: `checkpoint.${log.size}`, text: log.checkpoint() });
      log.write(`checkpoint.${log.size}`, log.checkpoint());
    }
    const { faults, consistent } = await verify(log, { retained });
    expect(faults).toEqual([]);
    expect(consistent).toHaveLength(retained.length);
    for (const { file } of retained.slice(1))
      expect(
        oracle('consistency', log.directory, join(log.directory, file), join(log.directory, 'checkpoint')),
      ).toEqual({ isRight: true, why: '' });
  });
});

describe('a proof of ours', () => {
  test.each([1, 2, 255, 256, 257, 700])(
    'in a log of %d records convinces others, and a changed one does not',
    async (size) => {
      const log = logOf(size);
      const opened = OpenedLog.open(log.directory);
      if (opened === undefined) throw new Error('no log');
      log.write('policy', `log ${LOG_VERIFIER_KEY}\nquorum none\n`);
      const file = (name: string): string => join(log.directory, name);
      for (const index of new Set([0, Math.floor(size / 2), size - 1])) {
        const { proof, record } = await proveRecord(opened, index);
        log.write('proof', proof);
        log.write('record', record);
        expect(oracle('proof', file('proof'), file('record'), file('policy'))).toEqual({
          isRight: true,
          why: '',
        });
        log.write('record', forgedRecord);
        expect(oracle('proof', file('proof'), file('record'), file('policy')).isRight).toBe(false);
      }
    },
  );
});
