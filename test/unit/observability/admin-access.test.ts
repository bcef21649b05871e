import { request, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import {
  startAdminServer,
  type AdminOptions,
  type ReloadAnswer,
} from '../../../src/observability/admin-server.js';
import { Health } from '../../../src/observability/health.js';
import { until } from '../../support/until.js';

let reloads = 0;
const servers: Server[] = [];

async function start(change: Partial<AdminOptions> = {}): Promise<number> {
  const server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    health: new Health([]),
    registry: new Registry(),
    describe: () => ({ generation: 1 }),
    reload: () => Promise.resolve({ applied: ++reloads > 0, body: {} }),
    ...change,
  });
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
beforeEach(() => (reloads = 0));

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly address?: string;
  readonly headers: Readonly<Record<string, string>>;
}

function ask(port: number, { method = 'GET', path = '/status', address, headers }: Asked): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: address ?? '127.0.0.1', port, method, path, headers, agent: false };
    request(options, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end();
  });
}

// docs/security-requirements.md#46
describe('the admin port answers to names of this machine alone', () => {
  it.each(['localhost', 'LocalHost:1', '127.0.0.1', '127.0.0.1:9902', '127.1.2.3', '[::1]:9902'])(
    'to %s',
    async (host) => expect(await ask(await start(), { headers: { host } })).toBe(200),
  );

  it.each([
    'attacker.example',
    'attacker.example:9902',
    'localhost.attacker.example',
    'localhost:9902.attacker.example',
    '127.0.0.1.attacker.example',
    'localhost@attacker.example',
    '10.0.0.1',
    '[fe80::1]',
    '0x7f000001',
    'localhost,attacker.example',
    'localhost:',
  ])('and not to %j: a name that is made to point here (DNS rebinding)', async (host) => {
    const port = await start();
    const statuses = [];
    for (const asked of [{}, { path: '/metrics' }, { method: 'POST', path: '/reload' }])
      statuses.push(await ask(port, { ...asked, headers: { host } }));
    expect(statuses).toEqual([421, 421, 421]);
    expect(reloads).toBe(0);
  });

  it('and to those that the configuration lists', async () => {
    const port = await start({ allowedHosts: ['verifier.monitoring.svc'] });
    expect(await ask(port, { headers: { host: 'Verifier.Monitoring.svc:9902' } })).toBe(200);
    expect(await ask(port, { headers: { host: 'other.monitoring.svc' } })).toBe(421);
  });

  it.each(['0.0.0.0', '::'])(
    'and on %s to the address that was connected to, as scrapers do',
    async (host) => {
      const port = await start({ host });
      const address = '127.0.0.2';
      expect(await ask(port, { address, headers: { host: `${address}:${port}` } })).toBe(200);
      expect(await ask(port, { address, headers: { host: 'attacker.example' } })).toBe(421);
      expect(await ask(port, { address, headers: { host: '192.0.2.1' } })).toBe(421);
    },
  );
});

describe('the admin port answers no page of another origin', () => {
  const host = 'localhost:9902';
  it.each<Readonly<Record<string, string>>>([
    { origin: 'https://attacker.example' },
    { origin: 'null' },
    { origin: 'http://localhost' },
    { origin: 'http://localhost:3000' },
    { origin: 'https://localhost:9902' },
    { origin: 'http://127.0.0.1:9902' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'anything' },
    { origin: 'http://localhost:9902', 'sec-fetch-site': 'cross-site' },
  ])('%j', async (headers) => {
    const port = await start();
    expect(await ask(port, { headers: { host, ...headers } })).toBe(403);
    expect(await ask(port, { method: 'POST', path: '/reload', headers: { host, ...headers } })).toBe(403);
    expect(reloads).toBe(0);
  });

  it.each<Readonly<Record<string, string>>>([
    {},
    { origin: 'http://localhost:9902', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ])('but its own, programs, and an address that was typed: %j', async (headers) => {
    const port = await start();
    expect(await ask(port, { headers: { host, ...headers } })).toBe(200);
    expect(await ask(port, { method: 'POST', path: '/reload', headers: { host, ...headers } })).toBe(200);
  });
});

// Fault: slow-reader
describe('connections to the admin port', () => {
  const opened = (port: number): Promise<Socket> =>
    new Promise((resolve) => {
      const socket: Socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => undefined);
    });

  it('that say nothing keep no probe out: of too many the oldest goes', async () => {
    const port = await start();
    const silent: Socket[] = [];
    for (let count = 0; count < 100; count++) silent.push(await opened(port));
    expect(await ask(port, { path: '/livez', headers: { host: 'localhost' } })).toBe(200);
    await until('the oldest is gone', () => silent[0]?.resume().destroyed === true);
    for (const socket of silent) socket.destroy();
  });

  it('are cut when an answer is not read in its time', async () => {
    const port = await start({ answerMilliseconds: 300, describe: () => ({ long: 'x'.repeat(16_000_000) }) });
    const scraper = await opened(port);
    scraper.pause();
    scraper.write('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const count = (): Promise<number> =>
      new Promise((resolve) => servers[0]?.getConnections((_, open) => resolve(open)));
    await until('it is connected', async () => (await count()) === 1);
    await until('it is cut', async () => (await count()) === 0, { atMostMs: 10_000 });
    scraper.destroy();
  });

  // Fault: reload-large
  it('are not cut for what an answer takes to be made: the reload of a large file', async () => {
    const made = new Promise<ReloadAnswer>((resolve) =>
      setTimeout(() => resolve({ applied: true, body: {} }), 900),
    );
    const port = await start({ answerMilliseconds: 300, reload: () => made });
    expect(await ask(port, { path: '/reload', method: 'POST', headers: { host: 'localhost' } })).toBe(200);
  });

  it('are cut when a request does not arrive in its time', async () => {
    const port = await start();
    const socket = await opened(port);
    const beganMs = performance.now();
    socket.write('GET /livez HTTP/1.1\r\nHost: localh');
    await new Promise((resolve) => socket.resume().once('close', resolve));
    expect(performance.now() - beganMs).toBeLessThan(20_000);
  }, 60_000);
});
