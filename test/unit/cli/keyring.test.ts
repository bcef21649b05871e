import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import { keyringFromJson } from '../../../src/client/feedback/keyring.js';
import { configurationText } from '../config/workspace.js';
import { NOW_SECONDS, run } from './test-world.js';

const tenant = '11111111-1111-4111-8111-111111111111';
const instant = (offsetSeconds: number) => new Date((NOW_SECONDS + offsetSeconds) * 1000).toISOString();
const pairs = [1, 2, 3, 4].map((byte) => generateKeyPair(new Uint8Array(32).fill(byte)));
const [current, next, ended, own] = pairs.map(({ publicKey }) =>
  Buffer.from(publicKey.raw).toString('base64'),
);

const rotation = { every: '30d', announce: '2d', overlap: '2d', directory: 'state/feedback-keys' };

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-keyring-'));
  file = join(directory, 'countersign.yaml');
  mkdirSync(join(directory, 'keys'));
  pairs.forEach((pair, index) => {
    const path = join(directory, 'keys', `${index + 1}.pem`);
    writeFileSync(path, encodePrivateKey(pair, 'pem'), { mode: 0o600 });
  });
  writeConfiguration();
});
afterEach(() => rmSync(directory, { recursive: true }));

const key = (kid: string, number: number, validity: object = {}) => ({
  kid,
  privateKeyFile: `keys/${number}.pem`,
  ...validity,
});

function writeConfiguration(changes: Readonly<Record<string, unknown>> = {}): void {
  const feedback = {
    keys: [
      key('now', 1, { notBefore: instant(-10), notAfter: instant(1000) }),
      key('next', 2, { notBefore: instant(500) }),
      key('ended', 3, { notAfter: instant(-1) }),
    ],
    tenants: { [tenant]: { keys: [key('own', 4)] } },
  };
  const policies = [{ name: 'feedback', profile: 'federation.feedback-query' }];
  writeFileSync(file, configurationText({ policies, feedback, ...changes }));
}

describe('countersign keyring', () => {
  it('prints every key that may sign now or later as a JWK set, and none that has ended', async () => {
    const { code, out, err } = await run(['keyring', file]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const fixed = { kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA' };
    const x = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString('base64url');
    expect(JSON.parse(out)).toEqual({
      keys: [
        { ...fixed, x: x(current), kid: 'now', nbf: NOW_SECONDS - 10, exp: NOW_SECONDS + 1000 },
        { ...fixed, x: x(next), kid: 'next', nbf: NOW_SECONDS + 500 },
        { ...fixed, x: x(own), kid: 'own' },
      ],
    });
    expect(await run(['keyring', '--json', '--config', file])).toEqual({ code, out, err });
  });

  it('prints the map that the deployed consumers take, on one line', async () => {
    const { out } = await run(['keyring', '--map', file]);
    expect(out).toBe(`${JSON.stringify({ now: current, next, own })}\n`);
    expect(ended).toBeDefined();
  });

  it.each(['--json', '--map'])('prints with %s what our own consumer reads', async (form) => {
    const result = keyringFromJson((await run(['keyring', form, file])).out);
    expect(result.ok && result.keyring.kids).toEqual(['now', 'next', 'own']);
  });

  it('prints the keys of one tenant alone', async () => {
    const { out } = await run(['keyring', '--map', '--tenant', tenant, file]);
    expect(JSON.parse(out)).toEqual({ own });
  });

  it('prints the default keys for a tenant without keys of its own', async () => {
    writeConfiguration({ feedback: { keys: [key('now', 1)] } });
    const { out } = await run(['keyring', '--map', '--tenant', tenant, file]);
    expect(JSON.parse(out)).toEqual({ now: current });
  });

  it('says that every key has ended', async () => {
    writeConfiguration({ feedback: { keys: [key('ended', 3, { notAfter: instant(-1) })] } });
    const { code, out, err } = await run(['keyring', '--map', file]);
    expect({ code, out }).toEqual({ code: 0, out: '{}\n' });
    expect(err).toContain('every key has ended');
  });

  it('says that a schedule has made no key yet', async () => {
    writeConfiguration({ feedback: {}, keys: { rotation } });
    const { code, out, err } = await run(['keyring', '--map', file]);
    expect({ code, out }).toEqual({ code: 0, out: '{}\n' });
    expect(err).toContain('makes the first at its start');
  });

  it('never prints a private key', async () => {
    const seeds = pairs.map((pair) => encodePrivateKey(pair, 'base64').trim());
    for (const args of [['keyring'], ['keyring', '--map'], ['check-config'], ['check-config', '--json']]) {
      const { out, err } = await run([...args, file]);
      for (const seed of seeds) expect(out + err).not.toContain(seed.slice(0, 20));
    }
  });

  it.each<[string, readonly string[], number, string]>([
    ['two forms at once', ['--json', '--map'], 2, 'give one of them'],
    [
      'a tenant of nobody',
      ['--tenant', tenant.replaceAll('1', '9')],
      3,
      'no operator is mapped to the tenant',
    ],
  ])('refuses %s', async (_, options, code, message) => {
    const result = await run(['keyring', ...options, file]);
    expect({ code: result.code, out: result.out }).toEqual({ code, out: '' });
    expect(result.err).toContain(message);
  });

  it('says that nothing is signed', async () => {
    const policies = [{ name: 'graph', profile: 'federation.execution-graph' }];
    writeConfiguration({ feedback: undefined, policies });
    const { code, err } = await run(['keyring', file]);
    expect(code).toBe(3);
    expect(err).toContain('no "feedback" section');
  });

  it('refuses a bad configuration with its problems', async () => {
    chmodSync(join(directory, 'keys', '1.pem'), 0o644);
    const { code, out, err } = await run(['keyring', file]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('chmod 600');
  });
});

describe('a domain that delegates', () => {
  beforeEach(() => {
    writeConfiguration({ feedback: { keys: [key('root', 1)], delegation: { lifetime: '24h' } } });
  });

  it('has no key that a file could tell, and a root to be pinned', async () => {
    const { code, out, err } = await run(['keyring', file]);
    expect([code, JSON.parse(out)]).toEqual([0, { keys: [] }]);
    expect(err).toContain('--roots');
    const roots = await run(['keyring', '--roots', '--map', file]);
    expect([JSON.parse(roots.out), roots.err]).toEqual([{ root: current }, '']);
  });

  it('is told of by check-config', async () => {
    const { out } = await run(['check-config', file]);
    expect(out).toContain('root keys of keys in memory: by default: root (vouches now)\n');
  });

  it.each([
    ['is too short', { delegation: { lifetime: '59s' } }, 'between 60s and 90d'],
    ['is too long', { delegation: { lifetime: '91d' } }, 'between 60s and 90d'],
    ['is no duration', { delegation: { lifetime: '1 day' } }, 'must be a whole number and its unit'],
    ['has no root', { keys: [], delegation: { lifetime: '24h' } }, 'must have at least 1'],
  ])('is refused where it %s', async (_, change, message) => {
    writeConfiguration({ feedback: { keys: [key('root', 1)], ...change } });
    const { code, err } = await run(['check-config', file]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
  });
});

it('keyring --roots says so where no domain delegates', async () => {
  const { code, out, err } = await run(['keyring', '--roots', file]);
  expect([code, JSON.parse(out)]).toEqual([0, { keys: [] }]);
  expect(err).toContain('no domain delegates');
  const ofTenant = await run(['keyring', '--roots', '--tenant', tenant, file]);
  expect(ofTenant.err).toContain(`the keys that sign for the tenant ${tenant} are no roots`);
});

describe('countersign check-config', () => {
  it('names the policies that sign, and the state of every key in every domain', async () => {
    const { code, out } = await run(['check-config', file]);
    expect(code).toBe(0);
    expect(out).toContain('signed answers: feedback\n');
    expect(out).toContain(
      `signing keys: by default: now (signs now from ${short(-10)} until ${short(1000)}); next (coming from ${short(500)}); ended (ended until ${short(-1)})\n`,
    );
    expect(out).toContain(`signing keys: for tenant ${tenant}: own (signs now)\n`);
  });

  it('prints the same as JSON', async () => {
    const { out } = await run(['check-config', '--json', file]);
    expect(JSON.parse(out)).toMatchObject({
      signed_answers: {
        policies: ['feedback'],
        domains: [
          {
            tenant: null,
            active_kid: 'now',
            keys: [
              { kid: 'now', state: 'active', not_after: short(1000) },
              { kid: 'next', state: 'coming', not_after: null },
              { kid: 'ended', state: 'ended', not_before: null },
            ],
          },
          { tenant, active_kid: 'own', keys: [{ kid: 'own', state: 'active' }] },
        ],
      },
    });
  });

  it('says that roots vouch, for how long, and in which source they are', async () => {
    writeFileSync(join(directory, 'keys', 'token'), 'token', { mode: 0o600 });
    const hsm = { kind: 'vault', url: 'http://127.0.0.1:8200', auth: { tokenFile: 'keys/token' } };
    const root = { kid: 'hsm-root', source: 'hsm', key: 'root', version: 1, publicKey: next };
    writeConfiguration({
      keys: { sources: { hsm } },
      feedback: { keys: [root], delegation: { lifetime: '1h' } },
    });
    const { out } = await run(['check-config', file]);
    expect(out).toContain(
      'root keys of keys in memory: by default: hsm-root (vouches now; in the source hsm)\n',
    );
    const { signed_answers: said } = JSON.parse((await run(['check-config', '--json', file])).out) as {
      readonly signed_answers: object;
    };
    const source = { name: 'hsm', key: 'root', version: 1 };
    expect(said).toMatchObject({
      domains: [{ delegates: true, is_rotated: false, keys: [{ kid: 'hsm-root', source }] }],
    });
  });

  it('says that keys are made on schedule', async () => {
    writeConfiguration({
      feedback: { tenants: { [tenant]: { keys: [key('own', 4)], activeKid: 'own' } } },
      keys: { rotation },
    });
    const { out } = await run(['check-config', file]);
    expect(out).toContain(
      'signing keys: by default: none yet, the first is made at the start; made on schedule (keys.rotation)\n',
    );
    expect(out).toContain(`signing keys: for tenant ${tenant}: own (signs now)\n`);
    expect(out).toContain('no key is valid now: no answer can be signed before the start makes one');
  });

  it('says nothing of signing where nothing is signed', async () => {
    writeConfiguration({
      feedback: undefined,
      policies: [{ name: 'graph', profile: 'federation.execution-graph' }],
    });
    expect((await run(['check-config', file])).out).not.toMatch(/signed answers|signing keys/);
    const { out } = await run(['check-config', '--json', file]);
    expect(JSON.parse(out)).toMatchObject({ signed_answers: { policies: [], domains: [] } });
  });

  it('warns when no key can sign', async () => {
    writeConfiguration({ feedback: { keys: [key('next', 2, { notBefore: instant(500) })] } });
    const { code, out } = await run(['check-config', file]);
    expect(code).toBe(0);
    expect(out).toContain('warning: feedback.keys: no key is valid now');
  });
});

function short(offsetSeconds: number): string {
  return instant(offsetSeconds).replace('.000Z', 'Z');
}
