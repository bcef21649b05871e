/** The TCP listener, as far as a configuration can know whether it may be opened. */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsThatNeedRestart } from '../../../../src/config/restart-settings.js';
import type { Configuration } from '../../../../src/config/settings.js';
import { configurationText, createWorkspace, loaded, problemsOf, type Workspace } from '../workspace.js';

const SECRET = 's'.repeat(32);
const OTHER = 't'.repeat(256);
const TLS = {
  certificateFile: 'certs/server.crt',
  privateKeyFile: 'certs/server.key',
  clientCaFile: 'certs/ca.crt',
  clientNames: ['Edge.Example', 'spiffe://cluster.local/ns/gateways/sa/edge'],
};

let workspace: Workspace;
const write = (name: string, text: string, mode = 0o600): void => {
  writeFileSync(join(workspace.directory, name), text, { mode });
};

beforeEach(() => {
  workspace = createWorkspace();
  write('secret', `${SECRET}\n`);
});
afterEach(() => workspace.remove());

function load(tcp: object | undefined, more: object = {}) {
  return workspace.load(configurationText({ listen: { socket: 'verifier.sock', tcp }, ...more }));
}
const configuration = (tcp: object | undefined, more: object = {}): Configuration => loaded(load(tcp, more));
const problems = (tcp: object, more: object = {}): string[] =>
  problemsOf(load(tcp, more)).map(({ path, message }) => `${path} ${message}`);

describe('listen.tcp', () => {
  it('is off unless it is said', () => {
    expect(configuration(undefined).settings.listen.tcp).toBeUndefined();
  });

  it('takes a secret on loopback', () => {
    const { tcp } = configuration({ port: 9903, sharedSecretFile: 'secret' }).settings.listen;
    expect(tcp).toMatchObject({
      host: '127.0.0.1',
      port: 9903,
      tls: undefined,
      secretHeader: 'x-countersign-secret',
    });
    expect(tcp?.secrets.map((secret) => secret())).toEqual([SECRET]);
    expect(JSON.stringify(tcp)).not.toContain(SECRET);
  });

  it('takes two secrets, with the ends of lines of any system and empty lines', () => {
    write('secret', `\n${SECRET}\r\n\r\n${OTHER}`);
    const { tcp } = configuration({ port: 9903, sharedSecretFile: 'secret' }).settings.listen;
    expect(tcp?.secrets.map((secret) => secret())).toEqual([SECRET, OTHER]);
  });

  it('takes TLS on any address, DNS names in lower case', () => {
    const { tcp } = configuration({ host: '::', port: 9903, tls: TLS }).settings.listen;
    expect(tcp?.tls?.clientNames).toEqual(['edge.example', 'spiffe://cluster.local/ns/gateways/sa/edge']);
    expect(tcp?.tls?.privateKey()).toContain('BEGIN PRIVATE KEY');
  });

  it.each([
    ['nothing', {}, 'listen.tcp is open to every process of this machine'],
    ['a secret alone off loopback', { host: '10.0.0.1' }, 'is not loopback'],
    ['a secret alone on every address', { host: '0.0.0.0' }, 'is not loopback'],
    ['a mapped loopback address', { host: '::ffff:127.0.0.1' }, 'is not loopback'],
    ['half an address', { host: '127.0.0' }, 'is no IP address'],
  ])('refuses %s', (_what, changes, expected) => {
    const secret = Object.keys(changes).length === 0 ? {} : { sharedSecretFile: 'secret' };
    expect(problems({ port: 9903, ...secret, ...changes }).join()).toContain(expected);
  });

  it.each([
    ['short', 'x'.repeat(31)],
    ['long', 'x'.repeat(257)],
    ['of two words', `${SECRET} ${SECRET}`],
    ['not ASCII', `${SECRET}é`],
    ['one of three', `${SECRET}\n${OTHER}\n${SECRET}1`],
    ['nothing but line ends', '\n\n'],
  ])('refuses a secret that is %s', (_what, text) => {
    write('secret', text);
    expect(problems({ port: 9903, sharedSecretFile: 'secret' }).join()).toContain('holds no shared secret');
  });

  it('refuses a secret and a key that others can read', () => {
    chmodSync(join(workspace.directory, 'secret'), 0o644);
    chmodSync(join(workspace.directory, 'certs/server.key'), 0o644);
    const both = { port: 9903, sharedSecretFile: 'secret', tls: TLS };
    expect(problems(both)).toEqual([
      expect.stringContaining('listen.tcp.sharedSecretFile'),
      expect.stringContaining('listen.tcp.tls.privateKeyFile'),
    ]);
  });

  it.each([
    ['the key of another certificate', { certificateFile: 'certs/ca.crt' }, 'is not the key of the first'],
    ['a key that is none', { privateKeyFile: 'secret' }, 'is not a private key in PEM'],
    ['an authority that is none', { clientCaFile: 'secret' }, 'is not an X.509 certificate'],
    ['no key', { privateKeyFile: 'missing' }, 'does not exist'],
    ['no client', { clientNames: [] }, 'clientNames'],
    ['a wildcard', { clientNames: ['*.example'] }, 'clientNames'],
    ['a name with a comma', { clientNames: ['spiffe://a,b'] }, 'clientNames'],
  ])('refuses TLS with %s', (_what, changes, expected) => {
    expect(problems({ port: 9903, tls: { ...TLS, ...changes } }).join()).toContain(expected);
  });

  it('refuses a certificate that TLS does not take', () => {
    const [key, certificate] = ['short.key', 'short.crt'].map((name) => join(workspace.directory, name));
    const made = ['-newkey', 'rsa:512', '-nodes', '-keyout', key!, '-out', certificate!];
    execFileSync('openssl', ['req', '-x509', '-subj', '/CN=localhost', '-days', '9000', ...made], {
      stdio: 'ignore',
    });
    chmodSync(key!, 0o600);
    const short = { certificateFile: 'short.crt', privateKeyFile: 'short.key' };
    const found = 'listen.tcp.tls.certificateFile is not taken by TLS: "ee key too small"';
    expect(problems({ port: 9903, tls: { ...TLS, ...short } })).toEqual([found]);
    rmSync(key!);
    const offline = workspace.load(
      configurationText({
        listen: { socket: 'verifier.sock', tcp: { port: 9903, tls: { ...TLS, ...short } } },
      }),
      { offline: {} },
    );
    expect(problemsOf(offline).map(({ path, message }) => `${path} ${message}`)).toEqual([found]);
  });

  it.each(['grpc-secret', 'secret-bin', 'X-Secret', ':path'])('refuses the metadata %s', (name) => {
    const tcp = { port: 9903, sharedSecretFile: 'secret', sharedSecretHeader: name };
    expect(problems(tcp).join()).toContain('sharedSecretHeader');
  });

  it('refuses ports that somebody else has, or that there are none of', () => {
    const tcp = (port: number): object => ({ port, sharedSecretFile: 'secret' });
    const nonces = { store: 'memory' };
    expect(problems(tcp(9902)).join()).toContain('is also the port of admin');
    const shared = { workers: 3, nonces: { store: 'lmdb' } };
    expect(problems(tcp(9900), shared).join()).toContain('up to 9902, include the port of admin');
    expect(problems(tcp(65_534), shared).join()).toContain('leaves no port for each of 3 workers');
    expect(configuration(tcp(9901), { nonces }).settings.listen.tcp?.port).toBe(9901);
  });
});

describe('a reload of listen.tcp', () => {
  const secret = { port: 9903, sharedSecretFile: 'secret' };

  it('takes over secrets and certificates', () => {
    const before = configuration(secret);
    write('secret', OTHER);
    expect(settingsThatNeedRestart(before, configuration(secret))).toEqual([]);
    const named = configuration({ ...secret, tls: TLS });
    const renamed = configuration({ ...secret, tls: { ...TLS, clientNames: ['other.example'] } });
    expect(settingsThatNeedRestart(named, renamed)).toEqual([]);
  });

  it.each([
    ['the port', { ...secret, port: 9904 }, ['listen.tcp.port']],
    ['the address', { ...secret, host: '127.0.0.2' }, ['listen.tcp.host']],
    ['TLS', { ...secret, tls: TLS }, ['listen.tcp.tls']],
    ['all of it', undefined, ['listen.tcp', 'listen.tcp.host', 'listen.tcp.port']],
  ])('asks for a restart where it changes %s', (_what, next, places) => {
    expect(settingsThatNeedRestart(configuration(secret), configuration(next))).toEqual(places);
  });
});
