/** The mirror and the witnesses of the audit log, as far as a configuration can know whether they will do. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../../src/crypto/private-key.js';
import { NOTE_COSIGNATURE, verifierKeyText } from '../../../../src/tlog/note.js';
import { configurationText, createWorkspace, loaded, problemsOf, type Workspace } from '../workspace.js';

const key = (seed: number) => generateKeyPair(new Uint8Array(32).fill(seed));
const vkey = (name: string, seed: number, type?: typeof NOTE_COSIGNATURE) =>
  verifierKeyText(name, key(seed).publicKey.raw, type);

const ORIGIN = 'countersign.example/federation';
const OUR_SEED = 9;
const WITNESS = `witness one ${vkey('witness.example', 3, NOTE_COSIGNATURE)}`;
const POLICY = `${WITNESS} https://witness.example/submit/\nquorum one\n`;
const CREDENTIALS = '[default]\naws_access_key_id = AKIA\naws_secret_access_key = abc/def+\n';
const S3 = {
  endpoint: 'https://s3.example:9000',
  bucket: 'audit',
  prefix: 'logs/one/',
  retentionDays: 30,
  credentialsFile: 'keys/s3.credentials',
};

let workspace: Workspace;
const write = (name: string, text: string): void =>
  writeFileSync(join(workspace.directory, name), text, { mode: 0o600 });

beforeEach(() => {
  workspace = createWorkspace();
  write('keys/audit-log.pem', encodePrivateKey(key(OUR_SEED), 'pem'));
  write('keys/s3.credentials', CREDENTIALS);
  write('witnesses.policy', POLICY);
});
afterEach(() => workspace.remove());

function load(holders: object, origin = ORIGIN) {
  const log = { directory: 'state/log', origin, keyFile: 'keys/audit-log.pem', ...holders };
  return workspace.load(configurationText({ audit: { log } }));
}

const mirror = (changes: object = {}) => ({ mirror: { s3: { ...S3, ...changes } } });
const witnesses = (changes: object = {}) => ({ witnesses: { policyFile: 'witnesses.policy', ...changes } });
const problems = (holders: object, origin?: string): string[] =>
  problemsOf(load(holders, origin)).map(({ path, message }) => `${path} ${message}`);

describe('the mirror', () => {
  it('is a place, and the file of its credentials, not what is in it', () => {
    expect(loaded(load(mirror())).settings.audit.log?.mirror).toEqual({
      endpoint: 'https://s3.example:9000',
      bucket: 'audit',
      prefix: 'logs/one/',
      region: 'us-east-1',
      mode: 'COMPLIANCE',
      credentialsPath: join(workspace.directory, 'keys/s3.credentials'),
      authority: undefined,
      retentionDays: 30,
      intervalSeconds: 10,
      timeoutMilliseconds: 30_000,
    });
  });

  it.each(['http://127.0.0.1:9000', 'http://[::1]:9000/', 'http://localhost'])(
    'may be without TLS on this machine: %s',
    (endpoint) => void loaded(load(mirror({ endpoint }))),
  );

  it.each([
    ['http://s3.example', 'is not encrypted, and leads away from this machine'],
    ['s3.example', 'is no URL of http or https'],
    ['ftp://s3.example', 'is no URL of http or https'],
    ['https://user:word@s3.example', 'has more than a host, a port and a path'],
    ['https://s3.example/?x', 'has more than a host, a port and a path'],
    ['https://s3.example/audit', 'has a path'],
  ])('is not at %s', (endpoint, message) => {
    const [problem, ...others] = problems(mirror({ endpoint }));
    expect(others).toEqual([]);
    expect(problem).toContain('audit.log.mirror.s3.endpoint');
    expect(problem).toContain(message);
  });

  it.each([
    ['nothing of it', 'some text'],
    ['one key alone', '[default]\naws_access_key_id = A\n'],
    ['another profile', CREDENTIALS.replace('default', 'other')],
    ['a key twice', `${CREDENTIALS}aws_access_key_id = B\n`],
  ])('has credentials in the form of AWS: not with %s', (_title, text) => {
    write('keys/s3.credentials', text);
    expect(problems(mirror())).toEqual([
      `audit.log.mirror.s3.credentialsFile the file ${join(workspace.directory, 'keys/s3.credentials')} does not give one pair of keys`,
    ]);
  });

  it('has credentials that are closed to others, and authorities that are there', () => {
    chmodSync(join(workspace.directory, 'keys/s3.credentials'), 0o644);
    const [caFile, credentials] = problems(mirror({ caFile: 'missing.pem' })).sort();
    expect(caFile).toContain('s3.caFile');
    expect(credentials).toContain('holds a secret that other users can get at');
  });
});

describe('the witnesses', () => {
  it('are those of the policy', () => {
    const { settings, warnings } = loaded(load(witnesses()));
    expect(settings.audit.log?.witnesses).toEqual({
      policyText: POLICY,
      authority: undefined,
      intervalSeconds: 30,
      timeoutMilliseconds: 5_000,
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['is no policy', `${WITNESS}\n`, 'is no policy: the policy has no quorum line'],
    ['lists none', 'quorum none\n', 'lists no witness'],
    ['has no URL for one', `${WITNESS}\nquorum one\n`, 'lists the witness "one" without a URL'],
    ['has another kind of URL', POLICY.replace('https', 'http'), 'is not encrypted'],
    [
      'is of another log',
      `log ${vkey(ORIGIN, 4)}\n${POLICY}`,
      'lists logs, and none with the key of this one',
    ],
    [
      'has this log under another name',
      `log ${vkey('other.example', OUR_SEED)}\n${POLICY}`,
      'lists this log\'s key under the name "other.example"',
    ],
  ])('cannot be asked where the policy %s', (_title, text, message) => {
    write('witnesses.policy', text);
    const [problem, ...others] = problems(witnesses());
    expect(others).toEqual([]);
    expect(problem).toMatch(/^audit\.log\.witnesses\.policyFile /);
    expect(problem).toContain(message);
  });

  it('may have a policy that lists this log', () => {
    write('witnesses.policy', `log ${vkey(ORIGIN, OUR_SEED)}\n${POLICY}`);
    loaded(load(witnesses()));
    loaded(load(witnesses(), 'countersign.example/pods/{instance}'));
  });

  it('are no quorum where the policy asks for none, which is worth a warning', () => {
    write('witnesses.policy', POLICY.replace('quorum one', 'quorum none'));
    expect(loaded(load(witnesses())).warnings).toMatchObject([{ path: 'audit.log.witnesses.policyFile' }]);
  });
});
