import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { encodePrivateKey, generateKeyPair } from '../../../../src/crypto/private-key.js';
import { encodePublicKey } from '../../../../src/crypto/public-key.js';
import { activeKeyOf, domainOf } from '../../../../src/feedback/feedback-settings.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  loaded,
  nowMs,
  problemsOf,
  publicKeys,
  identity,
  type Workspace,
} from '../workspace.js';

const tenant = '11111111-1111-4111-8111-111111111111';
const policies = [
  { name: 'feedback', profile: 'federation.feedback-query' },
  { name: 'graph', profile: 'federation.execution-graph' },
];

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

type Changes = Readonly<Record<string, unknown>>;
const load = (section: Changes, changes: Changes = {}) =>
  workspace.load(configurationText({ policies, feedback: feedback(section), ...changes }));
const settingsOf = (section: Changes) => loaded(load(section)).snapshot.feedback!;
const warningsOf = (section: Changes, changes: Changes = {}) =>
  loaded(load(section, changes)).warnings.map(({ path, message }) => `${path}: ${message}`);
const entry = (kid: string, file: string, validity: Changes = {}) => ({
  kid,
  privateKeyFile: `keys/${file}`,
  ...validity,
});
const write = (name: string, content: Uint8Array | string, mode = 0o600) => {
  const file = join(workspace.directory, 'keys', name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
};

describe('the feedback section', () => {
  test('has every default where the file is silent', () => {
    expect(settingsOf({})).toMatchObject({
      defaultDomain: { activeKid: undefined },
      tenantDomains: new Map(),
      adjustmentSchemaVersions: new Set(['feedback.adjustment.v1']),
      maxAnswerBytes: 1_048_576,
      executions: { required: false, maxPerTenant: 10_000, retentionSeconds: 604_800 },
    });
  });

  test('is frozen, and the key files are among those that a reload watches', () => {
    const { snapshot, filesRead } = loaded(load({}));
    const settings = snapshot.feedback!;
    for (const value of [settings, settings.defaultDomain, settings.defaultDomain.keys, settings.executions])
      expect(Object.isFrozen(value)).toBe(true);
    expect(filesRead).toContain(join(workspace.directory, 'keys/fb-2026.pem'));
  });

  test('reads one key alike in every encoding', () => {
    const key = generateKeyPair(new Uint8Array(32).fill(7));
    const names = (['pem', 'base64', 'jwk'] as const).map((encoding) => {
      write(encoding, encodePrivateKey(key, encoding));
      return encoding;
    });
    write('raw', new Uint8Array(32).fill(7));
    const { keys } = settingsOf({
      keys: [...names, 'raw'].map((name) => entry(name, name)),
    }).defaultDomain;
    expect(new Set(keys.map(({ publicKey }) => publicKey.fingerprint))).toEqual(
      new Set([key.publicKey.fingerprint]),
    );
    expect(keys).toHaveLength(4);
  });

  test('shows no private key to printers, loggers and serializers', () => {
    const secret = generateKeyPair(new Uint8Array(32).fill(1)).secret;
    const { snapshot } = loaded(load({}));
    const shown = [
      JSON.stringify(snapshot.feedback),
      inspect(snapshot, { depth: Infinity, showHidden: true }),
      JSON.stringify(structuredClone({ keys: snapshot.feedback!.defaultDomain.keys })),
    ].join('\n');
    expect(shown).toContain('fb-2026');
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(shown).not.toContain(Buffer.from(secret.subarray(0, 30)).toString(encoding));
    expect(shown).not.toMatch(/1,\s*1,\s*1,\s*1/);
  });

  test('gives a tenant the keys of its own and every other the default ones', () => {
    const settings = settingsOf({ tenants: { [tenant]: { keys: [entry('own', 'fb-own.key')] } } });
    expect(domainOf(settings, tenant).keys.map(({ kid }) => kid)).toEqual(['own']);
    expect(domainOf(settings, 'constructor').keys.map(({ kid }) => kid)).toEqual(['fb-2026']);
  });

  test('lets one key stand in two domains under one id, as while a tenant moves', () => {
    const both = [entry('fb-2026', 'fb-2026.pem'), entry('own', 'fb-own.key')];
    const settings = settingsOf({ tenants: { [tenant]: { keys: both, activeKid: 'own' } } });
    expect(activeKeyOf(domainOf(settings, tenant), nowMs)?.kid).toBe('own');
  });
});

describe('the key that signs', () => {
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-06-01T00:00:00Z'];
  const future = '2027-06-01T00:00:00Z';
  const activeAt = (section: Changes, moment = nowMs) =>
    activeKeyOf(settingsOf(section).defaultDomain, moment)?.kid;

  test.each<[string, readonly object[], string]>([
    [
      'the one with the latest notBefore',
      [
        entry('a', 'fb-2026.pem', { notBefore: late }),
        entry('b', 'fb-2028.key', { notBefore: early }),
        entry('c', 'fb-own.key'),
      ],
      'a',
    ],
    [
      'the last of those with the same notBefore',
      [entry('a', 'fb-2026.pem'), entry('b', 'fb-2028.key')],
      'b',
    ],
    [
      'not one that is still to come',
      [entry('a', 'fb-2026.pem'), entry('b', 'fb-2028.key', { notBefore: future })],
      'a',
    ],
    [
      'not one that has ended',
      [
        entry('a', 'fb-2026.pem'),
        entry('b', 'fb-2028.key', { notBefore: late, notAfter: '2026-12-31T00:00:00Z' }),
      ],
      'a',
    ],
  ])('is %s', (_, keys, kid) => {
    expect(activeAt({ keys })).toBe(kid);
  });

  test('is the one that activeKid names, whatever the others', () => {
    const keys = [entry('a', 'fb-2026.pem'), entry('b', 'fb-2028.key', { notBefore: late })];
    expect(activeAt({ keys, activeKid: 'a' })).toBe('a');
  });

  test('is none when the one that activeKid names has ended: no other takes its place', () => {
    const keys = [entry('a', 'fb-2026.pem', { notAfter: future }), entry('b', 'fb-2028.key')];
    expect(activeAt({ keys, activeKid: 'a' }, Date.parse(future) - 1)).toBe('a');
    expect(activeAt({ keys, activeKid: 'a' }, Date.parse(future))).toBeUndefined();
  });
});

describe('a feedback section is refused with', () => {
  const otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const files: Readonly<Record<string, string | Uint8Array>> = {
    'request.key': Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
    'public.pem': encodePublicKey(generateKeyPair(new Uint8Array(32).fill(8)).publicKey, 'pem'),
    'rsa.pem': otherKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'locked.pem': generateKeyPairSync('ed25519')
      .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
      .toString(),
    'text.key': 'not a key at all!',
    'hex.key': '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n',
    'short.key': new Uint8Array(31).fill(9),
    'empty.key': '',
    'huge.key': Buffer.alloc(65_537, 'A'),
  };
  const key = (file: string) => ({ keys: [entry('fb', file)] });
  const at = 'feedback.keys[0].privateKeyFile';
  const ownKeys = (...keys: object[]) => ({ tenants: { [tenant]: { keys } } });

  test.each<[string, Changes, string, string, string]>([
    ['the key of an identity', key('request.key'), at, '"producer-a" signs its requests with', 'keygen'],
    ['a public key', key('public.pem'), at, 'public key where the private', 'file of the private key'],
    ['a key of another algorithm', key('rsa.pem'), at, 'must be Ed25519', 'name an Ed25519'],
    ['a key with a passphrase', key('locked.pem'), at, 'encrypted with a passphrase', 'without a passphrase'],
    ['a text that is no key', key('text.key'), at, 'none of', 'name an Ed25519'],
    ['a key in hex', key('hex.key'), at, 'cannot be used', 'name an Ed25519'],
    ['31 bytes', key('short.key'), at, 'cannot be used', 'name an Ed25519'],
    ['an empty file', key('empty.key'), at, 'is empty', 'write its content'],
    ['a file that is too long', key('huge.key'), at, 'is larger than', 'the right file'],
    ['a directory', key('.'), at, 'is not a regular file', 'name the key file'],
    ['a file that is missing', key('absent.key'), at, 'does not exist', 'correct the name'],
    [
      'an activeKid that no key has',
      { activeKid: 'other' },
      'feedback.activeKid',
      '"other" is the id of none of the keys',
      'name one of them: fb-2026',
    ],
    [
      "an activeKid of another domain's key",
      { tenants: { [tenant]: { keys: [entry('own', 'fb-own.key')], activeKid: 'fb-2026' } } },
      `feedback.tenants.${tenant}.activeKid`,
      'is the id of none of the keys',
      'name one of them: own',
    ],
    [
      'an id that is there twice',
      { keys: [entry('a', 'fb-2026.pem'), entry('a', 'fb-2028.key')] },
      'feedback.keys[1].kid',
      'repeats "a"',
      'an id of its own',
    ],
    [
      'an id of two keys in two domains',
      ownKeys(entry('fb-2026', 'fb-own.key')),
      `feedback.tenants.${tenant}.keys[0].kid`,
      'is another key at feedback.keys[0]',
      'over all signing domains',
    ],
  ])('%s', (_, section, path, message, remedy) => {
    for (const [name, content] of Object.entries(files)) write(name, content);
    const problems = problemsOf(load(section));
    expect(problems.map((problem) => problem.path)).toEqual([path]);
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]?.remedy).toContain(remedy);
    const file = workspace.directory;
    if (path.endsWith('File') && !message.includes('requests')) expect(problems[0]?.message).toContain(file);
  });

  test.each([0o644, 0o604, 0o660, 0o622])('a key file of mode %o', (mode) => {
    const file = write('open.key', new Uint8Array(32).fill(5), mode);
    expect(problemsOf(load(key('open.key')))).toEqual([
      expect.objectContaining({ path: at, remedy: `close it to others: chmod 600 ${file}` }),
    ]);
  });

  test('the key of an identity that is for bundles only, in any domain', () => {
    write('request.key', files['request.key']!);
    const keys = [{ kid: 'k', publicKey: publicKeys.first, purposes: ['bundle'] }];
    const problems = problemsOf(
      load(ownKeys(entry('own', 'request.key')), { identities: [identity({ keys })] }),
    );
    expect(problems.map(({ path }) => path)).toEqual([`feedback.tenants.${tenant}.keys[0].privateKeyFile`]);
  });

  test('nothing more than its own fault, where a policy leans on it', () => {
    expect(problemsOf(load({ maxAnswerBytes: 'x' })).map(({ path }) => path)).toEqual([
      'feedback.maxAnswerBytes',
    ]);
  });
});

describe('a warning is given for', () => {
  const ended = { notAfter: '2026-12-31T00:00:00Z' };
  const coming = { notBefore: '2028-01-01T00:00:00Z' };

  test.each<[string, Changes, Changes, string]>([
    [
      'a domain in which no key is valid now',
      { keys: [entry('a', 'fb-2026.pem', coming)] },
      {},
      'feedback.keys: no key is valid now: no answer can be signed',
    ],
    [
      'an active key that is not valid now',
      { keys: [entry('a', 'fb-2026.pem', ended), entry('b', 'fb-2028.key')], activeKid: 'a' },
      {},
      'feedback.activeKid: "a" is not valid now: no answer can be signed',
    ],
    [
      'a key that has expired',
      { keys: [entry('a', 'fb-2026.pem', ended), entry('b', 'fb-2028.key')] },
      {},
      'feedback.keys[0].notAfter: this key has expired',
    ],
    [
      'a key under two ids',
      { keys: [entry('a', 'fb-2026.pem'), entry('b', 'fb-2026.pem')] },
      {},
      'feedback.keys[1].privateKeyFile: is the same key as "a"',
    ],
    [
      'a tenant that no operator is mapped to',
      { tenants: { [tenant.replaceAll('1', '3')]: { keys: [entry('own', 'fb-own.key')] } } },
      {},
      `feedback.tenants.${tenant.replaceAll('1', '3')}: no operator is mapped to this tenant`,
    ],
    [
      'keys that nothing is signed with',
      {},
      { policies: [{ name: 'graph', profile: 'federation.execution-graph' }] },
      'feedback: no policy signs its answers',
    ],
    [
      'required executions that a restart forgets',
      { executions: { required: true } },
      { nonces: { store: 'memory' } },
      'feedback.executions.required: executions are kept in memory, so after a restart adjustments are refused until their graphs come again',
    ],
  ])('%s', (_, section, changes, warning) => {
    expect(warningsOf(section, changes)).toContain(warning);
  });

  test('nothing, when there is nothing to look at', () => {
    expect(warningsOf({})).toEqual([]);
  });
});
