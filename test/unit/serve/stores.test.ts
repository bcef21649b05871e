import { LifeRecords } from '../../../src/serve/life-records.js';
import { StoreReport } from '../../../src/serve/stores.js';

type Line = readonly [string, string, object];

function reporter(): {
  lines: Line[];
  records: string[];
  look: (clockSteps: number, unhealthy?: string) => void;
} {
  const lines: Line[] = [];
  let status = { entries: 0, maxEntries: 1, floorSeconds: 0, clockSteps: 0 };
  const log = (level: string) => (facts: object, message: string) => void lines.push([level, message, facts]);
  const logger = { warn: log('warn'), info: log('info') } as unknown as ConstructorParameters<
    typeof StoreReport
  >[1];
  const records: string[] = [];
  const append = (line: string): Promise<'written'> => {
    records.push(line);
    return Promise.resolve('written');
  };
  const life = new LifeRecords({ append }, () => 0);
  const report = new StoreReport({ name: 'lmdb', status: () => status }, logger, life);
  return {
    lines,
    records,
    look: (clockSteps, unhealthy) => {
      status = { ...status, clockSteps, ...(unhealthy !== undefined && { unhealthy }) };
      if (unhealthy === undefined) status = { entries: 0, maxEntries: 1, floorSeconds: 0, clockSteps };
      report.look();
    },
  };
}

describe('the report of the nonce store', () => {
  it('says nothing while nothing happens', () => {
    const { lines, look } = reporter();
    for (let times = 0; times < 3; times++) look(0);
    expect(lines).toEqual([]);
  });

  it('tells of each step once, and when the store serves again', () => {
    const { lines, records, look } = reporter();
    for (const reason of ['stepped by 20000 ms', 'stepped by 20000 ms']) look(1, reason);
    look(2, 'stepped by 40000 ms');
    look(2);
    look(2);
    expect(lines).toEqual([
      ['warn', 'the wall clock stepped', { store: 'lmdb', steps: 1, reason: 'stepped by 20000 ms' }],
      ['warn', 'the nonce store refuses', { store: 'lmdb', reason: 'stepped by 20000 ms' }],
      ['warn', 'the wall clock stepped', { store: 'lmdb', steps: 2, reason: 'stepped by 40000 ms' }],
      ['info', 'the nonce store serves again', { store: 'lmdb' }],
    ]);
    const told = { time: '1970-01-01T00:00:00.000Z', pid: process.pid, store: 'lmdb' };
    expect(records.map((line) => JSON.parse(line) as unknown)).toEqual([
      { ...told, event: 'clock.stepped', steps: 1, reason: 'stepped by 20000 ms' },
      { ...told, event: 'store.fault', reason: 'stepped by 20000 ms' },
      { ...told, event: 'clock.stepped', steps: 2, reason: 'stepped by 40000 ms' },
      { ...told, event: 'store.recovered' },
    ]);
  });

  it('tells of a step that was over before it looked', () => {
    const { lines, look } = reporter();
    look(1);
    expect(lines.map(([, message]) => message)).toEqual(['the wall clock stepped']);
  });
});
