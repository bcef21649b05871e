import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair, parsePrivateKey } from '../../../src/crypto/private-key.js';
import { selectSigner } from '../../../src/crypto/signing.js';
import { encodePublicKey, parsePublicKey } from '../../../src/crypto/public-key.js';
import { fromHex, toHex, vectors, verifiers } from './support.js';

const signer = selectSigner();

const key = generateKeyPair(fromHex(vectors.key.seed));
const message = Buffer.from('what is signed');

function describeWith(tool: string): jest.Describe {
  if (spawnSync(tool, ['-?']).error === undefined) return describe;
  process.stderr.write(`interoperation with ${tool} skipped: it is not on this machine\n`);
  return describe.skip;
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function save(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describeWith('openssl')('openssl', () => {
  it('reads our private PEM and gives the public one that we give', () => {
    const path = save('ours.pem', encodePrivateKey(key, 'pem'));
    const printed = execFileSync('openssl', ['pkey', '-in', path, '-pubout'], { encoding: 'utf8' });
    expect(printed).toBe(encodePublicKey(key.publicKey, 'pem'));
  });

  it('verifies our signature', () => {
    const args = [
      '-rawin',
      '-in',
      save('message', message),
      '-sigfile',
      save('signature', signer.sign(key, message)),
    ];
    const publicKey = save('ours.pub.pem', encodePublicKey(key.publicKey, 'pem'));
    const printed = execFileSync('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', publicKey, ...args]);
    expect(printed.toString()).toContain('Verified Successfully');
  });

  it('makes a key and a signature that we read and accept', () => {
    const path = join(folder, 'theirs.pem');
    execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path]);
    const parsed = parsePrivateKey(readFileSync(path));
    const parsedPublic = parsePublicKey(execFileSync('openssl', ['pkey', '-in', path, '-pubout']));
    if (!parsed.ok || !parsedPublic.ok) throw new Error('not read');
    expect(parsedPublic.key).toEqual(parsed.key.publicKey);
    const args = ['-sign', '-inkey', path, '-rawin', '-in', save('message', message)];
    const signature = execFileSync('openssl', ['pkeyutl', ...args]);
    for (const verifier of verifiers)
      expect(verifier.verify(parsedPublic.key, message, signature)).toBe(true);
  });

  it.each([
    [
      'X25519',
      ['genpkey', '-algorithm', 'x25519'],
      { code: 'not_ed25519', encoding: 'pem', algorithm: 'x25519' },
    ],
    [
      'EC',
      ['genpkey', '-algorithm', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      { code: 'not_ed25519', encoding: 'pem', algorithm: 'ec' },
    ],
    [
      'encrypted',
      ['genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:secret'],
      { code: 'encrypted', encoding: 'pem' },
    ],
  ])('makes a key that is refused by name: %s', (_, args, fault) => {
    expect(parsePrivateKey(execFileSync('openssl', args))).toEqual({ ok: false, fault });
  });
});

describeWith('ssh-keygen')('ssh-keygen', () => {
  it('reads the public line that we give', () => {
    const path = save('ours_ssh.pub', encodePublicKey(key.publicKey, 'openssh', 'producer 1'));
    const printed = execFileSync('ssh-keygen', ['-l', '-f', path], { encoding: 'utf8' });
    expect(printed).toMatch(/^256 SHA256:\S+ producer 1 \(ED25519\)\n$/);
  });

  it.each(['  ', '\t'])('reads, as we do, a line with %j between its parts', (between) => {
    const line = encodePublicKey(key.publicKey, 'openssh', 'me').replaceAll(' ', between);
    const printed = execFileSync('ssh-keygen', ['-l', '-f', save('blanks_ssh.pub', line)], {
      encoding: 'utf8',
    });
    expect(printed).toMatch(/^256 SHA256:\S+ .*\(ED25519\)\n$/);
    expect(parsePublicKey(line)).toMatchObject({ ok: true, encoding: 'openssh' });
  });

  it('makes a public line that we read, and a private key that is refused by name', () => {
    const path = join(folder, 'theirs_ssh');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a comment', '-f', path]);
    expect(parsePublicKey(readFileSync(`${path}.pub`))).toMatchObject({ ok: true, encoding: 'openssh' });
    const fault = { code: 'unsupported_pem', label: 'OPENSSH PRIVATE KEY' };
    expect(parsePrivateKey(readFileSync(path))).toEqual({ ok: false, fault });
  });

  it('makes an ECDSA key that is refused by name', () => {
    const path = join(folder, 'ecdsa_ssh');
    execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', path]);
    const fault = { code: 'not_ed25519', encoding: 'openssh', algorithm: 'ecdsa-sha2-nistp256' };
    expect(parsePublicKey(readFileSync(`${path}.pub`))).toEqual({ ok: false, fault });
  });
});

describe('node:crypto', () => {
  it('reads our PEM, and its signatures and ours are the same', () => {
    const theirs = createPrivateKey(encodePrivateKey(key, 'pem'));
    const signature = sign(null, message, theirs);
    expect(toHex(signature)).toBe(toHex(signer.sign(key, message)));
    expect(verify(null, message, createPublicKey(encodePublicKey(key.publicKey, 'pem')), signature)).toBe(
      true,
    );
  });

  it('reads our JWK', () => {
    const jwk = JSON.parse(encodePrivateKey(key, 'jwk')) as Record<string, string>;
    const theirs = createPrivateKey({ key: jwk, format: 'jwk' });
    expect(theirs.export({ format: 'pem', type: 'pkcs8' })).toBe(encodePrivateKey(key, 'pem'));
  });
});
