import { Registry } from 'prom-client';
import { ReloadLog } from '../../../src/observability/reload-log.js';

function setUp() {
  const registry = new Registry();
  const time = { nowMs: 1_764_000_000_000 };
  const log = new ReloadLog(registry, () => time.nowMs);
  const samples = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith('countersign_'));
  return { log, time, samples };
}

describe('the log of reloads', () => {
  it('counts the start as the last good configuration', async () => {
    const { log, samples } = setUp();
    expect([log.describe(), log.warning()]).toEqual([undefined, undefined]);
    expect(await samples()).toEqual([
      'countersign_configuration_reloads_total{outcome="applied"} 0',
      'countersign_configuration_reloads_total{outcome="refused"} 0',
      'countersign_configuration_reload_timestamp_seconds{outcome="applied"} 1764000000',
      'countersign_configuration_last_reload_successful 1',
    ]);
  });

  it('tells of one that was refused, with its reasons, until one is applied', async () => {
    const { log, time, samples } = setUp();
    time.nowMs += 5_000;
    log.note({ kind: 'refused', causes: ['file', 'signal'], problems: ['it is broken'] });
    expect(log.warning()).toContain('refused');
    expect(log.describe()).toEqual({
      outcome: 'refused',
      at: '2025-11-24T16:00:05.000Z',
      causes: ['file', 'signal'],
      problems: ['it is broken'],
    });
    expect(await samples()).toEqual(
      expect.arrayContaining([
        'countersign_configuration_reloads_total{outcome="refused"} 1',
        'countersign_configuration_reload_timestamp_seconds{outcome="refused"} 1764000005',
        'countersign_configuration_last_reload_successful 0',
      ]),
    );
    time.nowMs += 5_000;
    log.note({ kind: 'applied', causes: ['request'], problems: [] });
    expect(log.warning()).toBeUndefined();
    expect(await samples()).toEqual([
      'countersign_configuration_reloads_total{outcome="applied"} 1',
      'countersign_configuration_reloads_total{outcome="refused"} 1',
      'countersign_configuration_reload_timestamp_seconds{outcome="applied"} 1764000010',
      'countersign_configuration_reload_timestamp_seconds{outcome="refused"} 1764000005',
      'countersign_configuration_last_reload_successful 1',
    ]);
  });

  it('shows no more problems than somebody would read', () => {
    const { log } = setUp();
    const problems = Array.from({ length: 1_000 }, (_, index) => String(index));
    log.note({ kind: 'refused', causes: ['file'], problems });
    expect(log.describe()?.['problems']).toEqual(problems.slice(0, 20));
  });
});
