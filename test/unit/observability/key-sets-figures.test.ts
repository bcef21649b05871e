/** Key sets in `/status` and the metrics, and what readiness waits for: what is worst off comes first, and bounds hold. */
import { Registry } from 'prom-client';
import {
  addKeySetMetrics,
  describeKeySets,
  keySetsHealth,
  type KeySetsLook,
  type KeySetState,
} from '../../../src/observability/key-sets-view.js';
import type { VerificationKey } from '../../../src/verify/snapshot.js';
import { sampleKey, settingsFor } from '../keys/key-sets/support.js';

const NOW_MS = Date.parse('2027-01-01T00:00:00Z');
const key = sampleKey(7);
const inForce: VerificationKey = {
  kid: 'k7',
  purposes: ['request'],
  publicKey: key.privateKey.publicKey,
  notBeforeMs: -Infinity,
  notAfterMs: NOW_MS + 1,
};

const state = (changes: Partial<KeySetState> = {}, identity = 'producer-a'): KeySetState => ({
  settings: settingsFor([key], { identity, url: `https://${identity}.example/keys.json` }),
  keys: [inForce],
  refused: [],
  lastSuccessMs: NOW_MS - 1_000,
  staleMs: NOW_MS + 60_000,
  fault: undefined,
  isPending: false,
  ...changes,
});
const never = state(
  { keys: [], lastSuccessMs: undefined, staleMs: -Infinity, isPending: true },
  'never-fetched',
);
const away = state({ fault: 'refuses connections' }, 'away');
const ended = state({ keys: [{ ...inForce, notAfterMs: NOW_MS }] }, 'ended');

const look = (states: readonly KeySetState[], awaited = 0): KeySetsLook => ({
  states: () => states,
  fetches: { succeeded: 3, failed: 1 },
  awaited: () => awaited,
});

describe('readiness', () => {
  const health = (states: readonly KeySetState[], awaited = 0) =>
    keySetsHealth(look(states, awaited), () => NOW_MS);

  test('waits for the sets that were never tried', () => {
    expect(health([never], 2).fault()).toBe('2 key sets are fetched for the first time');
    expect(health([never]).fault()).toBeUndefined();
  });

  test.each<[string, readonly KeySetState[], RegExp | undefined]>([
    ['nothing where there is no set', [], undefined],
    ['nothing of a good one', [state()], undefined],
    ['nothing of one that is being fetched for the first time', [never], undefined],
    [
      'first of all one that gives no key',
      [away, ended],
      /^1 of 2 cannot be fetched, 1 of 2 give no key that counts, such as https:\/\/ended.*: no key of it is valid now; see/,
    ],
  ])('notes %s', (_title, states, note) => {
    const said = health(states).note?.();
    if (note === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(note);
  });
});

describe('/status', () => {
  test('says nothing without sets', () => {
    expect(describeKeySets(look([]), NOW_MS)).toBeUndefined();
  });

  test('has no time that never was, and names the keys that count now', () => {
    const refused = [{ kid: 'k8', thumbprint: 't', reason: 'is no key' }];
    expect(describeKeySets(look([never, state({ refused })]), NOW_MS)).toEqual({
      count: 2,
      fetches: { succeeded: 3, failed: 1 },
      sets: [
        expect.objectContaining({
          identity: 'never-fetched',
          last_success: undefined,
          counts_until: undefined,
          kids: [],
        }),
        {
          identity: 'producer-a',
          url: 'https://producer-a.example/keys.json',
          last_success: '2026-12-31T23:59:59.000Z',
          counts_until: '2027-01-01T00:01:00.000Z',
          fault: undefined,
          kids: ['k7'],
          refused,
        },
      ],
    });
    // At its very end a key counts no more.
    expect(describeKeySets(look([state()]), NOW_MS + 1)).toMatchObject({ sets: [{ kids: [] }] });
  });

  test('shows a hundred, those that stop counting first', () => {
    const states = Array.from({ length: 150 }, (_, at) => state({ staleMs: NOW_MS + 1_000 - at }, `p-${at}`));
    const said = describeKeySets(look([...states, never]), NOW_MS) as {
      count: number;
      sets: { identity: string }[];
    };
    expect([said.count, said.sets.length]).toEqual([151, 100]);
    expect(said.sets.slice(0, 2).map(({ identity }) => identity)).toEqual(['never-fetched', 'p-149']);
  });
});

describe('the metrics', () => {
  async function samples(states: readonly KeySetState[]): Promise<string[]> {
    const registry = new Registry();
    addKeySetMetrics(registry, look(states), () => NOW_MS);
    return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  }
  const of = (name: string, { settings: { identity, url } }: KeySetState, value: number) =>
    `countersign_key_set_${name}{identity="${identity}",url="${url}"} ${value}`;

  test('are those of fetches alone without sets', async () => {
    expect(await samples([])).toEqual([
      'countersign_key_set_fetches_total{outcome="succeeded"} 3',
      'countersign_key_set_fetches_total{outcome="failed"} 1',
    ]);
  });

  test('are numbers for a set that was never fetched, too', async () => {
    const refusing = state({ refused: [{ kid: 'k8', thumbprint: 't', reason: 'is no key' }] });
    expect(await samples([never, away, ended, refusing])).toEqual(
      expect.arrayContaining([
        of('up', never, 0),
        of('up', away, 0),
        of('up', ended, 1),
        of('last_success_timestamp_seconds', never, 0),
        of('last_success_timestamp_seconds', away, NOW_MS / 1000 - 1),
        of('stale_timestamp_seconds', never, 0),
        of('stale_timestamp_seconds', away, NOW_MS / 1000 + 60),
        of('keys', never, 0),
        of('keys', away, 1),
        of('keys', ended, 0),
        of('refused_keys', refusing, 1),
        of('refused_keys', away, 0),
      ]),
    );
  });

  test('are of a thousand sets at most, those that stop counting first, and of none that has gone', async () => {
    const states = Array.from({ length: 1_100 }, (_, at) => state({ staleMs: NOW_MS + at }, `p-${at}`));
    const shown = (await samples(states)).filter((line) => line.startsWith('countersign_key_set_up'));
    expect(shown).toHaveLength(1_000);
    expect(shown).not.toContain(of('up', states[1_000]!, 1));
    const registry = new Registry();
    let now: readonly KeySetState[] = [away];
    addKeySetMetrics(registry, { ...look([]), states: () => now }, () => NOW_MS);
    expect(await registry.metrics()).toContain(of('up', away, 0));
    now = [];
    expect(await registry.metrics()).not.toContain('identity="away"');
  });
});
