import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { run } from './test-world.js';

const DIRECTORY = 'test/unit/config/fixtures/files';
const PRODUCER = `${DIRECTORY}/producer.pem`;

function opensslFingerprint(file: string): string {
  const line = execFileSync('openssl', ['x509', '-in', file, '-noout', '-fingerprint', '-sha256']).toString();
  return line.trim().replace(/^.*=/, '').replaceAll(':', '').toLowerCase();
}

describe('countersign fingerprint', () => {
  it('prints what openssl prints, in lower case without colons', async () => {
    const { code, out } = await run(['fingerprint', PRODUCER]);
    expect(code).toBe(0);
    expect(out).toContain(opensslFingerprint(PRODUCER));
    expect(out).toMatch(/SPKI SHA-256: +[0-9a-f]{64}\n/);
    expect(out).toMatch(/subject: +\S/);
    expect(out).toMatch(/valid: +\d{4}-.*Z to \d{4}-.*Z/);
  });

  it('gives the same for PEM, DER and standard input', async () => {
    const der = execFileSync('openssl', ['x509', '-in', PRODUCER, '-outform', 'DER']);
    const [byFile, byDer] = await Promise.all([
      run(['fingerprint', '--json', PRODUCER]),
      run(['fingerprint', '--json', '-'], { input: der }),
    ]);
    const hashes = [byFile, byDer].map(({ out }) => {
      const [first] = JSON.parse(out) as { certificate_sha256: string; spki_sha256: string }[];
      return [first?.certificate_sha256, first?.spki_sha256];
    });
    expect(hashes[0]).toEqual(hashes[1]);
  });

  it('prints the names that a certificate bears, and no line where it bears none', async () => {
    const { out } = await run(['fingerprint', `${DIRECTORY}/leaf.pem`]);
    expect(out).toMatch(/URIs: +spiffe:\/\/example\.org\/ns\/production\/sa\/producer\n/);
    expect(out).toMatch(/DNS names: +producer\.example\.org\n/);
    expect((await run(['fingerprint', PRODUCER])).out).not.toMatch(/URIs|DNS names/);
  });

  it('lists several files, and every certificate of a chain', async () => {
    const { out } = await run(['fingerprint', '--json', `${DIRECTORY}/chain.pem`, `${DIRECTORY}/other.pem`]);
    const sources = (JSON.parse(out) as { source: string }[]).map(({ source }) => source);
    const blocks = readFileSync(`${DIRECTORY}/chain.pem`, 'utf8').match(/BEGIN CERTIFICATE/g)?.length;
    expect(blocks).toBe(2);
    expect(sources).toEqual([`${DIRECTORY}/chain.pem`, `${DIRECTORY}/chain.pem#2`, `${DIRECTORY}/other.pem`]);
  });

  it('leaves no block of a chain out: one that is cut off is a fault', async () => {
    const { code, err } = await run(['fingerprint', `${DIRECTORY}/cut-off.pem`]);
    expect(code).toBe(3);
    expect(err).toContain('no X.509 certificate');
  });

  it('marks a certificate that has expired, and one that is not valid yet', async () => {
    const file = `${DIRECTORY}/expired.pem`;
    expect((await run(['fingerprint', file], { nowMs: Date.UTC(2100, 0, 1) })).out).toContain('(EXPIRED)');
    expect((await run(['fingerprint', file], { nowMs: 0 })).out).toContain('(NOT YET VALID)');
  });

  it('says that a file is no certificate, and prints nothing of the others', async () => {
    const { code, out, err } = await run(['fingerprint', PRODUCER, 'package.json']);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toContain('package.json is no X.509 certificate');
  });
});
