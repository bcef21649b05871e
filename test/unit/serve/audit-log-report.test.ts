import type { SequencerStatus } from '../../../src/audit/log/sequencer.js';
import { AuditLogReport } from '../../../src/serve/audit-log-report.js';
import { LifeRecords } from '../../../src/serve/life-records.js';
import { readRecord } from '../../support/record-schema.js';

const holder = (over: object = {}): object => ({
  name: 'one',
  size: 1,
  lagSeconds: 0,
  fault: undefined,
  isConflict: false,
  ...over,
});

function reporter(): { records: object[]; look: (status: Partial<SequencerStatus>) => void } {
  const records: object[] = [];
  let status: Partial<SequencerStatus> = {};
  const append = (line: string): Promise<'written'> => {
    const { time, pid, ...record } = readRecord(line) as Record<string, unknown>;
    expect([time, pid]).toEqual(['1970-01-01T00:00:00.000Z', process.pid]);
    records.push(record);
    return Promise.resolve('written');
  };
  const life = new LifeRecords({ append }, () => 0);
  const report = new AuditLogReport(
    { status: () => ({ companions: {}, ...status }) as SequencerStatus },
    life,
  );
  return {
    records,
    look: (now) => {
      status = now;
      report.look();
    },
  };
}

describe('records of the audit log about itself', () => {
  it('are not made while all is well', () => {
    const { records, look } = reporter();
    for (let times = 0; times < 3; times++)
      look({ companions: { mirror: holder(), witnesses: [holder()], otlp: holder({ rejected: 3 }) } });
    expect(records).toEqual([]);
  });

  it('tell of the sequencer once, however its fault is worded', () => {
    const { records, look } = reporter();
    look({ fault: 'ENOSPC' });
    look({ fault: 'EIO' });
    look({});
    look({});
    expect(records).toEqual([
      { event: 'store.fault', store: 'audit_log', reason: 'ENOSPC' },
      { event: 'store.recovered', store: 'audit_log' },
    ]);
  });

  it.each([
    ['mirror', 'audit_mirror', (one: object) => one],
    ['witnesses', 'audit_witness', (one: object) => [holder({ name: 'two' }), one]],
    ['otlp', 'audit_collector', (one: object) => one],
  ])('tell of %s as %s, by name', (companion, store, among) => {
    const { records, look } = reporter();
    look({ companions: { [companion]: among(holder({ fault: 'is away' })) } });
    look({ companions: { [companion]: among(holder({ fault: 'is still away' })) } });
    look({ companions: { [companion]: among(holder()) } });
    expect(records).toEqual([
      { event: 'store.fault', store, name: 'one', reason: 'is away' },
      { event: 'store.recovered', store, name: 'one' },
    ]);
  });

  it('tell of a fault that turns into a contradiction', () => {
    const { records, look } = reporter();
    look({ companions: { witnesses: [holder({ fault: 'is away' })] } });
    look({ companions: { witnesses: [holder({ fault: 'has another tree', isConflict: true })] } });
    expect(records.at(-1)).toEqual({
      event: 'store.fault',
      store: 'audit_witness',
      name: 'one',
      conflict: true,
      reason: 'has another tree',
    });
    expect(records).toHaveLength(2);
  });

  it('tell of one that could not be started, and of its start later', () => {
    const { records, look } = reporter();
    look({ companions: { mirror: { fault: 'cannot be started: no package' } } });
    look({ companions: { mirror: holder() } });
    expect(records).toEqual([
      { event: 'store.fault', store: 'audit_mirror', reason: 'cannot be started: no package' },
      { event: 'store.recovered', store: 'audit_mirror' },
    ]);
  });
});
