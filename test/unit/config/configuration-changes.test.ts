import { configurationChanges } from '../../../src/config/configuration-changes.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  keySet,
  loaded,
  publicKeys,
  thumbprints,
  type Workspace,
} from './workspace.js';

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

const TENANT = '11111111-1111-4111-8111-111111111111';
const load = (changes: Readonly<Record<string, unknown>>) =>
  loaded(workspace.load(configurationText(changes)));

const AT_ONCE = (): Promise<void> => Promise.resolve();

function changesBetween(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Promise<readonly string[]> {
  return configurationChanges(load(before), load(after), AT_ONCE);
}

const other = identity({ name: 'producer-b', certificates: [{ sha256: 'b'.repeat(64) }] });
const second = { kid: 'k2', publicKey: publicKeys.second };
const first = { kid: 'k1', publicKey: publicKeys.first };
const policies = [
  { name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.0'] },
  { name: 'feedback', profile: 'federation.feedback-query' },
];
const signs = (changes: object = {}) => ({ policies, feedback: feedback({ ...changes }) });
const later = { kid: 'fb-2028', privateKeyFile: 'keys/fb-2028.key' };
const now = { kid: 'fb-2026', privateKeyFile: 'keys/fb-2026.pem' };

describe('what a reload has changed', () => {
  test.each<[string, object, object, string[]]>([
    ['nothing', {}, {}, []],
    ['an identity that came', {}, { identities: [identity(), other] }, ['identities added: producer-b']],
    ['one that went', { identities: [identity(), other] }, {}, ['identities removed: producer-b']],
    [
      'one that is revoked',
      {},
      { identities: [identity({ revoked: true })] },
      ['identities revoked: producer-a'],
    ],
    [
      'a key that came',
      {},
      { identities: [identity({ keys: [first, second] })] },
      ['keys added: producer-a/k2'],
    ],
    [
      'a key set that came',
      {},
      { identities: [identity({ keySets: [keySet()] })] },
      ['key sets added: producer-a/https://producer.example/keys.json'],
    ],
    [
      'a thumbprint more',
      { identities: [identity({ keySets: [keySet()] })] },
      {
        identities: [
          identity({ keySets: [keySet({ thumbprints: [thumbprints.first, thumbprints.second] })] }),
        ],
      },
      ['key sets changed: producer-a/https://producer.example/keys.json'],
    ],
    [
      'a key in the place of another',
      {},
      { identities: [identity({ keys: [{ ...second, kid: 'k1' }] })] },
      ['keys changed: producer-a/k1'],
    ],
    [
      'a key that ends',
      {},
      { identities: [identity({ keys: [{ ...first, notAfter: '2028-01-01T00:00:00Z' }] })] },
      ['keys changed: producer-a/k1'],
    ],
    [
      'a key for something else',
      {},
      { identities: [identity({ keys: [{ ...first, purposes: ['request', 'bundle'] }] })] },
      ['keys changed: producer-a/k1'],
    ],
    [
      'another pin',
      {},
      { identities: [identity({ certificates: [{ sha256: 'c'.repeat(64) }] })] },
      [
        'pins added: producer-a/certificate:cccccccccccccccc',
        'pins removed: producer-a/certificate:aaaaaaaaaaaaaaaa',
      ],
    ],
    [
      'the order of pins alone',
      { identities: [identity({ keys: [first, second] })] },
      { identities: [identity({ keys: [second, first] })] },
      [],
    ],
    [
      'for whom an identity speaks',
      {},
      { identities: [identity({ operators: undefined })] },
      ['operators of identities changed: producer-a'],
    ],
    [
      'an operator that came',
      {},
      { operators: { 'operator-a': TENANT, 'operator-b': TENANT } },
      ['operators added: operator-b'],
    ],
    [
      'an operator that moved',
      {},
      { operators: { 'operator-a': '22222222-2222-4222-8222-222222222222' } },
      ['operators of another tenant: operator-a'],
    ],
    [
      'a policy that is stricter',
      {},
      { policies: [{ name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.1'] }] },
      ['policies changed: telemetry'],
    ],
    [
      'a policy under another name',
      {},
      { policies: [{ ...policies[0], name: 'events' }] },
      ['policies added: events', 'policies removed: telemetry'],
    ],
    [
      'a feedback key that came',
      signs(),
      signs({ keys: [now, later] }),
      ['feedback keys added: by default/fb-2028'],
    ],
    [
      'the one that signs',
      signs({ keys: [now, later] }),
      signs({ keys: [now, later], activeKid: 'fb-2026' }),
      ['active feedback key changed: by default/fb-2026'],
    ],
    ['the log level', {}, { log: { level: 'debug' } }, ['settings changed: log.level']],
    ['a header name', {}, { headers: { nonce: 'x-other-nonce' } }, ['settings changed: headers']],
    [
      'who is believed',
      {},
      { forwardedClientCert: 'trusted-hop' },
      ['settings changed: forwardedClientCert'],
    ],
  ])('is told by name: %s', async (_title, before, after, lines) => {
    expect(await changesBetween(before as Record<string, unknown>, after as Record<string, unknown>)).toEqual(
      lines,
    );
  });

  test('is bounded: of 2,000 new operators ten are named', async () => {
    const operators = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`o${index}`, TENANT]));
    const lines = await changesBetween({}, { operators: { ...operators, 'operator-a': TENANT } });
    expect(lines).toEqual([
      `operators added: ${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `o${n}`).join(', ')} and 1990 more`,
    ]);
  });

  test('is found in a time that serves: 20,000 identities, all of them changed', async () => {
    const base = load({});
    const one = base.snapshot.identities.get('producer-a')!;
    const make = (digit: string) => {
      const identities = Array.from({ length: 20_000 }, (_, index) => {
        const pins = [{ ...one.pins[0]!, sha256: digit.repeat(64) }];
        return [`i${index}`, { ...one, name: `i${index}`, pins, keys: [...one.keys] }] as const;
      });
      return { ...base, snapshot: { ...base.snapshot, identities: new Map(identities) } };
    };
    const [before, same, after] = [make('a'), make('a'), make('b')];
    const startedMs = performance.now();
    expect(await configurationChanges(before, same, AT_ONCE)).toEqual([]);
    let pauses = 0;
    const lines = await configurationChanges(before, after, () => {
      pauses++;
      return Promise.resolve();
    });
    // Some 15 and 60 ms on an old laptop; quadratic it would be minutes.
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    // Requests are served between its slices.
    expect(pauses).toBeGreaterThanOrEqual(100);
    expect(lines.map((line) => line.replace(/:.* and/, ' and'))).toEqual([
      'pins added and 19990 more',
      'pins removed and 19990 more',
    ]);
  });
});
