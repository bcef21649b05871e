import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../../../src/config/load.js';
import { configurationText, identity } from '../config/workspace.js';
import { NOW_SECONDS, run } from './test-world.js';

const DAY = 86_400_000;
const NOW = NOW_SECONDS * 1000;
const LATER = NOW + 300 * DAY;

let parent: string;
let directory: string;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'countersign-renew-'));
  directory = join(parent, 'certs');
  const names = [
    '--name',
    'gateway.internal',
    '--name',
    '10.1.2.3',
    '--name',
    '2001:db8::1',
    '--name',
    '*.b.internal',
  ];
  await run(['pki', 'init', directory, ...names, '--client', 'producer-a']);
});
afterEach(() => rmSync(parent, { recursive: true }));

const at = (name: string): string => join(directory, name);
const certificate = (name: string) => new X509Certificate(readFileSync(at(name)));
const key = (name: string) => createPrivateKey(readFileSync(at(name)));
const sha256 = (name: string): string => certificate(name).fingerprint256.replaceAll(':', '').toLowerCase();
const renew = (...args: string[]) => run(['pki', 'renew', directory, ...args], { nowMs: LATER });

describe('countersign pki renew', () => {
  it.each(['server', 'producer-a'])(
    'gives %s the same names, use and issuer, for another year, and keeps its key',
    async (name) => {
      const [old, oldKey] = [certificate(`${name}.crt`), readFileSync(at(`${name}.key`))];
      const { code, err } = await renew(name, '--days', '90');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const next = certificate(`${name}.crt`);
      expect(next.serialNumber).not.toBe(old.serialNumber);
      const told = ({ subject, subjectAltName, keyUsage, issuer }: X509Certificate) => [
        subject,
        subjectAltName,
        keyUsage,
        issuer,
      ];
      expect(told(next)).toEqual(told(old));
      expect(Date.parse(next.validTo)).toBe(LATER + 90 * DAY);
      expect(next.verify(certificate('ca.crt').publicKey)).toBe(true);
      expect(readFileSync(at(`${name}.key`)).equals(oldKey)).toBe(true);
      expect(sha256(`${name}.crt.old`)).toBe(old.fingerprint256.replaceAll(':', '').toLowerCase());
      execFileSync('openssl', [
        'verify',
        '-x509_strict',
        '-no_check_time',
        '-CAfile',
        at('ca.crt'),
        at(`${name}.crt`),
      ]);
    },
  );

  it('with a new key changes both files in one moment, again and again, and keeps the pair before', async () => {
    const mismatches: string[] = [];
    let events = 0;
    const look = (): void => {
      events += 1;
      if (!certificate('server.crt').checkPrivateKey(key('server.key')))
        mismatches.push(sha256('server.crt'));
    };
    const watcher = watch(directory, look);
    const keys = new Set([readFileSync(at('server.key'), 'utf8')]);
    for (let time = 0; time < 3; time += 1) {
      const before = sha256('server.crt');
      const json = JSON.parse((await renew('server', '--new-key', '--json')).out) as { backup: string };
      expect(sha256('server.crt')).not.toBe(before);
      expect(
        new X509Certificate(readFileSync(join(json.backup, 'server.crt'))).fingerprint256
          .replaceAll(':', '')
          .toLowerCase(),
      ).toBe(before);
      look();
      keys.add(readFileSync(at('server.key'), 'utf8'));
      expect(readdirSync(at('.server.pairs'))).toHaveLength(2);
    }
    watcher.close();
    expect([mismatches, keys.size, events >= 3]).toEqual([[], 4, true]);
    expect(lstatSync(at('server.key')).isSymbolicLink()).toBe(true);
    expect(statSync(at('server.key')).mode & 0o777).toBe(0o600);
    expect(statSync(at('.server.pairs')).mode & 0o777).toBe(0o700);
    // And the certificate alone afterwards, by the same links.
    expect((await renew('server')).code).toBe(0);
    expect(certificate('server.crt').checkPrivateKey(key('server.key'))).toBe(true);
  });

  it('does nothing in a dry run', async () => {
    const before = sha256('server.crt');
    const { code, out } = await renew('server', '--new-key', '--dry-run');
    expect([code, sha256('server.crt'), readdirSync(directory)]).toEqual([
      0,
      before,
      expect.not.arrayContaining(['.server.pairs']),
    ]);
    expect(out).toContain('would renew');
  });

  it.each([
    ['the CA', ['ca'], 2, 'everybody who trusts it'],
    ['more days than the CA has', ['server', '--days', '397'], 1, 'the CA ends at', NOW + 3_400 * DAY],
    ['what is not there', ['other'], 3, 'does not exist'],
    ['options about pins without a configuration', ['server', '--without-verifier'], 2, 'are about pins'],
  ])('refuses %s', async (_what, args, expected, message, nowMs = LATER) => {
    const before = sha256('server.crt');
    const { code, err } = await run(['pki', 'renew', directory, ...args], { nowMs });
    expect([code, sha256('server.crt')]).toEqual([expected, before]);
    expect(err).toContain(message);
  });

  it('refuses a certificate of another CA, and a key of another certificate', async () => {
    const other = join(parent, 'other');
    await run(['pki', 'init', other]);
    writeFileSync(at('server.crt'), readFileSync(join(other, 'server.crt')));
    expect((await renew('server')).err).toContain('do not belong together');
    writeFileSync(at('server.key'), readFileSync(join(other, 'server.key')));
    expect((await renew('server')).err).toContain('was not issued by the CA of this directory');
    writeFileSync(at('ca.key'), readFileSync(join(other, 'ca.key')));
    expect((await renew('server')).err).toContain('ca.key is not the key of ca.crt');
  });
});

describe('countersign pki renew --config', () => {
  let file: string;
  let server: Server;
  let answers: Record<string, number>;
  let asked: string[];
  /** Whether the verifier that answers follows this configuration. */
  let isOther: boolean;
  beforeEach(async () => {
    asked = [];
    answers = { '/page/identities.json': 200, '/reload': 200 };
    isOther = false;
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://verifier');
      asked.push(`${request.method} ${pathname} ${sha256('producer-a.crt').slice(0, 8)}`);
      const known = isOther ? [] : pins().filter((pin) => pin.sha256 === searchParams.get('find'));
      response.writeHead(answers[pathname] ?? 404).end(JSON.stringify({ matching: known.length }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    file = join(parent, 'countersign.yaml');
    write([{ sha256: sha256('producer-a.crt') }]);
  });
  afterEach(() => void server.close());

  function write(certificates: object[]): void {
    const { port } = server.address() as AddressInfo;
    const text = configurationText({
      admin: { host: '127.0.0.1', port },
      identities: [identity({ certificates })],
    });
    writeFileSync(file, text);
  }
  function pins(nowMs = LATER) {
    const loaded = loadConfiguration(file, { generation: 1, nowMs });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.configuration.snapshot.identities.get('producer-a')?.pins ?? [];
  }
  const producer = (...args: string[]) => renew('producer-a', '--config', file, ...args);

  it('pins the new certificate, has the verifier take it, and only then replaces the file', async () => {
    const old = sha256('producer-a.crt');
    const { code, err } = await producer('--overlap', '1d', '--new-key');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const look = `GET /page/identities.json ${old.slice(0, 8)}`;
    expect(asked).toEqual([look, `POST /reload ${old.slice(0, 8)}`, look]);
    expect(pins().map((pin) => [pin.sha256, pin.notAfterMs])).toEqual([
      [old, LATER + DAY],
      [sha256('producer-a.crt'), LATER + 365 * DAY + 1000],
    ]);
  });

  it('keeps a pin by file, and the old certificate beside it', async () => {
    write([{ file: 'certs/producer-a.crt' }]);
    const old = sha256('producer-a.crt');
    expect((await producer()).code).toBe(0);
    const next = sha256('producer-a.crt');
    expect(pins().map(({ sha256: hash }) => hash)).toEqual([next, next, old]);
    expect(pins().at(-1)?.notAfterMs).toBe(LATER + 14 * DAY);
  });

  it.each(['sha256', 'file'] as const)('ends no pin of another certificate: old one by %s', async (by) => {
    const old = sha256('producer-a.crt');
    write([
      { sha256: 'b'.repeat(64) },
      by === 'file' ? { file: 'certs/producer-a.crt' } : { sha256: old },
      { file: 'certs/server.crt' },
      ...(by === 'file' ? [{ sha256: old, notAfter: new Date(NOW).toISOString() }] : []),
    ]);
    const { code, out } = await producer();
    expect(code).toBe(0);
    expect(out).not.toContain('b'.repeat(64));
    const ends = pins().map(({ sha256: hash, notAfterMs }) => [hash, notAfterMs]);
    const next = sha256('producer-a.crt');
    expect(ends.filter(([hash]) => hash === 'b'.repeat(64))).toEqual([['b'.repeat(64), Infinity]]);
    expect(ends.filter(([hash]) => hash === sha256('server.crt'))).toEqual([
      [sha256('server.crt'), expect.any(Number)],
    ]);
    expect(ends.filter(([hash, endMs]) => hash === old && endMs !== NOW)).toEqual([[old, LATER + 14 * DAY]]);
    expect(ends.map(([hash]) => hash)).toContain(next);
  });

  it('leaves a pinned public key alone, unless the key is new', async () => {
    const facts = JSON.parse((await run(['fingerprint', '--json', at('producer-a.crt')])).out) as {
      spki_sha256: string;
    }[];
    write([{ spki: facts[0]?.spki_sha256 }]);
    const before = readFileSync(file, 'utf8');
    expect((await producer()).out).toContain('the public key is pinned, and stays');
    expect([readFileSync(file, 'utf8'), asked]).toEqual([before, []]);
    expect((await producer('--new-key')).code).toBe(0);
    expect(pins().map(({ kind }) => kind)).toEqual(['spki', 'spki']);
  });

  it('replaces nothing when no verifier answers, or when it refuses the configuration', async () => {
    const [old, before] = [sha256('producer-a.crt'), readFileSync(file, 'utf8')];
    answers['/page/identities.json'] = 503;
    const away = await producer();
    expect([away.code, readFileSync(file, 'utf8'), sha256('producer-a.crt')]).toEqual([1, before, old]);
    expect(away.err).toContain('nothing has changed');
    answers = { '/page/identities.json': 200, '/reload': 422 };
    const refused = await producer();
    expect([refused.code, sha256('producer-a.crt'), pins().length]).toEqual([1, old, 2]);
    expect(refused.err).toContain('the old certificate is in its place');
    expect((await producer('--without-verifier')).code).toBe(0);
    expect(pins().at(-1)?.sha256).toBe(sha256('producer-a.crt'));
  });

  it('changes nothing when the verifier that answers runs with another configuration', async () => {
    const [old, before] = [sha256('producer-a.crt'), readFileSync(file, 'utf8')];
    isOther = true;
    const other = await producer();
    expect([other.code, readFileSync(file, 'utf8'), sha256('producer-a.crt')]).toEqual([1, before, old]);
    expect(other.err).toContain(`does not know the pin ${old}`);
    expect(asked).toHaveLength(1);
  });

  it('refuses a configuration that pins it nowhere, and one that the loader refuses', async () => {
    write([{ sha256: 'b'.repeat(64) }]);
    const old = sha256('producer-a.crt');
    expect((await producer()).err).toContain('for no identity');
    writeFileSync(file, 'version: 2');
    expect((await producer()).code).toBe(1);
    expect(sha256('producer-a.crt')).toBe(old);
  });
});
