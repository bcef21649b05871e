/** `countersign audit cat` and `tail`: records as lines, of a log that grows, is pruned and may be anybody's. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { frameHead } from '../../../src/audit/log/frames.js';
import { followLog } from '../../../src/audit/read/follow-log.js';
import { LogMaker, recordOf } from '../../support/log-maker.js';
import { run } from './test-world.js';

const made: LogMaker[] = [];
afterEach(() => {
  for (const log of made.splice(0)) log.remove();
});

function logOf(size: number, record = recordOf): LogMaker {
  const log = new LogMaker();
  made.push(log);
  return log.grow(size, record);
}

const linesFrom = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `${recordOf(from + at).toString()}\n`).join('');

describe('countersign audit cat', () => {
  it('prints all records, or some, as they are', async () => {
    const log = logOf(600);
    expect(await run(['audit', 'cat', log.directory])).toEqual({ code: 0, out: linesFrom(0, 600), err: '' });
    const some = await run(['audit', 'cat', log.directory, '--from', '250', '--to', '520']);
    expect(some.out).toBe(linesFrom(250, 521));
    expect((await run(['audit', 'cat', log.directory, '--from', '600'])).out).toBe('');
  });

  it('prints one line for each record, whatever is in it, and nothing that acts on a terminal', async () => {
    const record = Buffer.from('{"a":"\n\u001b]0;x\u0007\u009b2J\u202e"}');
    const { out } = await run(['audit', 'cat', logOf(2, () => record).directory]);
    expect(out).toBe('{"a":"\\u000a\\u001b]0;x\\u0007\\u009b2J\\u202e"}\n'.repeat(2));
  });

  it('says what was pruned, once', async () => {
    const log = logOf(700);
    for (const bundle of ['000', '001']) rmSync(join(log.directory, `tile/entries/${bundle}`));
    const { code, out, err } = await run(['audit', 'cat', log.directory]);
    expect({ code, err }).toEqual({ code: 0, err: 'records 0 to 511 were pruned, or are missing\n' });
    expect(out).toBe(linesFrom(512, 700));
  });

  it('names a file that is damaged', async () => {
    const log = logOf(300);
    log.write('tile/entries/000', 'no bundle');
    const { code, err } = await run(['audit', 'cat', log.directory]);
    expect(code).toBe(3);
    expect(err).toContain('tile/entries/000 is damaged');
  });
});

describe('countersign audit tail', () => {
  it('prints the last records, and with --unsealed those in no checkpoint', async () => {
    const log = logOf(300);
    expect((await run(['audit', 'tail', log.directory])).out).toBe(linesFrom(290, 300));
    const payload = Buffer.from('{"event":"a"}\n');
    const frame = Buffer.concat([frameHead('R', payload), payload]);
    // The first of them is sealed; the last was torn.
    log.write('.sequencer/wal-0123456789abcdef-1', Buffer.concat([frame, frame, frame.subarray(0, 25)]));
    log.write(
      '.sequencer/state.json',
      JSON.stringify({ sealed: [['wal-0123456789abcdef-1', frame.length]] }),
    );
    const { out, err } = await run(['audit', 'tail', log.directory, '-n', '1', '--unsealed']);
    expect(out).toBe(`${linesFrom(299, 300)}{"event":"a"}\n`);
    expect(err).toBe('the last 1 records are not sealed yet\n');
  });

  it('follows a log that grows from nothing, in steps of any size', async () => {
    const log = logOf(0);
    const steps = [1, 0, 254, 1, 1, 600, 0, 30];
    const seen: Buffer[] = [];
    const wait = (): Promise<boolean> => {
      const step = steps.shift();
      if (step !== undefined) log.grow(step);
      return Promise.resolve(step !== undefined);
    };
    for await (const { index, records = [] } of followLog({ directory: log.directory, from: 0, wait })) {
      expect(index).toBe(seen.length);
      seen.push(...records);
    }
    expect(seen.map(String)).toEqual(Array.from({ length: 887 }, (_, at) => recordOf(at).toString()));
  });

  it('tells a slow reader what was pruned meanwhile, and ends when the log is replaced by a shorter one', async () => {
    const log = logOf(10);
    let round = 0;
    const wait = (): Promise<boolean> => {
      round += 1;
      if (round === 1) {
        log.grow(600);
        for (const file of ['tile/entries/000', 'tile/entries/000.p/10']) rmSync(join(log.directory, file));
      } else log.write('checkpoint', logOf(5).checkpoint());
      return Promise.resolve(true);
    };
    const runs: [number, number, boolean][] = [];
    const follow = async (): Promise<void> => {
      for await (const { index, end, records } of followLog({ directory: log.directory, from: 0, wait }))
        runs.push([index, end, records === undefined]);
    };
    await expect(follow()).rejects.toThrow('the log has 5 records, and had 610 before');
    expect(runs).toEqual([
      [0, 10, false],
      [10, 256, true],
      [256, 512, false],
      [512, 610, false],
    ]);
  });
});
