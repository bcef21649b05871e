import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePrivateKey } from '../../../src/crypto/private-key.js';
import { parsePublicKey } from '../../../src/crypto/public-key.js';
import { parseVerifierKey } from '../../../src/tlog/note.js';
import { parse } from 'yaml';
import { configurationText, createWorkspace, identity, loaded } from '../config/workspace.js';
import { run } from './test-world.js';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'countersign-keygen-'))));
afterEach(() => rmSync(directory, { recursive: true }));

interface KeygenJson {
  readonly private_key_file: string;
  readonly public_key_file: string;
  readonly fingerprint: string;
  readonly public_key: Readonly<Record<string, string>>;
}

describe('countersign keygen', () => {
  it('writes a private key that only its owner can read, and its public key', async () => {
    expect((await run(['keygen', '--out', directory, '--name', 'a'])).code).toBe(0);
    const file = join(directory, 'a.key');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const [secret, shown] = [
      parsePrivateKey(readFileSync(file)),
      parsePublicKey(readFileSync(join(directory, 'a.pub'))),
    ];
    expect(secret.ok && shown.ok && secret.key.publicKey.fingerprint === shown.key.fingerprint).toBe(true);
  });

  it('prints the public key in every encoding, and all are the same key', async () => {
    const { out } = await run(['keygen', '--out', directory, '--json']);
    const result = JSON.parse(out) as KeygenJson;
    expect(Object.keys(result.public_key)).toEqual(['pem', 'base64', 'openssh', 'jwk']);
    for (const text of Object.values(result.public_key)) {
      const parsed = parsePublicKey(text);
      expect(parsed.ok && parsed.key.fingerprint).toBe(result.fingerprint);
    }
  });

  it('makes the directory, closed to others, and not its parents', async () => {
    const out = join(directory, 'keys');
    expect((await run(['keygen', '--out', out])).code).toBe(0);
    expect([statSync(out).mode & 0o777, readdirSync(out).sort()]).toEqual([
      0o700,
      ['signing.key', 'signing.pub'],
    ]);
    const deeper = await run(['keygen', '--out', join(directory, 'no', 'keys')]);
    expect(deeper.err).toMatch(/^countersign: the directory of .*no\/keys does not exist\n {2}remedy: /);
    expect(readdirSync(directory)).toEqual(['keys']);
  });

  it('does not take a file for the directory', async () => {
    writeFileSync(join(directory, 'file'), '');
    const { code, err } = await run(['keygen', '--out', join(directory, 'file')]);
    expect(code).toBe(3);
    expect(err).toMatch(/^countersign: .*\n {2}remedy: /);
  });

  it('makes the key of an audit log: its verifier key, and lines that a configuration takes', async () => {
    const workspace = createWorkspace();
    const origin = 'countersign.example/federation';
    const options = ['--out', join(workspace.directory, 'made'), '--name', 'audit-log', '--audit-origin'];
    const { out } = await run(['keygen', ...options, origin]);
    const verifier = parseVerifierKey(/^countersign\.example.*$/m.exec(out)?.[0] ?? '');
    const section = parse(/^audit:\n(?: .*\n)*/m.exec(out)?.[0] ?? '') as Record<string, unknown>;
    const { log } = loaded(workspace.load(configurationText(section))).settings.audit;
    expect([verifier.name, Uint8Array.from(verifier.key.raw)]).toEqual([origin, log?.publicKey]);
    expect(out).not.toContain('feedback:');
    workspace.remove();
  });

  it('leaves the verifier key to the log where that makes its own name', async () => {
    const options = ['--audit-origin', 'countersign.example/{instance}'];
    const { out } = await run(['keygen', '--out', directory, ...options]);
    expect(out).toContain('countersign audit vkey --config FILE');
    const again = await run(['keygen', '--out', directory, '--name', 'b', '--json', ...options]);
    expect(JSON.parse(again.out)).toMatchObject({ verifier_key: null });
    const bad = await run(['keygen', '--out', directory, '--name', 'c', '--audit-origin', 'a b']);
    expect(bad.code).toBe(2);
  });

  it('prints the lines for the configuration, and a configuration takes them', async () => {
    const workspace = createWorkspace();
    const { out } = await run(['keygen', '--out', join(workspace.directory, 'made'), '--name', 'producer-a']);
    const line = /^ {6}- (\{ kid: .*publicKeyFile: .* \})$/m.exec(out)?.[1] ?? '';
    const key: unknown = parse(line);
    const configuration = loaded(
      workspace.load(configurationText({ identities: [identity({ keys: [key] })] })),
    );
    expect(configuration.snapshot.identities.get('producer-a')?.keys.map(({ kid }) => kid)).toEqual([
      'producer-a',
    ]);
    const signing = parse(/^feedback:\n {2}keys:\n.*$/m.exec(out)?.[0] ?? '') as object;
    const policies = [{ name: 'feedback', profile: 'federation.feedback-query' }];
    const signed = loaded(workspace.load(configurationText({ policies, ...signing })));
    expect(signed.snapshot.feedback?.defaultDomain.keys.map(({ kid }) => kid)).toEqual(['producer-a']);
    workspace.remove();
  });

  it('prints one encoding alone when asked', async () => {
    const { out } = await run(['keygen', '--out', directory, '--format', 'openssh']);
    expect(out).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]+ signing\n$/);
  });

  it('never prints the private key', async () => {
    const { out, err } = await run(['keygen', '--out', directory]);
    const seed = Buffer.alloc(32, 9);
    for (const encoding of ['base64', 'hex', 'base64url'] as const)
      expect(out + err).not.toContain(seed.toString(encoding));
    expect(out + err).not.toContain('BEGIN PRIVATE');
  });

  it.each(['signing.key', 'signing.pub'])('leaves an existing %s alone and writes nothing', async (name) => {
    writeFileSync(join(directory, name), 'precious');
    const { code, err } = await run(['keygen', '--out', directory]);
    expect(code).toBe(3);
    expect(err).toContain(`${name} exists and is not overwritten`);
    expect(readFileSync(join(directory, name), 'utf8')).toBe('precious');
    expect(readdirSync(directory)).toEqual([name]);
  });
});
