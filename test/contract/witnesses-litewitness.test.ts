/** The log's witnesses against real ones (litewitness): what they cosign, and what they find out. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { HolderStatus } from '../../src/audit/holders/holder-status.js';
import { Witnesses, type WitnessesOptions } from '../../src/audit/witness/witnesses.js';
import { parseNote } from '../../src/tlog/note.js';
import { cosignersOf, parsePolicy, type Policy } from '../../src/tlog/policy.js';
import { GrowingLog } from '../support/audit/growing-log.js';
import { Litewitness } from '../support/audit/litewitness.js';

const ORIGIN = 'countersign.example/log';

let first: Litewitness;
let second: Litewitness;
let log: GrowingLog;
let policy: Policy;
let told: HolderStatus[];
let nowMs: number;

beforeAll(async () => {
  [first, second] = await Promise.all([
    Litewitness.start('witness.example/1'),
    Litewitness.start('witness.example/2'),
  ]);
});
afterAll(async () => {
  await Promise.all([first.remove(), second.remove()]);
});
beforeEach(() => {
  told = [];
  nowMs = 0;
});
afterEach(() => log.remove());

let logs = 0;

/** A log that both witnesses know, and have seen nothing of. */
function newLog(): void {
  const origin = `${ORIGIN}/${logs++}`;
  log = new GrowingLog(origin);
  for (const witness of [first, second]) witness.know(origin, log.verifierKey);
  policy = parsePolicy(
    [
      `witness one ${first.verifierKey} ${first.url}`,
      `witness two ${second.verifierKey} ${second.url}/`,
      'group both all one two',
      'quorum both\n',
    ].join('\n'),
  );
}

function open(over: Partial<WitnessesOptions> = {}): Witnesses {
  return new Witnesses({
    log: log.sealed,
    policy,
    intervalSeconds: 0,
    timeoutMilliseconds: 20_000,
    progressPath: join(log.directory, 'witness.json'),
    publish: (cosigned) => {
      const text = cosigned.text();
      if (parseNote(text).text === parseNote(readFileSync(join(log.directory, 'checkpoint'), 'utf8')).text)
        log.publish('checkpoint', text);
      if (cosigned.isWitnessed) log.publish('checkpoint.witnessed', text);
      return Promise.resolve();
    },
    onChange: (status) => told.push(status),
    nowMs: () => Date.now(),
    monotonicMs: () => nowMs,
    ...over,
  });
}

function cosigners(file = 'checkpoint'): string[] {
  return [...cosignersOf(parseNote(readFileSync(join(log.directory, file), 'utf8')), policy)];
}

const states = (witnesses: Witnesses) =>
  witnesses
    .status()
    .map(({ size, lagSeconds, fault, isConflict }) => ({ size, lagSeconds, fault, isConflict }));
const well = (size: number) => ({ size, lagSeconds: 0, fault: undefined, isConflict: false });

describe('with litewitness', () => {
  it('cosigns every checkpoint of a log that grows, and the lines are in its files', async () => {
    newLog();
    const witnesses = open();
    for (const records of [1, 1, 254, 1, 300, 65_536]) {
      log.grow(records);
      await witnesses.look();
      expect(states(witnesses)).toEqual([well(log.size), well(log.size)]);
      expect(cosigners()).toEqual(['one', 'two']);
      expect(cosigners('checkpoint.witnessed')).toEqual(['one', 'two']);
    }
    await witnesses.close();
  });

  it('goes on where it was, after its progress was lost', async () => {
    newLog();
    log.grow(300);
    const before = open();
    await before.look();
    await before.close();
    rmSync(join(log.directory, 'witness.json'));
    rmSync(join(log.directory, 'checkpoint.witnessed'));
    log.grow(5);
    const after = open();
    await after.look();
    expect(states(after)).toEqual([well(305), well(305)]);
    expect(cosigners('checkpoint.witnessed')).toEqual(['one', 'two']);
    await after.close();
  });

  it('has a checkpoint cosigned again when its cosignatures were lost', async () => {
    newLog();
    const note = log.grow(7);
    const witnesses = open();
    await witnesses.look();
    await witnesses.close();
    log.publish('checkpoint', note);
    rmSync(join(log.directory, 'checkpoint.witnessed'));
    const after = open();
    await after.look();
    expect(cosigners('checkpoint.witnessed')).toEqual(['one', 'two']);
    await after.close();
  });

  it('goes on with one while the other is away, and catches up', async () => {
    newLog();
    log.grow(10);
    await second.kill();
    const witnesses = open();
    await witnesses.look();
    expect(cosigners()).toEqual(['one']);
    expect(() => cosigners('checkpoint.witnessed')).toThrow('ENOENT');
    nowMs += 60_000;
    expect(states(witnesses)).toEqual([
      well(10),
      { size: 0, lagSeconds: 60, fault: 'refuses connections (ECONNREFUSED)', isConflict: false },
    ]);
    await second.start();
    log.grow(10);
    await witnesses.look();
    expect(states(witnesses)).toEqual([well(20), well(20)]);
    expect(cosigners('checkpoint.witnessed')).toEqual(['one', 'two']);
    expect(told.map(({ name, fault }) => [name, fault])).toEqual([
      ['two', 'refuses connections (ECONNREFUSED)'],
      ['two', undefined],
    ]);
    await witnesses.close();
  });

  it('finds a log that was restored from a backup, before and after it has grown past what was cosigned', async () => {
    newLog();
    log.grow(50);
    const witnesses = open();
    await witnesses.look();
    await witnesses.close();
    const { verifierKey } = log;
    log.remove();
    log = new GrowingLog(verifierKey.split('+')[0]);
    log.grow(40, (index) => `{"other":${index}}`);
    const after = open();
    await after.look();
    expect(states(after)[0]).toMatchObject({
      fault: 'has cosigned 50 records, and this log has 40',
      isConflict: true,
    });
    nowMs += 600_000;
    log.grow(10, (index) => `{"other":${index}}`);
    await after.look();
    expect(states(after)[0]).toMatchObject({
      fault: 'has cosigned another tree of 50 records: ours does not extend it',
      isConflict: true,
    });
    nowMs += 600_000;
    log.grow(10, (index) => `{"other":${index}}`);
    await after.look();
    expect(states(after)).toMatchObject([{ isConflict: true }, { isConflict: true }]);
    expect(cosigners()).toEqual([]);
    await after.close();
  });

  it('tells of a witness that does not know the log, or has another key for it', async () => {
    newLog();
    log.remove();
    log = new GrowingLog('countersign.example/unknown');
    log.grow(1);
    const witnesses = open();
    await witnesses.look();
    expect(states(witnesses)[0]?.fault).toMatch(/^does not have this log's key \(403\)/);
    await witnesses.close();
  });
});
