import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { configurationText, identity, loaded } from '../config/workspace.js';
import { loadConfiguration } from '../../../src/config/load.js';
import { NOW_SECONDS, run } from './test-world.js';

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'countersign-pki-'));
  directory = join(parent, 'certs');
});
afterEach(() => rmSync(parent, { recursive: true }));

const DAY_SECONDS = 86_400;
const files = ['ca.crt', 'ca.key', 'client.crt', 'client.key', 'server.crt', 'server.key'];
const init = (...options: string[]) => run(['pki', 'init', directory, ...options]);
const certificate = (name: string) => new X509Certificate(readFileSync(join(directory, `${name}.crt`)));
const seconds = (time: string): number => Date.parse(time) / 1000;

describe('countersign pki init', () => {
  it('makes the directory and the keys for their owner alone', async () => {
    expect((await init()).code).toBe(0);
    expect([statSync(directory).mode & 0o777, readdirSync(directory).sort()]).toEqual([0o700, files]);
    for (const name of files.filter((file) => file.endsWith('.key')))
      expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
  });

  it('makes certificates that OpenSSL takes, each for its purpose and no other', async () => {
    // OpenSSL judges by the clock of the machine.
    await run(['pki', 'init', directory], { nowMs: Date.now() });
    const verifies = (name: string, ...options: string[]): boolean =>
      spawnSync(
        'openssl',
        ['verify', '-x509_strict', '-CAfile', join(directory, 'ca.crt'), ...options, join(directory, name)],
        { stdio: 'ignore' },
      ).status === 0;
    expect(verifies('server.crt', '-purpose', 'sslserver', '-verify_hostname', 'localhost')).toBe(true);
    expect(verifies('server.crt', '-purpose', 'sslserver', '-verify_ip', '::1')).toBe(true);
    expect(verifies('client.crt', '-purpose', 'sslclient')).toBe(true);
    expect(verifies('server.crt', '-purpose', 'sslclient')).toBe(false);
    expect(verifies('client.crt', '-purpose', 'sslserver')).toBe(false);
    expect(verifies('server.crt', '-verify_hostname', 'elsewhere')).toBe(false);
  });

  it('makes a CA that signs leaves alone, and leaves that sign nothing', async () => {
    await init();
    const text = (name: string): string =>
      execFileSync('openssl', ['x509', '-in', join(directory, name), '-noout', '-text'], {
        encoding: 'utf8',
      });
    expect(text('ca.crt')).toMatch(/Basic Constraints: critical\n *CA:TRUE, pathlen:0\n/);
    expect(text('ca.crt')).toMatch(/Key Usage: critical\n *Certificate Sign, CRL Sign\n/);
    const leaf = /Key Usage: critical\n *Digital Signature\n[^]*Authority Key Identifier/;
    expect(text('server.crt')).toMatch(leaf);
    expect(text('client.crt')).toMatch(leaf);
    for (const name of ['server', 'client']) {
      expect(certificate(name).ca).toBe(false);
      expect(certificate(name).checkIssued(certificate('ca'))).toBe(true);
      expect(certificate(name).publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    }
  });

  it('takes names, the client and both terms from its options', async () => {
    const names = ['--name', 'gateway.internal', '--name', '10.1.2.3', '--name', '2001:db8::1'];
    await init(...names, '--client', 'producer-a', '--days', '90', '--ca-days', '100');
    expect(certificate('server').subjectAltName).toBe(
      'DNS:gateway.internal, IP Address:10.1.2.3, IP Address:2001:DB8:0:0:0:0:0:1',
    );
    expect([certificate('server').subject, certificate('producer-a').subject]).toEqual([
      'CN=gateway.internal',
      'CN=producer-a',
    ]);
    expect(certificate('producer-a').subjectAltName).toBeUndefined();
    const end = (days: number) => NOW_SECONDS + days * DAY_SECONDS;
    expect(['ca', 'server', 'producer-a'].map((name) => seconds(certificate(name).validTo))).toEqual([
      end(100),
      end(90),
      end(90),
    ]);
    expect(seconds(certificate('ca').validFrom)).toBe(NOW_SECONDS - 3600);
  });

  it.each([
    ['2001:db8::1.2.3.4', '2001:DB8:0:0:0:0:102:304'],
    ['::ffff:1.2.3.4', '0:0:0:0:0:FFFF:102:304'],
    ['64:ff9b::192.0.2.33', '64:FF9B:0:0:0:0:C000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::', '0:0:0:0:0:0:0:0'],
  ])('certifies the address %s, and no other', async (address, certified) => {
    expect((await init('--name', address)).code).toBe(0);
    expect(certificate('server').subjectAltName).toBe(`IP Address:${certified}`);
    expect(certificate('server').checkIP(address)).toBe(address);
  });

  it('certifies a name once that is given twice, however it is written', async () => {
    const names = ['a.internal', 'A.internal', '::1', '0:0::1', '10.0.0.1', '10.0.0.1', '*.b.internal'];
    await init(...names.flatMap((name) => ['--name', name]));
    expect(certificate('server').subjectAltName).toBe(
      'DNS:a.internal, IP Address:0:0:0:0:0:0:0:1, IP Address:10.0.0.1, DNS:*.b.internal',
    );
  });

  it('prints the fingerprint to pin and the lines for the configuration, which loads with them', async () => {
    const { out } = await init();
    const sha256 = certificate('client').fingerprint256.replaceAll(':', '').toLowerCase();
    expect(out).toContain(`SHA-256 of the client certificate: ${sha256}\n`);
    const [, pin = '', envoyLines = ''] =
      /(certificates:\n[^]*?)\n\n[^]*?\n(envoy:\n[^]*?)\n\n/.exec(out) ?? [];
    const { certificates } = parse(pin) as { certificates: unknown };
    const { envoy } = parse(envoyLines) as { envoy: object };
    const at = (port: number) => ({ address: '127.0.0.1', port });
    const file = join(parent, 'countersign.yaml');
    const section = { ...envoy, listener: at(8443), admin: at(9901), upstream: at(9000) };
    writeFileSync(file, configurationText({ identities: [identity({ certificates })], envoy: section }));
    const nowMs = NOW_SECONDS * 1000;
    expect(loaded(loadConfiguration(file, { generation: 1, nowMs })).warnings).toEqual([]);
  });

  it('says what it is not for', async () => {
    expect((await init()).out).toMatch(/It is no PKI: nothing is revoked[^]*cert-manager, Vault/);
  });

  it('tells scripts in JSON', async () => {
    const made = JSON.parse((await init('--json')).out) as Record<string, Record<string, string>>;
    expect(Object.keys(made)).toEqual(['ca', 'server', 'client']);
    expect(made['client']).toEqual({
      certificate_file: join(directory, 'client.crt'),
      private_key_file: join(directory, 'client.key'),
      certificate_sha256: certificate('client').fingerprint256.replaceAll(':', '').toLowerCase(),
      not_after: new Date((NOW_SECONDS + 365 * DAY_SECONDS) * 1000).toISOString().replace('.000Z', 'Z'),
    });
  });

  it('never makes the same certificate twice', async () => {
    await init();
    const first = files.map((name) => readFileSync(join(directory, name), 'utf8'));
    rmSync(directory, { recursive: true });
    await init();
    for (const [index, name] of files.entries())
      expect(readFileSync(join(directory, name), 'utf8')).not.toBe(first[index]);
  });

  it.each(files)(
    'overwrites nothing: with a %s there, or a dangling link, nothing is written',
    async (name) => {
      mkdirSync(directory);
      symlinkSync('nowhere', join(directory, name));
      const { code, err } = await init();
      expect([code, readdirSync(directory)]).toEqual([3, [name]]);
      expect(err).toContain(`${name} exists and is not overwritten`);
    },
  );

  it.each([
    ['a name with a port', ['--name', 'localhost:8443'], 'without a port'],
    ['a name that is no ASCII', ['--name', 'bücher.example'], 'DNS name in ASCII'],
    ['an address of four numbers that is none', ['--name', '300.1.1.1'], 'DNS name in ASCII'],
    [
      'a hexadecimal number, which clients take for an address',
      ['--name', '0x7f000001'],
      'DNS name in ASCII',
    ],
    ['a name that ends in one', ['--name', 'a.0X1'], 'DNS name in ASCII'],
    ['a name whose last label has no letter', ['--name', 'a.1-2'], 'DNS name in ASCII'],
    ['a name with an underscore', ['--name', 'a_b.internal'], 'DNS name in ASCII'],
    ['a wildcard that is not the first label', ['--name', 'a.*.internal'], 'DNS name in ASCII'],
    ['an address with a zone', ['--name', 'fe80::1%eth0'], 'DNS name in ASCII'],
    ['a client whose files would be another’s', ['--client', 'ca'], 'cannot be called ca'],
    ['a client with a path in its name', ['--client', '../a'], 'must match'],
    ['more days than anybody remembers', ['--days', '398'], 'from 1 to 397'],
    ['no day at all', ['--days', '0'], 'from 1 to 397'],
    ['a CA that ends before what it signed', ['--ca-days', '30'], 'would end before'],
  ])('refuses %s, and writes nothing', async (_what, options, message) => {
    const { code, err } = await init(...options);
    expect([code, readdirSync(parent)]).toEqual([2, []]);
    expect(err).toContain(message);
  });

  it('says which packages are missing, and how they are installed', () => {
    const hook = `export const resolve = (name, context, next) => {
      if (name !== 'reflect-metadata') return next(name, context);
      throw Object.assign(new Error('missing'), { code: 'ERR_MODULE_NOT_FOUND' });
    };`;
    const url = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
    const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hook))});`;
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', url(register), 'dist/src/main.js', 'pki', 'init', directory],
      { encoding: 'utf8' },
    );
    expect([status, readdirSync(parent)]).toEqual([3, []]);
    expect(stderr).toContain('@peculiar/x509 and reflect-metadata, are not installed');
    expect(stderr).toContain('remedy: install them: npm install --include=optional');
  });
});
