/** The guard of keys over a real Vault: two tenants with a token and a key each, and what the faults of one are to the other. */
import { fastVerifier } from '../../src/crypto/engines.js';
import { restorePublicKey } from '../../src/crypto/public-key.js';
import { SigningSources, type OpenSource } from '../../src/keys/signing-sources.js';
import type { PinnedKey } from '../../src/keys/test-key.js';
import { VaultServer } from '../support/keys/vault-server.js';
import { keyOf, VaultWorld } from '../support/keys/vault-world.js';
import { until } from '../support/until.js';
import { describeKeySource } from './key-source-contract.js';

const MESSAGE = Buffer.from('an answer to be signed');
const verifier = fastVerifier();

let server: VaultServer;
let world: VaultWorld;
let sources: SigningSources;
let a: PinnedKey;
let b: PinnedKey;

const tokenOf = (tenant: string) => ({ kind: 'token', tokenPath: `${world.tokenPath}-${tenant}` }) as const;

async function pinned(tenant: string): Promise<PinnedKey> {
  const key = `tenant-${tenant}`;
  const publicKey = restorePublicKey(await server.publicKey(key, 1));
  return { kid: `fb-${tenant}`, reference: { source: `vault-${tenant}`, key, version: 1 }, publicKey };
}

async function setUp(): Promise<void> {
  for (const tenant of ['a', 'b']) {
    await server.makeKey(`tenant-${tenant}`);
    await server.grant(`hvs.of-${tenant}`, { keys: [`tenant-${tenant}`] });
    world.write(tokenOf(tenant).tokenPath, `hvs.of-${tenant}`);
  }
}

beforeAll(async () => {
  world = new VaultWorld();
  server = await VaultServer.start();
  await setUp();
});
beforeEach(async () => {
  [a, b] = await Promise.all([pinned('a'), pinned('b')]);
});
afterEach(async () => {
  await server.mend();
  await world.closeSources();
});
afterAll(async () => {
  await server.stop();
  world.remove();
});

describeKeySource('vault', async () => ({
  source: world.open(server.url, { auth: tokenOf('a') }),
  keys: [
    { reference: keyOf('tenant-a'), publicKey: await server.publicKey('tenant-a', 1) },
    { reference: keyOf('tenant-a', 2), publicKey: await secondVersion() },
  ],
  absent: keyOf('tenant-a', 99),
  timeoutMilliseconds: 20_000,
}));

async function secondVersion(): Promise<Buffer> {
  const known = await server.publicKey('tenant-a', 2);
  if (known.length > 0) return known;
  await server.rotate('tenant-a');
  return server.publicKey('tenant-a', 2);
}

describe('two tenants with a key and a token each', () => {
  const opened = (tenant: string, timeoutMilliseconds: number): OpenSource => {
    const settings = { name: `vault-${tenant}`, auth: tokenOf(tenant), timeoutMilliseconds };
    return { source: world.open(server.url, settings), timeoutMilliseconds };
  };
  const open = async (patienceOfB = 20_000): Promise<void> => {
    sources = new SigningSources({
      sources: [opened('a', 20_000), opened('b', patienceOfB)],
      verifier,
      observer: { up: () => undefined, down: () => undefined, result: () => undefined },
      monotonicMs: () => performance.now(),
    });
    sources.follow([a, b]);
    await until('both sign', async () => (await signs(a)) && (await signs(b)));
  };
  const sign = (key: PinnedKey) => sources.sign(key, MESSAGE, 'tenant');
  const signs = async (key: PinnedKey): Promise<boolean> => {
    const answer = await sign(key);
    return answer.ok && verifier.verify(key.publicKey, MESSAGE, answer.bytes);
  };
  const look = (kid: string) => sources.look().find((key) => key.kid === kid);

  afterEach(() => sources.close());

  it('sign at once while the key of one of them hangs, and that one comes back by itself', async () => {
    await open(500);
    await server.break({ path: '/sign/tenant-b', hang: true });
    const waiting = Array.from({ length: 50 }, () => sign(b));
    const others = await Promise.all(Array.from({ length: 8 }, () => signs(a)));
    expect(others.every(Boolean)).toBe(true);
    for (const answer of await Promise.all(waiting)) expect(answer.ok).toBe(false);
    await until('b is down', async () => {
      await sign(b);
      return look('fb-b')?.state === 'down';
    });
    expect(look('fb-a')?.state).toBe('up');
    await server.mend();
    await until('b signs', () => signs(b));
  });

  it('are away while Vault is sealed, with its reason, and come back by themselves', async () => {
    await open();
    await server.break({ status: 503, body: '{"errors":["Vault is sealed"]}' });
    for (let each = 0; each < 5; each += 1) {
      expect(await sign(a)).toMatchObject({ ok: false, fault: 'away' });
      expect(await sign(b)).toMatchObject({ ok: false, fault: 'away' });
    }
    expect(look('fb-a')).toMatchObject({
      state: 'down',
      reason: expect.stringContaining('sealed') as string,
    });
    await server.mend();
    await until('both sign', async () => (await signs(a)) && (await signs(b)));
  });

  it('get no signature of another key that says it is theirs', async () => {
    await open();
    const flipped = 'signature":"vault:v1:';
    await server.break({ path: '/sign/tenant-a', old: flipped, new: `${flipped}AAAA` });
    expect(await sign(a)).toMatchObject({ ok: false, fault: 'refused' });
    expect(await signs(b)).toBe(true);
    await server.break({ path: '/sign/tenant-a', old: '==', new: 'A=' });
    expect((await sign(a)).ok).toBe(false);
    await server.mend();
    await until('a signs', () => signs(a));
  });

  it('get none from a Vault that came back with other keys', async () => {
    await open();
    await server.stop();
    await server.start();
    await setUp();
    expect(await signs(a)).toBe(false);
    await until('that is seen', () => look('fb-a')?.reason?.includes('another public half') ?? false);
    expect(await signs(b)).toBe(false);
  });
});
