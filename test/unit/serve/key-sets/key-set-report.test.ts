/** What log and audit log are told of key sets: each change once, and nothing of what stays. */
import type { KeySetState } from '../../../../src/observability/key-sets-view.js';
import type { KeySetInForce } from '../../../../src/serve/key-sets/key-set-overlay.js';
import { KeySetReport } from '../../../../src/serve/key-sets/key-set-report.js';
import type { VerificationKey } from '../../../../src/verify/snapshot.js';
import { sampleKey, settingsFor } from '../../keys/key-sets/support.js';

const NOW_MS = Date.parse('2027-01-01T00:00:00Z');
const URL = 'https://producer.example/keys.json';

let logged: string[];
let recorded: (readonly [what: string, members: object])[];
let report: KeySetReport;
beforeEach(() => {
  [logged, recorded] = [[], []];
  const log = (level: string) => (members: object, message: string) =>
    void logged.push(`${level} ${message} ${JSON.stringify(members)}`);
  report = new KeySetReport({
    logger: { info: log('info'), warn: log('warn'), error: log('error') } as never,
    life: {
      keySet: (event, members) => void recorded.push([event, members]),
      fetchedKeys: (changes, generation) => {
        for (const { how, owner, credential, url } of changes)
          recorded.push([`${how} ${owner} ${(credential as { kid: string }).kid}`, { url, generation }]);
        return Promise.resolve();
      },
    },
  });
});
const told = (): string[] => recorded.map(([what]) => what);

/** `endMs`: when it ends by the set's own word; until when it counts follows from the fetch. */
function keyOf(number: number, { endMs = Infinity, kid = `k${number}` } = {}): VerificationKey {
  return {
    kid,
    purposes: ['request'],
    publicKey: sampleKey(number).privateKey.publicKey,
    notBeforeMs: -Infinity,
    notAfterMs: NOW_MS + 60_000,
    fetched: { url: URL, notAfterMs: endMs },
  };
}

function set(keys: readonly VerificationKey[], changes: Partial<KeySetInForce> = {}): KeySetInForce {
  return { settings: settingsFor([]), keys, refused: [], ...changes };
}

describe('keys that come and go', () => {
  test('are told with the generation that they came to', () => {
    report.changed([set([keyOf(1), keyOf(2)])], 4);
    expect(recorded).toEqual([
      ['added producer-a k1', { url: URL, generation: 4 }],
      ['added producer-a k2', { url: URL, generation: 4 }],
    ]);
    expect(logged).toEqual([
      expect.stringMatching(/^info a key of a key set was added .*"kid":"k1"/),
      expect.stringMatching(/^info a key of a key set was added .*"kid":"k2"/),
    ]);
  });

  test.each<[string, readonly VerificationKey[], string[]]>([
    ['that stay, for longer after another fetch', [{ ...keyOf(1), notAfterMs: NOW_MS + 90_000 }], []],
    ['that go', [], ['removed producer-a k1']],
    ['that end sooner by the word of the set', [keyOf(1, { endMs: NOW_MS + 1 })], ['changed producer-a k1']],
    ['under another kid', [keyOf(1, { kid: 'k9' })], ['added producer-a k9', 'removed producer-a k1']],
    [
      'that are others under the same kid',
      [keyOf(2, { kid: 'k1' })],
      ['added producer-a k1', 'removed producer-a k1'],
    ],
  ])('are told: those %s', (_title, keys, changes) => {
    report.changed([set([keyOf(1)])], 1);
    recorded.length = 0;
    report.changed([set(keys)], 2);
    expect(told()).toEqual(changes);
  });

  test('are told of as gone with their set, and nothing is where nothing was looked at anew', () => {
    const same = [
      set([keyOf(1)]),
      set([keyOf(2)], { settings: settingsFor([], { identity: 'producer-b' }) }),
    ];
    report.changed(same, 1);
    recorded.length = 0;
    report.changed(same, 2);
    expect(told()).toEqual([]);
    report.changed(same.slice(1), 3);
    expect(told()).toEqual(['removed producer-a k1']);
  });

  test('are told loudly where they do not count, once for each reason', () => {
    const refused = (reason: string) => set([], { refused: [{ kid: 'k1', thumbprint: 't', reason }] });
    report.changed([refused('is no point')], 1);
    report.changed([refused('is no point')], 2);
    report.changed([refused('is a feedback key')], 3);
    report.changed([set([])], 4);
    report.changed([refused('is no point')], 5);
    expect(logged).toEqual([
      expect.stringMatching(/^error A PINNED KEY OF A KEY SET DOES NOT COUNT .*is no point/),
      expect.stringMatching(/^error .*is a feedback key/),
      expect.stringMatching(/^error .*is no point/),
    ]);
    expect(told()).toEqual([]);
  });
});

describe('a set', () => {
  const state = (changes: Partial<KeySetState> = {}, identity = 'producer-a'): KeySetState => ({
    settings: settingsFor([], { identity }),
    keys: [],
    refused: [],
    lastSuccessMs: NOW_MS,
    staleMs: NOW_MS + 1_000,
    fault: undefined,
    isPending: false,
    ...changes,
  });
  const pending = state({ isPending: true, staleMs: -Infinity, lastSuccessMs: undefined });
  const away = state({ fault: 'refuses connections' });

  test.each<[string, readonly (readonly [KeySetState, number])[], string[]]>([
    [
      'that is good from the first',
      [
        [pending, 0],
        [state(), 0],
      ],
      [],
    ],
    [
      'that was never fetched well',
      [
        [pending, 0],
        [{ ...pending, isPending: false, fault: 'is away' }, 0],
      ],
      ['key_set.stale'],
    ],
    [
      'that is away and returns',
      [
        [state(), 0],
        [away, 0],
        [away, 0],
        [state(), 0],
      ],
      ['key_set.away', 'key_set.returned'],
    ],
    [
      'that is away until its keys end',
      [
        [away, 999],
        [away, 1_000],
        [away, 2_000],
        [state({ staleMs: NOW_MS + 9_000 }), 3_000],
      ],
      ['key_set.away', 'key_set.stale', 'key_set.returned'],
    ],
    ['that is stale though its last fetch was good', [[state(), 1_000]], ['key_set.stale']],
  ])('%s is told of at each change', (_title, looks, events) => {
    for (const [one, later] of looks) report.look([one], NOW_MS + later);
    expect(told()).toEqual(events);
    expect(logged).toHaveLength(events.length);
  });

  test('that several identities share is told of once, with all of them, by the one that is worst off', () => {
    const stale = state({ staleMs: NOW_MS, fault: 'refuses connections' }, 'producer-b');
    report.look([state(), stale, away], NOW_MS);
    expect(recorded).toEqual([
      [
        'key_set.stale',
        {
          key_set: URL,
          identities: ['producer-a', 'producer-b', 'producer-a'],
          reason: 'refuses connections',
        },
      ],
    ]);
    expect(logged).toEqual([expect.stringMatching(/^error THE KEYS OF A KEY SET DO NOT COUNT/)]);
  });

  test('that is configured no more is forgotten, and told of anew when it comes again', () => {
    report.look([away], NOW_MS);
    report.look([], NOW_MS);
    report.look([away], NOW_MS);
    expect(told()).toEqual(['key_set.away', 'key_set.away']);
  });
});
