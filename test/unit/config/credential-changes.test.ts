/** Every key, pin, name and CA certificate that a reload adds, removes or changes is told, whoever owns it. */
import { credentialChanges } from '../../../src/config/credential-changes.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  loaded,
  publicKeys,
  type Workspace,
} from './workspace.js';

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

async function changes(before: object, after: object): Promise<string[]> {
  const load = (members: object) => loaded(workspace.load(configurationText({ ...members }))).snapshot;
  const found = await credentialChanges(load(before), load(after), () => Promise.resolve());
  return found.map(({ how, owner, credential: { kind, kid, of, name, sha256 = '' } }) =>
    [owner ?? '-', kind, how, name ?? kid ?? (of && `${of}:${sha256.slice(0, 4)}`)].join(' ').trimEnd(),
  );
}

const first = { kid: 'k1', publicKey: publicKeys.first };
const second = { kid: 'k2', publicKey: publicKeys.second };
const pin = { sha256: 'b'.repeat(64) };
const now = { kid: 'fb-2026', privateKeyFile: 'keys/fb-2026.pem' };
const later = { kid: 'fb-2028', privateKeyFile: 'keys/fb-2028.key' };
const policies = [
  { name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.0'] },
  { name: 'feedback', profile: 'federation.feedback-query' },
];
const signs = (more: object = {}) => ({ policies, feedback: feedback({ ...more }) });

const ID = 'spiffe://example.org/ns/production/sa/producer';
const dns = { dns: 'p.example.org', authority: 'ca' };
const uri = { uri: 'urn:p', authority: 'ca' };
const under = (file: string, ...more: readonly string[]): object => ({
  authorities: Object.fromEntries(['ca', ...more].map((name) => [name, { file: `certs/${file}` }])),
});

test.each<[string, object, object, string[]]>([
  ['nothing', {}, {}, []],
  ['a key that came', {}, { identities: [identity({ keys: [first, second] })] }, ['producer-a key added k2']],
  [
    'another key under the same id',
    {},
    { identities: [identity({ keys: [{ ...second, kid: 'k1' }] })] },
    ['producer-a key added k1', 'producer-a key removed k1'],
  ],
  [
    'a key that ends earlier',
    {},
    { identities: [identity({ keys: [{ ...first, notAfter: '2030-01-01T00:00:00Z' }] })] },
    ['producer-a key changed k1'],
  ],
  [
    'an identity that came, with all that it has',
    {},
    { identities: [identity(), identity({ name: 'producer-b', certificates: [pin], keys: [second] })] },
    ['producer-b key added k2', 'producer-b certificate added certificate:bbbb'],
  ],
  [
    'an identity that went',
    { identities: [identity(), identity({ name: 'producer-b', certificates: [pin], keys: [second] })] },
    {},
    ['producer-b key removed k2', 'producer-b certificate removed certificate:bbbb'],
  ],
  [
    'a name that came, and the CA under which it counts',
    {},
    { ...under('producer-a.pem'), identities: [identity({ certificateNames: [dns] })] },
    ['producer-a certificate_name added p.example.org', 'ca authority added'],
  ],
  [
    'a name that counts under another authority, or until another moment',
    { ...under('producer-a.pem'), identities: [identity({ certificateNames: [dns, uri] })] },
    {
      ...under('producer-a.pem', 'other'),
      identities: [
        identity({
          certificateNames: [
            { ...dns, authority: 'other' },
            { ...uri, notAfter: '2030-01-01T00:00:00Z' },
          ],
        }),
      ],
    },
    [
      'producer-a certificate_name added p.example.org',
      'producer-a certificate_name changed urn:p',
      'producer-a certificate_name removed p.example.org',
      'other authority added',
    ],
  ],
  [
    'a name on the word of the mesh that went',
    { forwardedClientCert: 'mesh-identity', identities: [identity({ meshNames: [{ uri: ID }] })] },
    { forwardedClientCert: 'mesh-identity' },
    [`producer-a certificate_name removed ${ID}`],
  ],
  [
    'a CA certificate that left its bundle',
    under('ca.crt'),
    under('producer-a.pem'),
    ['ca authority removed'],
  ],
  ['an authority that went', under('ca.crt'), {}, ['ca authority removed', 'ca authority removed']],
  ['a feedback key that came', signs(), signs({ keys: [now, later] }), ['- feedback_key added fb-2028']],
])('%s', async (_, before, after, expected) => {
  expect(await changes(before, after)).toEqual(expected);
});
