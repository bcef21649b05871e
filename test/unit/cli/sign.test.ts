import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signingInput } from '../../../src/client/index.js';
import { readPublicKey } from '../../../src/crypto/key-text.js';
import { portableVerifier } from '../../../src/crypto/portable.js';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import { encodePublicKey } from '../../../src/crypto/public-key.js';
import { certificateFingerprints } from '../../../src/crypto/certificate.js';
import { shellQuote } from '../../../src/cli/text.js';
import { NOW_SECONDS, run } from './test-world.js';

const CERTIFICATE = 'test/unit/config/fixtures/files/producer.pem';
const CHAIN = 'test/unit/config/fixtures/files/chain.pem';
const key = generateKeyPair(new Uint8Array(32).fill(5));
const BODY = '{"a": 1.0}\r\n';

let directory: string;
let keyFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-sign-'));
  keyFile = file('a.key', encodePrivateKey(key, 'pem'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

function sign(...args: string[]) {
  return run(['sign', '--identity', 'producer-a', '--key', keyFile, ...args]);
}

function headersOf(out: string): Map<string, string> {
  return new Map(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
}

function verifies(headers: ReadonlyMap<string, string>, body: Uint8Array): boolean {
  const loaded = readPublicKey(key.publicKey.raw);
  const [timestamp, nonce] = ['timestamp', 'nonce'].map((name) => headers.get(`x-telemetry-${name}`) ?? '');
  const signature = Buffer.from(headers.get('x-telemetry-signature') ?? '', 'base64');
  const message = signingInput({ timestamp: timestamp!, nonce: nonce!, body });
  return 'raw' in loaded && portableVerifier.verify(loaded, message, signature);
}

describe('countersign sign', () => {
  it('prints the headers of a body, now and with a new nonce', async () => {
    const { code, out, err } = await sign('--body', file('b.json', BODY), '--kid', 'k1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const headers = headersOf(out);
    expect([...headers.keys()]).toEqual([
      'x-service-identity',
      'x-telemetry-timestamp',
      'x-telemetry-nonce',
      'x-telemetry-signature',
      'x-telemetry-kid',
    ]);
    expect(headers.get('x-telemetry-timestamp')).toBe(String(NOW_SECONDS));
    expect(verifies(headers, Buffer.from(BODY))).toBe(true);
    expect(verifies(headers, Buffer.from(BODY.trim()))).toBe(false);
  });

  it('signs standard input for -', async () => {
    const { out } = await run(['sign', '-i', 'a', '--key', keyFile, '-b', '-'], {
      input: Buffer.from([0, 255]),
    });
    expect(verifies(headersOf(out), Buffer.from([0, 255]))).toBe(true);
  });

  it('reads a key, a certificate and a body from pipes, within bounds', () => {
    const main = 'dist/src/main.js';
    const command = `node ${main} sign -i a --signing-key <(cat ${shellQuote(keyFile)}) --cert <(cat ${CERTIFICATE})`;
    const shell = (text: string, input = '') =>
      execFileSync('bash', ['-c', text], {
        encoding: 'utf8',
        input,
        timeout: 30_000,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    const piped = headersOf(shell(`${command} -b <(printf abc)`));
    expect(verifies(piped, Buffer.from('abc'))).toBe(true);
    expect(piped.get('x-client-cert-sha256')).toMatch(/^[0-9a-f]{64}$/);
    expect(verifies(headersOf(shell(`printf abcd | ${command} -b /dev/stdin`)), Buffer.from('abcd'))).toBe(
      true,
    );
    expect(verifies(headersOf(shell(`${command} -b <(true)`)), new Uint8Array(0))).toBe(true);
    expect(() => shell(`node ${main} sign -i a --signing-key <(head -c 9000000 /dev/zero)`)).toThrow(
      /gives more than 4194304 bytes/,
    );
    expect(() => shell(`node ${main} sign -i a --signing-key <(true)`)).toThrow(/gives nothing/);
  }, 60_000);

  it('signs an empty file, and no body at all, as an empty body', async () => {
    for (const args of [['--body', file('empty', '')], []])
      expect(verifies(headersOf((await sign(...args)).out), new Uint8Array(0))).toBe(true);
  });

  it('states the fingerprint of the certificate, of a chain that of the first', async () => {
    const facts = certificateFingerprints(readFileSync(CERTIFICATE));
    for (const path of [CERTIFICATE, CHAIN])
      expect(headersOf((await sign('--cert', path)).out).get('x-client-cert-sha256')).toMatch(
        /^[0-9a-f]{64}$/,
      );
    const stated = headersOf((await sign('--cert', CERTIFICATE)).out).get('x-client-cert-sha256');
    expect(facts.ok && facts.certificateSha256).toBe(stated);
  });

  it('takes timestamp and nonce as they are given', async () => {
    const { out } = await sign('--timestamp', '1700000000', '--nonce', 'given_nonce-1', '--format', 'json');
    expect(JSON.parse(out)).toMatchObject({
      'x-telemetry-timestamp': '1700000000',
      'x-telemetry-nonce': 'given_nonce-1',
    });
  });

  it('prints arguments for curl that a shell reads as they are meant', async () => {
    const body = file("it's a $(body).json", BODY);
    const { out } = await sign('--body', body, '--format', 'curl');
    const words = execFileSync('sh', ['-c', `printf '%s\\n' ${out}`])
      .toString()
      .trimEnd()
      .split('\n');
    expect(words.filter((word) => word !== '-H')).toEqual([
      'content-type: application/json',
      'x-service-identity: producer-a',
      expect.stringMatching(/^x-telemetry-timestamp: \d+$/),
      expect.stringMatching(/^x-telemetry-nonce: /),
      expect.stringMatching(/^x-telemetry-signature: /),
      '--data-binary',
      `@${body}`,
    ]);
  });

  it('fills timestamp and nonce into the body, and writes the bytes that it signed', async () => {
    const target = join(directory, 'filled.json');
    const { out } = await sign('--body', file('b.json', BODY), '--fill', '--body-out', target);
    const headers = headersOf(out);
    const filled = readFileSync(target);
    expect(filled.toString()).toBe(
      `{"timestamp":${NOW_SECONDS},"nonce":"${headers.get('x-telemetry-nonce') ?? ''}","a": 1.0}\r\n`,
    );
    expect(verifies(headers, filled)).toBe(true);
  });

  it('does not fill a body that would then be lost', async () => {
    const { code, err } = await sign('--body', file('b.json', BODY), '--fill');
    expect(code).toBe(2);
    expect(err).toContain('--body-out');
  });

  it.each([
    ['an identity with a line break', ['--identity', 'a\nb']],
    ['a nonce with a dot', ['--nonce', 'abc.defgh']],
    ['a short nonce', ['--nonce', 'abcdefg']],
    ['a timestamp in milliseconds', ['--timestamp', '1764000000000']],
    ['a timestamp with an exponent', ['--timestamp', '1e9']],
    ['a kid with a space', ['--kid', 'a b']],
    ['a format that does not exist', ['--format', 'xml']],
    ['a content type with a line break', ['--content-type', 'a\nb']],
  ])('refuses %s as wrong usage', async (_title, args) => {
    const { code, out, err } = await sign(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^countersign: option /);
  });

  it('does not use a private key that others can read, and says how to mend it', async () => {
    chmodSync(keyFile, 0o644);
    const { code, err } = await sign();
    expect(code).toBe(3);
    expect(err).toContain(`remedy: close it to others: chmod 600 ${keyFile}`);
  });

  it.each([
    [
      'its public half, PEM',
      () => encodePublicKey(generateKeyPair(new Uint8Array(32).fill(3)).publicKey, 'pem'),
      'this is a public key where the private one is expected',
    ],
    [
      'a certificate',
      () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'holds "CERTIFICATE"',
    ],
  ])('says of %s what it is, and not that it is to be closed to others', async (_title, content, text) => {
    const path = file('x.pub', content());
    chmodSync(path, 0o644);
    const { code, err } = await run(['sign', '-i', 'a', '--key', path]);
    expect(code).toBe(3);
    expect(err).toContain(text);
    expect(err).not.toContain('chmod');
  });

  it('says why a file is no signing key, without showing it', async () => {
    const { code, err } = await run(['sign', '-i', 'a', '--key', file('x.key', 'hunter2')]);
    expect(code).toBe(3);
    expect(err).toContain('the signing key');
    expect(err).not.toContain('hunter2');
  });

  it.each([
    ['a body that is not there', ['--body', '/nowhere/b'], 'the body: /nowhere/b does not exist'],
    ['a body that is a directory', ['--body', tmpdir()], 'the body'],
    ['a certificate that is none', ['--cert', 'package.json'], 'is no X.509 certificate'],
  ])('says what is wrong with %s', async (_title, args, text) => {
    const { code, err } = await sign(...args);
    expect(code).toBe(3);
    expect(err).toContain(text);
  });

  it('writes nothing when it cannot fill the body', async () => {
    const target = join(directory, 'filled.json');
    const { code, err } = await sign('--body', file('b', '[]'), '--fill', '--body-out', target);
    expect(code).toBe(3);
    expect(err).toContain('is JSON, but no object');
    expect(existsSync(target)).toBe(false);
  });
});

describe('shellQuote', () => {
  it.each(['', 'a b', "it's", '$HOME `id` "x" \\', "''", 'a\nb'])(
    'keeps %j one word and as it is',
    (word) => {
      expect(execFileSync('sh', ['-c', `printf %s ${shellQuote(word)}`]).toString()).toBe(word);
    },
  );
});
