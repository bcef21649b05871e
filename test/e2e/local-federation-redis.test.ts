/** `make local-federation-up NONCES=redis://…` against a real Redis, run as Make runs it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { layoutOf, repositoryRoot } from '../../tools/local-federation/layout.js';
import { RedisServer } from '../support/redis-server.js';
import { anyFreePort } from './support/free-port.js';
import { runLocalFederation, type ProgramRun } from './support/local-federation-program.js';

const ROOT = repositoryRoot();
/** With characters that a URL has to encode. */
const PASSWORD = 'hunter/2:@';
/** The rule that operators are given, for this user and the federation's own prefix. */
const RULE = readFileSync(join(ROOT, 'k8s/overlays/replicated/users.acl.example'), 'utf8')
  .split('\n')
  .find((line) => line.startsWith('user countersign '))!
  .replace('user countersign on #PASSWORD_SHA256', `user gate on >${PASSWORD}`)
  .replace('~countersign:*', '~countersign*');
const PROCESSES = ['envoy', 'verifier', 'upstream'] as const;

describe('the local federation with its nonces in Redis', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lfr-'));
  const state = join(directory, 'state');
  const layout = layoutOf(state);
  const authorityFile = join(directory, 'redis.crt');
  let redis: RedisServer;
  let port: number;
  let tlsPort: number;

  function run(command: string, nonces: string, more: Readonly<Record<string, string>> = {}): ProgramRun {
    // As Make leaves it, when the switch was an argument.
    const makes = { NONCES: nonces, MAKEFLAGS: ` -- NONCES=${nonces}` };
    return runLocalFederation(command, { STATE_DIR: state, PORT: String(port), ...makes, ...more });
  }
  const url = (scheme: string, login: string, at: number): string => `${scheme}://${login}127.0.0.1:${at}`;
  const login = `gate:${encodeURIComponent(PASSWORD)}@`;
  const pidOf = (name: string): string => readFileSync(join(layout.run, `${name}.pid`), 'utf8').trim();

  async function nonceKeys(): Promise<number> {
    const client = new Redis({ ...redis.address, username: 'watcher', password: 'watcher', protocol: 2 });
    const keys = await client.keys('countersign*:n:*');
    client.disconnect();
    return keys.length;
  }

  /** Every file of the place, with its text. */
  function files(folder: string): (readonly [path: string, text: string])[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return files(path);
      return entry.isFile() ? [[path, readFileSync(path, 'latin1')] as const] : [];
    });
  }

  beforeAll(async () => {
    [port, tlsPort] = [await anyFreePort(), await anyFreePort()];
    const keyFile = join(directory, 'redis.key');
    const subject = ['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-keyout', keyFile, '-out', authorityFile], {
      stdio: 'ignore',
    });
    redis = await RedisServer.reserve({
      directives: [
        `tls-port ${tlsPort}`,
        `tls-cert-file ${authorityFile}`,
        `tls-key-file ${keyFile}`,
        `tls-ca-cert-file ${authorityFile}`,
        'tls-auth-clients no',
        'user default off',
        'user watcher on >watcher ~* -@all +keys +info',
        RULE,
      ],
    });
  });
  afterAll(async () => {
    run('down', '');
    await redis.remove();
    rmSync(directory, { recursive: true, force: true });
  }, 120_000);

  it('says where Redis is missing and how to have one, and has made and started nothing', () => {
    const { status, output } = run('up', url('redis', login, redis.address.port));
    expect(status).toBe(1);
    expect(output).toMatch(
      new RegExp(`Redis at 127\\.0\\.0\\.1:${redis.address.port} cannot be reached: .*ECONNREFUSED`),
    );
    expect(output).toMatch(/^remedy: start one there, as in: .*redis\.sh.*; or use NONCES=lmdb/m);
    expect(output).not.toContain('hunter');
    expect(files(state).map(([path]) => path)).toEqual([]);
  }, 120_000);

  it('starts with a user and a password, and every request of the round ends as it must', async () => {
    await redis.start();
    const { status, output } = run('up', url('redis', login, redis.address.port));
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output.match(/as it should be$/gm)).toHaveLength(20 + 17);
    expect(output).not.toContain('hunter');
    expect(await nonceKeys()).toBeGreaterThan(5);
    expect(readFileSync(layout.configurationFile, 'utf8')).toMatch(/store: redis[^]*username: gate/);
  }, 90_000);

  it('keeps the password in one file of mode 0600, and in no environment of a process', () => {
    const holders = files(state).filter(
      ([, text]) => text.includes('hunter') || text.includes(encodeURIComponent(PASSWORD)),
    );
    expect(holders).toEqual([[join(layout.keys, 'redis-password'), `${PASSWORD}\n`]]);
    expect(statSync(join(layout.keys, 'redis-password')).mode & 0o777).toBe(0o600);
    for (const name of PROCESSES)
      for (const file of ['environ', 'cmdline'])
        expect(readFileSync(`/proc/${pidOf(name)}/${file}`, 'latin1')).not.toContain('hunter');
  });

  it('goes over to TLS with the same nonces, and trusts no certificate unasked', () => {
    const secure = url('rediss', login, tlsPort);
    const distrustful = run('up', secure, { DEMO: '0' });
    expect(distrustful.status).toBe(1);
    expect(distrustful.output).toMatch(/self-signed certificate[^]*remedy: .*NODE_EXTRA_CA_CERTS=FILE/);
    const before = pidOf('verifier');
    const { status, output } = run('up', secure, { NODE_EXTRA_CA_CERTS: authorityFile });
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toMatch(/verifier: replaced/);
    expect(output.match(/as it should be$/gm)).toHaveLength(20 + 17);
    expect(pidOf('verifier')).not.toBe(before);
  }, 90_000);

  it.each([
    ['without a password', '', /NOAUTH/],
    ['with a wrong one', 'gate:wrong@', /WRONGPASS/],
  ])(
    'says %s that one is needed, and leaves what runs alone',
    (_, wrong, reason) => {
      const before = pidOf('verifier');
      const { status, output } = run('up', url('redis', wrong, redis.address.port), { DEMO: '0' });
      expect(status).toBe(1);
      expect(output).toMatch(reason);
      expect(output).toMatch(/^remedy: give the user and the password/m);
      expect(output).not.toContain('wrong');
      expect(pidOf('verifier')).toBe(before);
    },
    120_000,
  );
});
