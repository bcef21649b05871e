import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogIndex } from '../../../../src/audit/read/log-index.js';
import { SegmentBuilder } from '../../../../src/audit/read/index-segment.js';
import { OpenedLog } from '../../../../src/audit/read/opened-log.js';
import { isBundleProved } from '../../../../src/audit/read/proved.js';
import { searchLog } from '../../../../src/audit/read/query.js';
import type { RecordFilter } from '../../../../src/audit/read/record-filter.js';
import { entriesPath } from '../../../../src/tlog/tile-paths.js';
import { writeSealedLog } from '../../../support/sealed-log.js';

const SEGMENT = 65_536;
const START_MS = Date.UTC(2026, 0, 1);
/** A full segment of the index and a tail, the last bundle partial. */
const SIZE = SEGMENT + 1_000;

const record = (number: number): object => ({
  time: new Date(START_MS + number * 1000).toISOString(),
  event: 'telemetry.accepted',
  decision_id: `d-${number}`,
  request_id: `r-${number}`,
  code: number % 1_000 === 7 ? 'replayed_nonce' : 'allow',
  tenant: `t-${number % 10}`,
  identity: number === 40_000 || number === SIZE - 1 ? 'rare "one"' : `p-${number % 3}`,
  ...(number === 60_000 ? { first_decision_id: 'd-5' } : {}),
});

let folder: string;
let log: OpenedLog;
let index: LogIndex;

function* records(count: number): Generator<object> {
  for (let number = 0; number < count; number++) yield record(number);
}

function opened(directory: string): OpenedLog {
  const there = OpenedLog.open(directory);
  if (there === undefined) throw new Error('there is no checkpoint');
  return there;
}

type How = Partial<Parameters<typeof searchLog>[0]>;
function numbers(filter: RecordFilter, how: How = { index }): number[] {
  return [...searchLog({ log, filter, ...how })].flatMap(({ found }) => found.map((each) => each.index));
}

const indexFile = (segment: number): string => join(folder, '.index', `${segment}.idx`);
const bundlesRead = (filter: RecordFilter): number => index.candidates(0, filter)?.length ?? 256;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-query-'));
  writeSealedLog(folder, records(SIZE));
  log = opened(folder);
  index = new LogIndex(log, { randomSeed: () => 12_345 });
});
beforeEach(() => {
  for (const segment of index.missing()) index.build(segment);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a search', () => {
  const cases: [string, RecordFilter, number[]][] = [
    ['our id', { ids: ['d-40001'] }, [40_001]],
    ["Envoy's id", { ids: ['r-65541'] }, [65_541]],
    ['an id and the copies that name it', { ids: ['d-5'] }, [5, 60_000]],
    ['several ids', { ids: ['d-3', 'd-66535'] }, [3, 66_535]],
    ['an id that is not there', { ids: ['d-'] }, []],
    ['a value that JSON escapes', { fields: new Map([['identity', ['rare "one"']]]) }, [40_000, SIZE - 1]],
    [
      'two fields',
      {
        fields: new Map([
          ['tenant', ['t-0']],
          ['identity', ['rare "one"']],
        ]),
      },
      [40_000],
    ],
    ['one second', { sinceMs: START_MS + 9_000, untilMs: START_MS + 10_000 }, [9]],
    ['a time in the tail', { sinceMs: START_MS + (SIZE - 2) * 1000 }, [SIZE - 2, SIZE - 1]],
  ];

  it.each(cases)('by %s finds the same with the index and without', (_what, filter, expected) => {
    expect(numbers(filter)).toEqual(expected);
    expect(numbers(filter, {})).toEqual(expected);
    expect(numbers(filter, { index, isFromEnd: true }).sort((a, b) => a - b)).toEqual(expected);
  });

  it('reads the few bundles that may hold it', () => {
    expect(bundlesRead({ ids: ['d-40001'] })).toBe(1);
    expect(bundlesRead({ ids: ['none'] })).toBe(0);
    expect(bundlesRead({ fields: new Map([['identity', ['rare "one"']]]) })).toBe(1);
    expect(bundlesRead({ sinceMs: START_MS, untilMs: START_MS + 1000 })).toBe(1);
    expect(bundlesRead({ fields: new Map([['tenant', ['t-1']]]) })).toBe(256);
  });

  it('finds what a day of one tenant has', () => {
    const day = { sinceMs: START_MS, untilMs: START_MS + 50_000_000 };
    const found = numbers({ ...day, fields: new Map([['tenant', ['t-4']]]) });
    expect(found).toHaveLength(5_000);
    expect(found.every((number) => number % 10 === 4)).toBe(true);
  });
});

describe('the index', () => {
  const rare: RecordFilter = { ids: ['d-5'] };

  it('is one file for 65,536 records, and made once', () => {
    expect(readdirSync(join(folder, '.index'))).toEqual(['0.idx']);
    expect(index.segments).toBe(1);
    expect(index.missing()).toEqual([]);
  });

  it('is read around where there is none, and made anew', () => {
    rmSync(indexFile(0));
    expect(index.missing()).toEqual([0]);
    expect(numbers(rare)).toEqual([5, 60_000]);
  });

  it('of another log is noticed', () => {
    writeFileSync(indexFile(0), new SegmentBuilder(1).encode(Buffer.alloc(32, 7)));
    expect(index.missing()).toEqual([0]);
    expect(numbers(rare)).toEqual([5, 60_000]);
  });

  it('is never believed when a byte of it is another, or it was cut or grew', () => {
    const whole = readFileSync(indexFile(0));
    for (let at = 0; at < whole.length; at += at < 6_300 ? 37 : 9_973) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      writeFileSync(indexFile(0), damaged);
      // Where it is damaged there is no answer, and where it is not the right one.
      expect(index.candidates(0, rare) ?? [0, 234]).toEqual([0, 234]);
    }
    for (let length = 0; length < whole.length; length += 30_011) {
      writeFileSync(indexFile(0), whole.subarray(0, length));
      expect(index.missing()).toEqual([0]);
    }
    appendFileSync(indexFile(0), Buffer.concat([whole, Buffer.alloc(5)]));
    expect(index.missing()).toEqual([0]);
    rmSync(indexFile(0));
  });
});

describe('a proof of what was found', () => {
  it('holds for full and partial bundles, and not for a changed record', async () => {
    for (const { bundle, records: all } of searchLog({
      log,
      index,
      filter: { ids: ['d-300', 'd-66535'] },
    })) {
      await expect(isBundleProved(log, bundle, all)).resolves.toBe(true);
      const changed = all.map((bytes, at) => (at === all.length - 1 ? Buffer.from('{}') : bytes));
      await expect(isBundleProved(log, bundle, changed)).resolves.toBe(false);
    }
  });
});

describe('a log that is not as it should be', () => {
  let other: string;
  const all = (): unknown => [...searchLog({ log: opened(other), filter: {} })];
  beforeEach(() => {
    other = mkdtempSync(join(tmpdir(), 'countersign-query-'));
    writeSealedLog(other, records(800));
  });
  afterEach(() => rmSync(other, { recursive: true }));

  it('is searched from where it was pruned to', () => {
    rmSync(join(other, entriesPath(0)));
    rmSync(join(other, entriesPath(1)));
    expect((all() as { found: unknown[] }[]).map(({ found }) => found.length)).toEqual([256, 32]);
  });

  it('is told of when a bundle in its midst is missing, or is cut', () => {
    truncateSync(join(other, entriesPath(1)), 5_000);
    expect(all).toThrow(/is damaged: the bundle ends within/);
    rmSync(join(other, entriesPath(1)));
    expect(all).toThrow(/is missing, and the bundle before it is there/);
  });

  it('is not searched where its checkpoint counts more records than anybody has', () => {
    const root = Buffer.alloc(32).toString('base64');
    writeFileSync(
      join(other, 'checkpoint'),
      `made.up\n9007199254740991\n${root}\n\n— made.up AAAAAAAAAAA=\n`,
    );
    expect(() => OpenedLog.open(other)?.requireEnd()).toThrow('9007199254740991 records');
  });

  it('is none without a checkpoint, and damaged with another text in its place', () => {
    writeFileSync(join(other, 'checkpoint'), 'something\n');
    expect(() => opened(other)).toThrow(/cannot be read/);
    rmSync(join(other, 'checkpoint'));
    expect(OpenedLog.open(other)).toBeUndefined();
  });
});
