/** `rotate-key` and `rotate-pin`, on configurations that people have written by hand. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  chmodSync,
  writeFileSync,
  symlinkSync,
  renameSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { issueCertificate, newCertificateKeys } from '../../../src/pki/issue-certificate.js';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import { encodePublicKey } from '../../../src/crypto/public-key.js';
import { loadConfiguration } from '../../../src/config/load.js';
import { activeKeyOf } from '../../../src/feedback/feedback-settings.js';
import { publishedKeys } from '../../../src/feedback/keyring.js';
import { publicKeys } from '../config/workspace.js';
import { NOW_SECONDS, run } from './test-world.js';

const NOW = NOW_SECONDS * 1000;
const DAY = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
const NEXT_SECOND = NOW + 1000;
const TENANT = '11111111-1111-4111-8111-111111111111';
const pair = (byte: number) => generateKeyPair(new Uint8Array(32).fill(byte));
const publicOf = (byte: number): string => encodePublicKey(pair(byte).publicKey, 'base64').trim();

const YAML = `# The gateway of the west wing.
version: 1
listen: { socket: verifier.sock }
audit: { stdout: true }
operators: { operator-a: ${TENANT} }
identities:
  - name: producer-a # the first
    certificates:
      - { sha256: ${'a'.repeat(64)} } # until they renew
    keys:
      - { kid: k1, publicKey: "${publicKeys.first}" }
    operators: [operator-a]
policies:
  - { name: adjustments, profile: federation.feedback-query }
feedback:
  # Ask Ada before you touch these.
  keys:
    - kid: fb-2025 # the first one
      privateKeyFile: keys/fb-2025.key
`;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-rotate-'));
  file = join(directory, 'countersign.yaml');
  mkdirSync(join(directory, 'keys'));
  writeFileSync(join(directory, 'keys', 'fb-2025.key'), encodePrivateKey(pair(1), 'pem'), { mode: 0o640 });
  writeFileSync(file, YAML, { mode: 0o640 });
});
afterEach(() => rmSync(directory, { recursive: true }));

const text = (): string => readFileSync(file, 'utf8');
const keyFiles = (): string[] => readdirSync(join(directory, 'keys')).sort();
const rotate = (...args: string[]) => run(['rotate-key', file, ...args]);

function settings(nowMs = NOW) {
  const loaded = loadConfiguration(file, { generation: 1, nowMs });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { snapshot } = loaded.configuration;
  if (snapshot.feedback === undefined) throw new Error('nothing is signed');
  return { snapshot, feedback: snapshot.feedback };
}

describe('countersign rotate-key --feedback', () => {
  it('makes a key beside the old one, announces it, and ends the old one after the overlap; the rest stays', async () => {
    const { code, out, err } = await rotate('--feedback', '--announce', '7d', '--overlap', '1d');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [begins, ends] = [NEXT_SECOND + 7 * DAY, NEXT_SECOND + 8 * DAY];
    expect(text()).toBe(
      YAML.replace(
        'keys/fb-2025.key\n',
        `keys/fb-2025.key
      notAfter: ${iso(ends)}
    - kid: fb-20251124
      privateKeyFile: keys/fb-20251124.key
      notBefore: ${iso(begins)}
`,
      ),
    );
    expect(keyFiles()).toEqual(['fb-2025.key', 'fb-20251124.key']);
    expect(statSync(join(directory, 'keys', 'fb-20251124.key')).mode & 0o777).toBe(0o640);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(out).toContain(`key fb-20251124 is published from now on and signs from ${iso(begins)}\n`);
    expect(out).toContain(`key fb-2025 counts until ${iso(ends)}\n`);
    expect(out + text()).not.toContain('PRIVATE');
    const { feedback } = settings();
    const signs = (nowMs: number) => activeKeyOf(feedback.defaultDomain, nowMs)?.kid;
    expect([signs(NOW), signs(begins - 1), signs(begins), signs(ends)]).toEqual([
      'fb-2025',
      'fb-2025',
      'fb-20251124',
      'fb-20251124',
    ]);
    const published = (nowMs: number) => publishedKeys(feedback, nowMs).map(({ kid }) => kid);
    expect([published(NOW), published(ends - 1), published(ends)]).toEqual([
      ['fb-2025', 'fb-20251124'],
      ['fb-2025', 'fb-20251124'],
      ['fb-20251124'],
    ]);
  });

  it('does nothing in a dry run, and says all of it', async () => {
    const { code, out, err } = await rotate('--feedback', '--dry-run');
    expect(code).toBe(0);
    expect([text(), keyFiles()]).toEqual([YAML, ['fb-2025.key']]);
    expect(out).toContain(`--- ${file}
+++ ${file}
@@ -17,3 +17,7 @@
`);
    expect(out).toContain('+    - kid: fb-20251124\n');
    expect(err).toContain('nothing has changed: this was a dry run');
    const json = JSON.parse((await rotate('--feedback', '--dry-run', '--json')).out) as Record<
      string,
      unknown
    >;
    expect(json).toMatchObject({ ok: true, dry_run: true, kid: 'fb-20251124', public_key: null, diff: out });
  });

  it('tells scripts in JSON, with the public half', async () => {
    const json = JSON.parse(
      (await rotate('--feedback', '--json', '--kid', 'next', '--at', '2026-01-01')).out,
    ) as object;
    expect(json).toMatchObject({
      ok: true,
      dry_run: false,
      kid: 'next',
      public_key: publicOf(9),
      private_key_file: join(directory, 'keys', 'next.key'),
      not_before: '2026-01-01T00:00:00Z',
      ended: [{ entry: 'key fb-2025', not_after: '2026-01-03T00:00:00Z' }],
    });
  });

  it('waits for the rotation that is under way', async () => {
    await rotate('--feedback');
    const before = text();
    const { code, err } = await rotate('--feedback');
    expect([code, text(), keyFiles()]).toEqual([1, before, ['fb-2025.key', 'fb-20251124.key']]);
    expect(err).toContain('a rotation is under way: key fb-20251124 begins at');
  });

  it('takes a key that is made already, and refuses one that is used twice', async () => {
    const own = join(directory, 'other.key');
    writeFileSync(own, encodePrivateKey(pair(5), 'pem'), { mode: 0o600 });
    expect((await rotate('--feedback', '--private-key-file', own, '--kid', '5')).code).toBe(0);
    expect(text()).toContain(`- kid: '5'\n      privateKeyFile: other.key\n`);
    chmodSync(own, 0o644);
    expect((await rotate('--feedback', '--private-key-file', own)).err).toContain('mode 0644');
  });

  it('refuses a gap: nothing would sign between the end of the only key and the beginning of the new one', async () => {
    writeFileSync(
      file,
      YAML.replace('keys/fb-2025.key\n', `keys/fb-2025.key\n      notAfter: ${iso(NOW + DAY)}\n`),
    );
    const { code, err } = await rotate('--feedback');
    expect([code, keyFiles()]).toEqual([1, ['fb-2025.key']]);
    expect(err).toContain('nothing would count in between');
    expect((await rotate('--feedback', '--announce', '12h', '--overlap', '30d')).code).toBe(0);
    expect(text()).toContain(`notAfter: ${iso(NOW + DAY)}\n    - kid: fb-20251124`);
  });

  it('rotates the keys of one tenant, wherever they are', async () => {
    writeFileSync(join(directory, 'keys', 'own.key'), encodePrivateKey(pair(3), 'pem'), { mode: 0o600 });
    writeFileSync(
      file,
      `${YAML}  tenants:\n    ${TENANT}: { keys: [{ kid: own, privateKeyFile: keys/own.key }] }\n`,
    );
    expect((await rotate('--feedback', '--tenant', TENANT)).code).toBe(0);
    expect(text()).toContain(
      `    ${TENANT}: { keys: [{ kid: own, privateKeyFile: keys/own.key, notAfter: ${iso(NEXT_SECOND + 4 * DAY)} }, { kid: fb-20251124, privateKeyFile: keys/fb-20251124.key, notBefore: ${iso(NEXT_SECOND + 2 * DAY)} }] }\n`,
    );
    const { code, err } = await rotate('--feedback', '--tenant', TENANT.replaceAll('1', '2'));
    expect([code, err.includes('no keys of its own')]).toEqual([1, true]);
  });

  describe('where keys are in sources', () => {
    const SOURCES = `keys:
  sources:
    transit: { kind: vault, url: "https://vault.example:8200", auth: { tokenFile: vault.token } }
    hsm: { kind: pkcs11, module: hsm.so, token: countersign, pinFile: hsm.pin }
`;
    const REMOTE = YAML.replace(
      '      privateKeyFile: keys/fb-2025.key\n',
      `      source: transit\n      key: feedback\n      version: 1\n      publicKey: ${publicOf(1)}\n`,
    ).replace('feedback:\n', 'feedback:\n  maxAnswerBytes: 2048\n');
    const next = (...more: string[]) => rotate('--feedback', '--public-key', publicOf(2), ...more);
    beforeEach(() => {
      for (const name of ['vault.token', 'hsm.pin', 'hsm.so'])
        writeFileSync(join(directory, name), 'secret', { mode: 0o600 });
      writeFileSync(file, `${REMOTE}${SOURCES}`);
    });

    it.each([
      [
        'the next version of a key in Vault',
        ['--source', 'transit', '--key', 'feedback', '--key-version', '2'],
        { source: 'transit', key: 'feedback', version: 2 },
      ],
      [
        'a key in a token, which has no version',
        ['--source', 'hsm', '--key', 'feedback-2'],
        { source: 'hsm', key: 'feedback-2', version: undefined },
      ],
    ])('adds %s, which the loader takes', async (_what, named, reference) => {
      const { code, err } = await next(...named);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const { keys } = settings().feedback.defaultDomain;
      expect(keys[1]).toMatchObject({ kid: 'fb-20251124', kind: 'remote', reference });
      expect(keys[0]!.notAfterMs).toBe(NEXT_SECOND + 4 * DAY);
      expect(keyFiles()).toEqual(['fb-2025.key']);
    });

    it.each([
      ['a source that is not there', ['--source', 'other', '--key', 'feedback', '--key-version', '2']],
      ['a key of Vault without its version', ['--source', 'transit', '--key', 'feedback']],
      ['a version of a token', ['--source', 'hsm', '--key', 'feedback', '--key-version', '2']],
      [
        'a version that is pinned already, to another public half',
        ['--source', 'transit', '--key', 'feedback', '--key-version', '1'],
      ],
    ])('refuses %s, and changes nothing', async (_what, named) => {
      const before = text();
      const { code, err } = await next(...named);
      expect([code, text()]).toEqual([1, before]);
      expect(err).toContain('nothing has changed');
    });

    it('makes no file where no key of the domain is in one', async () => {
      const { code, err } = await rotate('--feedback');
      expect(code).toBe(1);
      expect(err).toContain('give --private-key-file, or --source');
    });
  });

  it.each(['', 'keys:\n  rotation: { every: 30d, announce: 2d, overlap: 2d, directory: state }\n'])(
    'leaves the roots of a delegation alone',
    async (more) => {
      writeFileSync(file, `${YAML}  delegation: { lifetime: 24h }\n${more}`);
      const before = text();
      const { code, err } = await rotate('--feedback');
      expect([code, text(), keyFiles()]).toEqual([1, before, ['fb-2025.key']]);
      expect(err).toContain('sign no answers');
      expect(err).toContain('docs/keys.md#delegation');
    },
  );

  it('leaves activeKid to whoever says that it may move', async () => {
    writeFileSync(
      file,
      YAML.replace('  keys:\n    - kid', '  activeKid: fb-2025 # fixed\n  keys:\n    - kid'),
    );
    const added = await rotate('--feedback', '--announce', '0s');
    expect(added.code).toBe(0);
    expect(added.out).toContain('run rotate-key --feedback --activate fb-20251124');
    expect(text()).not.toContain('notAfter');
    const later = { nowMs: NOW + 2000 };
    const activate = (kid: string) => run(['rotate-key', file, '--feedback', '--activate', kid], later);
    expect((await activate('none')).err).toContain('has no key none');
    expect((await activate('fb-2025')).err).toContain('signs already');
    expect((await activate('fb-20251124')).code).toBe(0);
    expect(text()).toContain('  activeKid: fb-20251124 # fixed\n');
    expect(text()).toContain(`notAfter: ${iso(NOW + 2000 + 2 * DAY)}\n    - kid: fb-20251124\n`);
    expect(activeKeyOf(settings(NOW + 2000).feedback.defaultDomain, NOW + 2000)?.kid).toBe('fb-20251124');
  });

  it('activates nothing that is not valid, and nothing where the newest key signs by itself', async () => {
    await rotate('--feedback');
    expect((await rotate('--feedback', '--activate', 'fb-20251124')).err).toContain('no activeKid');
    writeFileSync(file, `${text()}  activeKid: fb-2025\n`);
    expect((await rotate('--feedback', '--activate', 'fb-20251124')).err).toContain('counts from');
  });

  it('leaves no key behind that the loader refuses', async () => {
    writeFileSync(file, YAML.replace(publicKeys.first, publicOf(9)));
    const before = text();
    const { code, err } = await rotate('--feedback');
    expect([code, text(), keyFiles()]).toEqual([1, before, ['fb-2025.key']]);
    expect(err).toContain('who can query could forge the answers');
    expect(err).toContain('nothing has changed');
  });

  it('edits nothing that the loader refuses already', async () => {
    writeFileSync(file, YAML.replace('stdout: true', 'stdout: maybe'));
    const { code, err } = await rotate('--feedback');
    expect([code, keyFiles()]).toEqual([1, ['fb-2025.key']]);
    expect(err).toContain('audit.stdout');
  });

  it('says what to write by hand where an alias is in the way', async () => {
    writeFileSync(
      file,
      YAML.replace('  keys:\n    - kid', '  keys: &keys\n    - kid') +
        `  tenants: { ${TENANT}: { keys: *keys } }\n`,
    );
    const before = text();
    const { code, err } = await rotate('--feedback');
    expect([code, text(), keyFiles()]).toEqual([1, before, ['fb-2025.key']]);
    expect(err).toMatch(/changes something else too[^]*write it by hand: set feedback.keys.0.notAfter to/);
  });

  it('refuses a volume of Kubernetes, and says where to edit', async () => {
    mkdirSync(join(directory, '..v1'));
    renameSync(file, join(directory, '..v1', 'countersign.yaml'));
    symlinkSync('..v1', join(directory, '..data'));
    symlinkSync('..data/countersign.yaml', file);
    const { code, err } = await rotate('--feedback');
    expect(code).toBe(3);
    expect(err).toMatch(/Kubernetes projects[^]*ConfigMap or Secret/);
  });

  it.each([
    [['--feedback', '--identity', 'producer-a'], 'a feedback key or a key of an identity'],
    [[], 'a feedback key or a key of an identity'],
    [['--feedback', '--at', '2020-01-01'], 'is over'],
    [['--feedback', '--at', '2026-01-01', '--announce', '1d'], 'both say'],
    [['--feedback', '--source', 'hsm'], 'give all of them'],
    [['--feedback', '--activate', 'a', '--kid', 'b'], 'makes no key'],
    [['--feedback', '--announce', '1 day'], 'a number with its unit'],
    [['--identity', 'producer-a'], 'is given by --public-key'],
    [['--identity', 'producer-a', '--public-key', 'x', '--tenant', TENANT], 'give those alone'],
    [['--feedback', '--purpose', 'request'], 'of keys of identities'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await rotate(...args);
    expect([code, text()]).toEqual([2, YAML]);
    expect(err).toContain(message);
  });
});

describe('countersign rotate-key --identity', () => {
  const identity = (...args: string[]) => rotate('--identity', 'producer-a', ...args);

  it('adds the key, from a text or a file, and ends the old one', async () => {
    expect((await identity('--public-key', publicKeys.second)).code).toBe(0);
    expect(text()).toBe(
      YAML.replace(
        `"${publicKeys.first}" }\n`,
        `"${publicKeys.first}", notAfter: ${iso(NEXT_SECOND + 14 * DAY)} }\n      - { kid: k-20251124, publicKey: ${publicKeys.second} }\n`,
      ),
    );
    const path = join(directory, 'next.pub');
    writeFileSync(path, encodePublicKey(pair(6).publicKey, 'pem'));
    expect((await identity('--public-key', path, '--overlap', '1h')).code).toBe(0);
    expect(text()).toContain(`- { kid: k-20251124-2, publicKey: ${publicOf(6)} }\n`);
    const keys = settings().snapshot.identities.get('producer-a')?.keys ?? [];
    expect(keys.map(({ kid, notAfterMs }) => [kid, notAfterMs])).toEqual([
      ['k1', NEXT_SECOND + 3_600_000],
      ['k-20251124', NEXT_SECOND + 3_600_000],
      ['k-20251124-2', Infinity],
    ]);
  });

  it('leaves keys for other purposes alone, and asks where they differ', async () => {
    writeFileSync(
      file,
      YAML.replace(
        `"${publicKeys.first}" }\n`,
        `"${publicKeys.first}" }\n      - { kid: b1, purposes: [bundle], publicKey: '${publicOf(7)}' }\n`,
      ),
    );
    expect((await identity('--public-key', publicKeys.second)).err).toContain('for different purposes');
    expect((await identity('--public-key', publicKeys.second, '--purpose', 'bundle')).code).toBe(0);
    expect(text()).toContain(`purposes: [bundle], publicKey: '${publicOf(7)}', notAfter: `);
    expect(text()).toContain(`publicKey: ${publicKeys.second}, purposes: [bundle] }`);
    expect(text()).toContain(`"${publicKeys.first}" }\n`);
  });

  it.each([
    ['a key that it has', [publicKeys.first], 'this is the key k1 already'],
    ['an id that another key has', [publicKeys.second, '--kid', 'k1'], 'names two different keys'],
    ['a private key', [encodePrivateKey(pair(8), 'pem')], 'is a private key'],
    ['a feedback key', [publicOf(1)], 'could forge the answers'],
    ['no key at all', ['/dev/null'], 'the public key: /dev/null'],
  ])('refuses %s', async (_what, [key = '', ...args], message) => {
    const { code, err } = await identity('--public-key', key, ...args);
    expect([code === 1 || code === 3, text()]).toEqual([true, YAML]);
    expect(err).toContain(message);
    expect(err).not.toContain(encodePrivateKey(pair(8), 'base64').trim());
  });

  it('knows no other identity', async () => {
    const { code, err } = await rotate('--identity', 'nobody', '--public-key', publicKeys.second);
    expect([code, err.includes('has no identity nobody')]).toEqual([1, true]);
  });
});

describe('countersign rotate-pin', () => {
  const pin = (...args: string[]) => run(['rotate-pin', file, '--identity', 'producer-a', ...args]);

  async function certificate(role: 'client' | 'server', from: number, until: number): Promise<string> {
    const keys = newCertificateKeys();
    const path = join(directory, 'next.crt');
    const [notBefore, notAfter] = [new Date(from), new Date(until)];
    const request = { commonName: 'producer-a', publicKey: keys.publicKey, role, notBefore, notAfter };
    writeFileSync(path, await issueCertificate(request, { commonName: 'ca', keys }));
    return path;
  }
  const sha256Of = (path: string): string =>
    new X509Certificate(readFileSync(path)).fingerprint256.replaceAll(':', '').toLowerCase();

  it('pins a certificate for as long as it is valid, and ends the old pin', async () => {
    const path = await certificate('client', NOW - DAY, NOW + 90 * DAY);
    const { code, err } = await pin('--certificate', path, '--overlap', '3d');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const quoted = /^[a-f]/.test(sha256Of(path)) ? sha256Of(path) : `'${sha256Of(path)}'`;
    expect(text()).toBe(
      YAML.replace(
        `{ sha256: ${'a'.repeat(64)} } # until they renew\n`,
        `{ sha256: ${'a'.repeat(64)}, notAfter: ${iso(NEXT_SECOND + 3 * DAY)} } # until they renew
      - { sha256: ${quoted}, notAfter: ${iso(NOW + 90 * DAY + 1000)} }\n`,
      ),
    );
    expect((await pin('--certificate', path)).err).toContain('is pinned already');
  });

  it('pins a hash', async () => {
    const colons = Array.from({ length: 32 }, () => 'BB').join(':');
    expect((await pin('--sha256', colons)).code).toBe(0);
    expect(text()).toContain(`      - { sha256: ${'b'.repeat(64)} }\n`);
    expect((await pin('--spki', 'c'.repeat(64))).code).toBe(0);
    expect(text()).toContain(`      - { spki: ${'c'.repeat(64)} }\n`);
  });

  it('begins with a certificate that begins later, unless the old pin would have ended before', async () => {
    const path = await certificate('client', NOW + 5 * DAY, NOW + 90 * DAY);
    const refused = await pin('--certificate', path, '--overlap', '3d');
    expect([refused.code, text()]).toEqual([1, YAML]);
    expect(refused.err).toContain('nothing would count in between');
    expect((await pin('--certificate', path, '--overlap', '6d')).code).toBe(0);
    expect(text()).toContain(`notBefore: ${iso(NOW + 5 * DAY)}, notAfter: `);
  });

  it('warns of a certificate that is not for clients, and of other names than those of the file that is pinned', async () => {
    const path = await certificate('server', NOW - DAY, NOW + 90 * DAY);
    renameSync(path, join(directory, 'old.crt'));
    writeFileSync(file, YAML.replace(`{ sha256: ${'a'.repeat(64)} }`, '{ file: old.crt }'));
    const keys = newCertificateKeys();
    const request = {
      commonName: 'other',
      publicKey: keys.publicKey,
      role: 'server' as const,
      notBefore: new Date(NOW - DAY),
      notAfter: new Date(NOW + DAY),
    };
    writeFileSync(path, await issueCertificate(request, { commonName: 'ca', keys }));
    const { code, out } = await pin('--certificate', path);
    expect(code).toBe(0);
    expect(out).toContain('it is not for clients');
    expect(out).toContain('does not bear the names of old.crt');
    expect(text()).toContain(`{ file: old.crt, notAfter: ${iso(NEXT_SECOND + 14 * DAY)} }`);
  });

  it.each([
    ['two things', ['--sha256', 'b'.repeat(64), '--spki', 'b'.repeat(64)], 2, 'pins one thing'],
    ['no hash', ['--sha256', 'b'], 2, 'no SHA-256'],
    ['no certificate', ['--certificate', 'package.json'], 1, 'is not one X.509 certificate'],
    ['a file that is not there', ['--certificate', '/nowhere'], 3, 'does not exist'],
  ])('refuses %s', async (_what, args, expected, message) => {
    const { code, err } = await pin(...args);
    expect([code, text()]).toEqual([expected, YAML]);
    expect(err).toContain(message);
  });

  it('refuses a certificate that has ended', async () => {
    const { code, err } = await pin('--certificate', await certificate('client', NOW - 2 * DAY, NOW - DAY));
    expect([code, text()]).toEqual([1, YAML]);
    expect(err).toContain('ended at');
  });
});
