/** The `audit` section: where the records may go, and the key of the log. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../../src/crypto/private-key.js';
import { encodePublicKey } from '../../../../src/crypto/public-key.js';
import {
  packConfiguration,
  unpackConfiguration,
  type PackedConfiguration,
} from '../../../../src/config/packed-configuration.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  loaded,
  problemsOf,
  type Workspace,
} from '../workspace.js';

const pair = generateKeyPair(new Uint8Array(32).fill(9));
const LOG = {
  directory: 'state/audit-log',
  origin: 'countersign.example/federation',
  keyFile: 'keys/audit-log.pem',
};

let workspace: Workspace;
const keyPath = (): string => join(workspace.directory, LOG.keyFile);
const audit = (changes: object = {}, log: object = {}): string =>
  configurationText({ audit: { log: { ...LOG, ...log }, ...changes } });

beforeEach(() => {
  workspace = createWorkspace();
  writeFileSync(keyPath(), encodePrivateKey(pair, 'pem'), { mode: 0o600 });
});
afterEach(() => workspace.remove());

describe('the audit log', () => {
  it('is the only place for the records, or one beside a file or standard output', () => {
    const sinks = [{}, { file: 'decisions.ndjson' }, { stdout: true }].map(
      (changes) => loaded(workspace.load(audit(changes))).settings.audit.sink?.kind,
    );
    expect(sinks).toEqual([undefined, 'file', 'stdout']);
  });

  it('has absolute paths, and of its key the public half alone', () => {
    const { settings } = loaded(workspace.load(audit({ durability: 'machine' }, { retentionDays: 400 })));
    expect(settings.audit).toEqual({
      sink: undefined,
      log: {
        directory: join(workspace.directory, 'state/audit-log'),
        origin: LOG.origin,
        keyFile: keyPath(),
        publicKey: Uint8Array.from(pair.publicKey.raw),
        retentionDays: 400,
        mirror: undefined,
        witnesses: undefined,
      },
      onFailure: 'refuse',
      durability: 'machine',
    });
  });

  it('is not to be on the disk by way of a standard output that nobody named', () => {
    const problems = problemsOf(workspace.load(configurationText({ audit: { durability: 'machine' } })));
    expect(problems).toMatchObject([{ path: 'audit', message: 'names no place for the records' }]);
  });

  it('may be shared by workers', () => {
    loaded(workspace.load(audit(), { workers: 4 }));
  });

  it('comes over to another thread as it was', async () => {
    const configuration = loaded(workspace.load(audit()));
    const parts: PackedConfiguration = packConfiguration(configuration, new Map());
    const unpacked = await unpackConfiguration(parts, 1, () => Promise.resolve());
    expect(unpacked.configuration?.settings.audit.log).toEqual(configuration.settings.audit.log);
  });

  it.each([
    'countersign.example',
    'localhost:8443/a',
    'countersign.example/pods/{instance}',
    'a.example/{instance}-b',
  ])('may be called %s', (origin) => {
    expect(loaded(workspace.load(audit({}, { origin }))).settings.audit.log?.origin).toBe(origin);
  });

  it.each([
    '',
    '/a',
    'a//b',
    'a/',
    'a/b?c',
    'a\nb',
    'é.example',
    '{instance}/a',
    'a/{instance}/{instance}',
    `a/${'b'.repeat(300)}`,
  ])('may not be called %j', (origin) => {
    const problems = problemsOf(workspace.load(audit({}, { origin })));
    expect(problems.map(({ path }) => path)).toEqual(['audit.log.origin']);
  });
});

describe('the key of the audit log', () => {
  const problem = (text: string): string => {
    const [first, ...others] = problemsOf(workspace.load(text));
    expect([first?.path, others]).toEqual(['audit.log.keyFile', []]);
    return first?.message ?? '';
  };

  it('is closed to others', () => {
    chmodSync(keyPath(), 0o644);
    expect(problem(audit())).toContain('has mode 0644');
    rmSync(keyPath());
    expect(problem(audit())).toContain('does not exist');
  });

  it('signs no requests', () => {
    const keys = [{ kid: 'k1', publicKey: encodePublicKey(pair.publicKey, 'base64').trim() }];
    const text = configurationText({ audit: { log: LOG }, identities: [identity({ keys })] });
    expect(problem(text)).toBe('is the key that "producer-a" signs its requests with');
  });

  it.each([
    ['signs no answers, of any tenant', {}],
    ['vouches for no keys in memory', { delegation: { lifetime: '24h' } }],
  ])('%s', (_, changes) => {
    const log = { ...LOG, keyFile: 'keys/fb-own.key' };
    const policies = [{ name: 'feedback', profile: 'federation.feedback-query' }];
    const tenants = {
      '11111111-1111-4111-8111-111111111111': {
        keys: [{ kid: 'own', privateKeyFile: 'keys/fb-own.key' }],
        ...changes,
      },
    };
    const text = configurationText({ audit: { log }, policies, feedback: feedback({ tenants }) });
    expect(problem(text)).toBe('is the feedback key "own"');
  });

  it('is watched: a new one in the file is a change', () => {
    const { filesRead } = loaded(workspace.load(audit()));
    expect(filesRead).toContain(keyPath());
  });
});
