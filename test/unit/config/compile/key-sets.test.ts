import { jwkThumbprint } from '../../../../src/crypto/public-key.js';
import { generateKeyPair } from '../../../../src/crypto/private-key.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  keySet,
  loaded,
  problemsOf,
  thumbprints,
  type Workspace,
} from '../workspace.js';

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

const load = (...identities: object[]) => workspace.load(configurationText({ identities }));

describe('key sets of identities', () => {
  test('an identity may have nothing else, and gets the defaults', () => {
    const { settings, warnings } = loaded(load(identity({ keys: [], keySets: [keySet()] })));
    expect(settings.keySets).toEqual([
      {
        identity: 'producer-a',
        url: 'https://producer.example/keys.json',
        authority: undefined,
        thumbprints: [thumbprints.second],
        purposes: ['request'],
        refreshSeconds: 300,
        maxStaleSeconds: 86_400,
      },
    ]);
    expect(warnings).toEqual([]);
  });

  test('those of a revoked identity are not fetched', () => {
    expect(loaded(load(identity({ revoked: true, keySets: [keySet()] }))).settings.keySets).toBeUndefined();
  });

  test('the CA of a set is read', () => {
    const { settings } = loaded(load(identity({ keySets: [keySet({ caFile: 'certs/ca.crt' })] })));
    expect(settings.keySets?.[0]?.authority).toContain('BEGIN CERTIFICATE');
  });

  test.each([
    ['a feedback key', {}],
    ['a root key', { delegation: { lifetime: '24h' } }],
  ])('a thumbprint of %s is refused: who can query could forge the answers', (_, changes) => {
    const own = jwkThumbprint(generateKeyPair(new Uint8Array(32).fill(1)).publicKey.raw);
    const text = configurationText({
      identities: [identity({ keySets: [keySet({ thumbprints: [own] })] })],
      policies: [{ name: 'feedback', profile: 'federation.feedback-query' }],
      feedback: feedback(changes),
    });
    expect(problemsOf(workspace.load(text))).toMatchObject([
      {
        path: 'identities[0].keySets[0].thumbprints[0]',
        message: expect.stringContaining('feedback key "fb-2026"') as string,
      },
    ]);
  });

  test('a thumbprint that belongs to another identity is worth a warning', () => {
    const other = { name: 'producer-b', certificates: [{ sha256: 'b'.repeat(64) }], keys: [] };
    const warningsOf = (set: object) =>
      loaded(load(identity(), identity({ ...other, keySets: [set] }))).warnings.map(({ message }) => message);
    expect(warningsOf(keySet({ thumbprints: [thumbprints.first] }))).toEqual([
      '"producer-b" pins the thumbprint of a key of "producer-a"',
    ]);
    expect(warningsOf(keySet())).toEqual([]);
  });

  test('an identity has no more than 64 keys, wherever they come from', () => {
    const many = Array.from({ length: 64 }, (_, at) => jwkThumbprint(new Uint8Array(32).fill(at)));
    expect(load(identity({ keys: [], keySets: [keySet({ thumbprints: many })] })).ok).toBe(true);
    expect(problemsOf(load(identity({ keySets: [keySet({ thumbprints: many })] })))).toMatchObject([
      { path: 'identities[0].keySets', message: expect.stringContaining('64 in all') as string },
    ]);
  });

  test('more URLs than anybody fetches are refused', () => {
    const many = Array.from({ length: 1_001 }, (_, at) =>
      identity({
        name: `producer-${at}`,
        keys: [],
        keySets: [
          keySet({
            url: `https://p${at}.example/keys`,
            thumbprints: [jwkThumbprint(Buffer.alloc(32, `${at} `))],
          }),
        ],
      }),
    );
    expect(problemsOf(load(...many))).toMatchObject([{ path: 'identities' }]);
  });
});
