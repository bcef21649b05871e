import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSealedLog } from '../../support/sealed-log.js';
import { NOW_SECONDS, run } from './test-world.js';

const START_MS = (NOW_SECONDS - 1_000) * 1000;
const record = (number: number): object => ({
  time: new Date(START_MS + number * 1000).toISOString(),
  event: 'telemetry.accepted',
  decision_id: `d-${number}`,
  code: number % 2 === 0 ? 'allow' : 'pin_mismatch',
  tenant: `t-${number % 3}`,
});
const records = Array.from({ length: 600 }, (_, number) => record(number));
const ids = (out: string): unknown[] =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { decision_id: unknown }).decision_id);

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-audit-query-'));
  writeSealedLog(join(folder, 'log'), records);
  file = join(folder, 'decisions.ndjson');
  writeFileSync(file, records.map((each) => `${JSON.stringify(each)}\n`).join('') + 'garbage\n{"torn":');
});
afterAll(() => rmSync(folder, { recursive: true }));
const query = (place: string, ...options: string[]) => run(['audit', 'query', place, ...options]);

describe.each(['log', 'decisions.ndjson'])('countersign audit query of %s', (name) => {
  const cases: [string, string[], string[]][] = [
    ['an id', ['--id', 'd-411'], ['d-411']],
    ['the last seconds', ['--since', '403s'], ['d-598', 'd-599']],
    [
      'a tenant, a code and an end',
      ['--tenant', 't-1', '--code', 'allow', '--until', '990s'],
      ['d-4', 'd-10'],
    ],
    ['two codes', ['--code', 'allow', '--code', 'pin_mismatch', '--limit', '3'], ['d-0', 'd-1', 'd-2']],
    ['RFC 3339', ['--since', '2025-11-24T15:59:57+00:00', '--limit', '1'], []],
  ];

  it.each(cases)('prints the records of %s', async (_what, options, expected) => {
    const { code, out, err } = await query(join(folder, name), ...options);
    expect(ids(out)).toEqual(expected);
    expect([code, err]).toEqual(
      expected.length > 0 ? [0, ''] : [1, expect.stringContaining('no record of ')],
    );
  });
});

describe('countersign audit query', () => {
  it('prints records as they were written', async () => {
    expect((await query(join(folder, 'log'), '--id', 'd-1')).out).toBe(`${JSON.stringify(record(1))}\n`);
  });

  it.each([
    ['yesterday', 'It must be a time with its zone'],
    ['2026-02-30T00:00:00', 'It must be a time with its zone'],
    ['2026-13-01', 'It must be a time with its zone'],
    ['0s', 'It must be a time with its zone'],
  ])('does not take %s for a time', async (time, message) => {
    const { code, err } = await query(file, '--since', time);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it('tells of a place that is none', async () => {
    const absent = await query(join(folder, 'absent'));
    expect([absent.code, absent.err]).toEqual([3, expect.stringContaining('does not exist')]);
    const other = await query(folder);
    expect([other.code, other.err]).toEqual([3, expect.stringContaining('has no checkpoint')]);
  });

  it('tells of a file of the log that is damaged', async () => {
    const damaged = join(folder, 'damaged');
    writeSealedLog(damaged, records);
    writeFileSync(join(damaged, 'tile/entries/001'), 'x');
    const { code, err } = await query(damaged);
    expect([code, err]).toEqual([3, expect.stringMatching(/tile\/entries\/001 is damaged.*\n {2}remedy: /)]);
  });
});

describe('countersign audit query --verify', () => {
  it('proves each record against a checkpoint that a trusted key has signed', async () => {
    const place = join(folder, 'proved');
    const { verifierKey } = writeSealedLog(place, records);
    const proved = await query(place, '--id', 'd-300', '--verify', '--vkey', verifierKey);
    expect([ids(proved.out), proved.err, proved.code]).toEqual([['d-300'], '', 0]);
    const other = writeSealedLog(join(folder, 'other'), records).verifierKey;
    const untrusted = await query(place, '--id', 'd-300', '--verify', '--vkey', other);
    expect([untrusted.out, untrusted.code]).toEqual(['', 1]);
    expect((await query(place, '--verify')).code).toBe(2);
    const bundle = join(place, 'tile/entries/001');
    writeFileSync(bundle, readFileSync(bundle, 'latin1').replace('"d-301"', '"d-901"'), 'latin1');
    const changed = await query(place, '--id', 'd-300', '--verify', '--vkey', verifierKey);
    expect([changed.out, changed.code]).toEqual(['', 1]);
    expect(changed.err).toContain('the records from 256 on are not those that the checkpoint was made of');
  });
});

describe('countersign audit export', () => {
  const exported = async (format: string): Promise<unknown> => {
    const { out } = await run(['audit', 'export', join(folder, 'log'), '--format', format, '--id', 'd-3']);
    return JSON.parse(out);
  };

  it('gives the record as it is', async () => {
    expect(await exported('ndjson')).toEqual(record(3));
  });

  it('gives OTLP', async () => {
    expect(await exported('otlp')).toMatchObject({
      resourceLogs: [
        {
          scopeLogs: [
            { logRecords: [{ severityText: 'WARN', body: { stringValue: JSON.stringify(record(3)) } }] },
          ],
        },
      ],
    });
  });

  it('gives OCSF', async () => {
    expect(await exported('ocsf')).toMatchObject({
      class_uid: 6003,
      type_uid: 600399,
      status_id: 2,
      raw_data: JSON.stringify(record(3)),
      metadata: { version: '1.5.0', tenant_uid: 't-0', sequence: 3 },
    });
  });

  it('gives ECS', async () => {
    expect(await exported('ecs')).toMatchObject({
      event: { action: 'telemetry.accepted', code: 'pin_mismatch', outcome: 'failure', sequence: 3 },
      organization: { id: 't-0' },
      countersign: record(3),
    });
  });
});

describe('countersign audit index', () => {
  it('makes the files once, and without them everything is read', async () => {
    const large = join(folder, 'large');
    writeSealedLog(
      large,
      (function* () {
        for (let number = 0; number < 65_600; number++) yield record(number);
      })(),
    );
    const first = await run(['audit', 'index', large], { isTerminal: true });
    expect(first.out).toContain('1 index files for the 65600 records');
    expect(first.out).toContain('1 of them made now; the newest 64 are read without');
    expect(first.err).toContain('indexing the log [');
    expect((await run(['audit', 'index', large])).out).toContain('0 of them made now');
    rmSync(join(large, '.index'), { recursive: true });
    expect(ids((await query(large, '--id', 'd-60000', '--no-index')).out)).toEqual(['d-60000']);
    expect(existsSync(join(large, '.index'))).toBe(false);
    writeFileSync(join(large, '.index'), 'in the way');
    chmodSync(join(large, '.index'), 0o400);
    const unwritable = await query(large, '--id', 'd-60000');
    expect(unwritable.err).toMatch(/the index of .* cannot be written \(E[A-Z]+\): every record is read\n/);
    expect(ids(unwritable.out)).toEqual(['d-60000']);
  });
});
