/** Keys of sources as readiness, `/status` and the metrics tell them: a key that does not sign is never the one that is left out. */
import { Registry } from 'prom-client';
import type { KeyLook } from '../../../src/keys/signing-sources.js';
import {
  addKeySourceMetrics,
  describeKeySources,
  keySourceCounts,
  keySourcesHealth,
  type KeySourcesLook,
} from '../../../src/observability/key-sources-view.js';

const key = (kid: string, changes: Partial<KeyLook> = {}): KeyLook => ({
  kid,
  source: 'hsm',
  state: 'up',
  reason: undefined,
  waiting: 0,
  ...changes,
});
const down = key('down', { state: 'down', reason: 'says away', waiting: 2 });
const untested = key('untested', { state: 'untested', source: 'transit', waiting: 3 });

const look = (keys: readonly KeyLook[], names: readonly string[] = ['hsm', 'transit']): KeySourcesLook => ({
  look: () => keys,
  names: () => names,
});

async function metricsOf(add: (registry: Registry) => void): Promise<string[]> {
  const registry = new Registry();
  add(registry);
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('readiness', () => {
  test.each<[string, readonly KeyLook[], RegExp | undefined]>([
    ['nothing where there is no key', [], undefined],
    ['nothing where all sign', [key('a'), key('b')], undefined],
    [
      'a key that was not tested',
      [key('a'), untested],
      /^1 of 2 keys .*such as untested: .*transit: was not tested yet$/,
    ],
    [
      'one that is down before one that was not tested',
      [untested, down],
      /^2 of 2 .*such as down: .*hsm: says away$/,
    ],
  ])('notes %s', (_title, keys, note) => {
    const { note: said } = keySourcesHealth(look(keys));
    if (note === undefined) expect(said?.()).toBeUndefined();
    else expect(said?.()).toMatch(note);
  });

  test('is never at fault: requests are judged without signatures', () => {
    expect(keySourcesHealth(look([down])).fault()).toBeUndefined();
  });
});

describe('/status', () => {
  test('says nothing without sources', () => {
    expect(describeKeySources(look([], []))).toBeUndefined();
  });

  test('names sources without keys', () => {
    expect(describeKeySources(look([]))).toEqual({ sources: ['hsm', 'transit'], count: 0, keys: [] });
  });

  test('begins with those that do not sign, and ends after a hundred', () => {
    const many = Array.from({ length: 150 }, (_, at) => key(`k-${at}`));
    const said = describeKeySources(look([...many, untested, down])) as { count: number; keys: KeyLook[] };
    expect([said.count, said.keys.length]).toEqual([152, 100]);
    expect(said.keys.slice(0, 3).map(({ kid }) => kid)).toEqual(['down', 'untested', 'k-0']);
  });
});

describe('the metrics', () => {
  test('are none without sources', async () => {
    expect(await metricsOf((registry) => addKeySourceMetrics(registry, look([], [])))).toEqual([]);
  });

  test('tell every source apart, one without keys among them', async () => {
    const sources = look([key('a'), down, untested], ['hsm', 'transit', 'idle']);
    expect(await metricsOf((registry) => addKeySourceMetrics(registry, sources))).toEqual([
      'countersign_key_source_up{source="hsm"} 0',
      'countersign_key_source_up{source="transit"} 0',
      'countersign_key_source_up{source="idle"} 1',
      'countersign_key_source_keys{source="hsm",state="untested"} 0',
      'countersign_key_source_keys{source="hsm",state="up"} 1',
      'countersign_key_source_keys{source="hsm",state="down"} 1',
      'countersign_key_source_keys{source="transit",state="untested"} 1',
      'countersign_key_source_keys{source="transit",state="up"} 0',
      'countersign_key_source_keys{source="transit",state="down"} 0',
      'countersign_key_source_keys{source="idle",state="untested"} 0',
      'countersign_key_source_keys{source="idle",state="up"} 0',
      'countersign_key_source_keys{source="idle",state="down"} 0',
      'countersign_key_source_waiting{source="hsm"} 2',
      'countersign_key_source_waiting{source="transit"} 3',
      'countersign_key_source_waiting{source="idle"} 0',
    ]);
  });

  test('count what was asked by what became of it, and time what a source was asked for', async () => {
    const lines = await metricsOf((registry) => {
      const { result } = keySourceCounts(registry);
      result('hsm', 'signed', 0.002);
      result('hsm', 'signed', 20);
      // Of a message that its source never saw.
      result('hsm', 'too_large', undefined);
      result('transit', 'away', 1);
    });
    expect(lines).toEqual(
      expect.arrayContaining([
        'countersign_key_source_signatures_total{source="hsm",result="signed"} 2',
        'countersign_key_source_signatures_total{source="hsm",result="too_large"} 1',
        'countersign_key_source_signatures_total{source="transit",result="away"} 1',
        'countersign_key_source_seconds_bucket{le="0.0025",source="hsm"} 1',
        'countersign_key_source_seconds_bucket{le="10",source="hsm"} 1',
        'countersign_key_source_seconds_bucket{le="+Inf",source="hsm"} 2',
        'countersign_key_source_seconds_count{source="hsm"} 2',
        'countersign_key_source_seconds_count{source="transit"} 1',
      ]),
    );
  });
});
