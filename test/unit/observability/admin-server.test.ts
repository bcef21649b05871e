import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { startAdminServer } from '../../../src/observability/admin-server.js';
import { Health } from '../../../src/observability/health.js';

const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'fb', use: 'sig', alg: 'EdDSA' } as const;
const keyrings = new Map([
  [undefined, { keys: [jwk, { ...jwk, kid: 'own' }] }],
  ['tenant-1', { keys: [{ ...jwk, kid: 'own' }] }],
]);
let fault: string | undefined;
let broken = false;
let applied = true;
let reloads = 0;
let server: Server;
let base = '';
const registry = new Registry();
new Counter({
  name: 'seen_total',
  help: 'Seen.',
  registers: [registry],
  collect: () => {
    if (broken) throw new Error('a secret of the inside');
  },
});

beforeAll(async () => {
  server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    health: new Health([{ name: 'nonce_store', fault: () => fault }]),
    registry,
    describe: () => ({ generation: 1 }),
    keyring: (tenant) => keyrings.get(tenant),
    reload: () => {
      reloads++;
      return Promise.resolve({ applied, body: { outcome: applied ? 'applied' : 'refused' } });
    },
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  fault = undefined;
  broken = false;
});

describe('the admin port', () => {
  it('is alive', async () => {
    const response = await fetch(`${base}/livez`);
    expect([response.status, await response.text()]).toEqual([200, 'alive\n']);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('is ready, component by component', async () => {
    const response = await fetch(`${base}/readyz?verbose`);
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        ready: true,
        components: [
          { name: 'nonce_store', ready: true },
          { name: 'lifecycle', ready: true },
        ],
      },
    ]);
  });

  it('is not ready for a reason', async () => {
    fault = 'the disk is full';
    const response = await fetch(`${base}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      ready: false,
      components: [{ name: 'nonce_store', ready: false, reason: 'the disk is full' }, {}],
    });
  });

  it('is alive although it is not ready', async () => {
    fault = 'the disk is full';
    expect((await fetch(`${base}/livez`)).status).toBe(200);
  });

  it('shows metrics as Prometheus reads them', async () => {
    const response = await fetch(`${base}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('# TYPE seen_total counter');
  });

  it('describes the running configuration', async () => {
    expect(await (await fetch(`${base}/status`)).json()).toEqual({ generation: 1 });
  });

  it.each(['/keyring', '/.well-known/jwks.json', '/keyring?other=1', '/keyring?'])(
    'serves the public keys as a JWK set at %s',
    async (path) => {
      const response = await fetch(`${base}${path}`);
      expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.json()).toEqual({ keys: [jwk, { ...jwk, kid: 'own' }] });
    },
  );

  it('serves the public keys of one tenant', async () => {
    const response = await fetch(`${base}/keyring?tenant=tenant-1`);
    expect(await response.json()).toEqual({ keys: [{ ...jwk, kid: 'own' }] });
  });

  it('has no keyring where nothing is signed', async () => {
    const response = await fetch(`${base}/keyring?tenant=tenant-2`);
    expect([response.status, await response.text()]).toEqual([404, 'no answer is signed here\n']);
  });

  it.each([
    '/',
    '/metrics/',
    '/healthz',
    '//livez',
    '/../livez/x',
    '/constructor',
    `/livez?${'x'.repeat(1024)}`,
  ])('has nothing at %s', async (path) => {
    expect((await fetch(`${base}${path}`)).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('refuses %s', async (method) => {
    expect((await fetch(`${base}/livez`, { method })).status).toBe(405);
  });

  it('loads the files again when it is asked to, and says how that went', async () => {
    const good = await fetch(`${base}/reload`, { method: 'POST' });
    expect([good.status, await good.json()]).toEqual([200, { outcome: 'applied' }]);
    applied = false;
    const bad = await fetch(`${base}/reload`, { method: 'POST' });
    expect([bad.status, await bad.json()]).toEqual([422, { outcome: 'refused' }]);
  });

  it.each(['GET', 'HEAD', 'PUT'])('loads nothing on %s', async (method) => {
    const before = reloads;
    const response = await fetch(`${base}/reload`, { method });
    expect([response.status, response.headers.get('allow'), reloads]).toEqual([405, 'POST', before]);
  });

  it('shows a note of a part that works', async () => {
    const view = { registry, describe: () => ({}), host: '127.0.0.1', port: 0 };
    const health = new Health([{ name: 'keys', fault: () => undefined, note: () => 'one has ended' }]);
    const other = await startAdminServer({ ...view, health });
    const otherBase = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    expect(await (await fetch(`${otherBase}/readyz`)).json()).toMatchObject({
      ready: true,
      components: [{ name: 'keys', ready: true, note: 'one has ended' }, {}],
    });
    expect((await fetch(`${otherBase}/reload`, { method: 'POST' })).status).toBe(405);
    other.close();
  });

  it('answers HEAD without a body', async () => {
    const response = await fetch(`${base}/livez`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('keeps the reason of a failed scrape to itself', async () => {
    broken = true;
    const response = await fetch(`${base}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, 'internal error\n']);
  });

  it('says which setting to change when its port is taken', async () => {
    const { port } = server.address() as AddressInfo;
    const again = startAdminServer({
      host: '127.0.0.1',
      port,
      health: new Health([]),
      registry,
      describe: () => ({}),
    });
    await expect(again).rejects.toThrow(/admin\.port/);
  });
});
