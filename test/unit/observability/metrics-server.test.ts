import { request, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Registry } from 'prom-client';
import { startMetricsServer, type MetricsOptions } from '../../../src/observability/metrics-server.js';
import { until } from '../../support/until.js';

const servers: Server[] = [];
const { contentType } = new Registry();
let scrapes = 0;
let nowMs = 0;

async function start(change: Partial<MetricsOptions> = {}): Promise<number> {
  const server = await startMetricsServer({
    host: '127.0.0.1',
    port: 0,
    registry: {
      contentType,
      metrics: () => Promise.resolve(`scrapes_total ${++scrapes}\n`),
    },
    monotonicMs: () => nowMs,
    ...change,
  });
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

beforeEach(() => {
  scrapes = 0;
  nowMs = 0;
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly address?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Status and body. */
function ask(
  port: number,
  { method = 'GET', path = '/metrics', address = '127.0.0.1', headers = {} }: Asked = {},
): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const options = { host: address, port, method, path, headers, agent: false };
    request(options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve([response.statusCode ?? 0, Buffer.concat(parts).toString()]));
    })
      .on('error', reject)
      .end();
  });
}

describe('the metrics port', () => {
  it.each(['/metrics', '/metrics?collect[]=x'])('shows metrics at %s', async (path) => {
    expect(await ask(await start(), { path })).toEqual([200, 'scrapes_total 1\n']);
  });

  it('says what they are, and keeps no connection', async () => {
    const { headers } = await fetch(`http://127.0.0.1:${await start()}/metrics`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': '16',
      'cache-control': 'no-store',
      connection: 'close',
    });
  });

  it.each([
    '/',
    '/metrics/',
    '/metricsx',
    '//metrics',
    '/livez',
    '/readyz',
    '/status',
    '/keyring',
    '/api/live',
  ])('has nothing at %s', async (path) =>
    expect(await ask(await start(), { path })).toEqual([404, 'there is /metrics\n']),
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('refuses %s, also of /reload', async (method) => {
    const port = await start();
    expect((await ask(port, { method }))[0]).toBe(405);
    expect((await ask(port, { method, path: '/reload' }))[0]).toBe(405);
  });

  it('answers what expects something as anything else, and keeps no connection', async () => {
    const headers = { expect: 'something-else' };
    expect(await ask(await start(), { headers })).toEqual([200, 'scrapes_total 1\n']);
    const [status] = await ask(await start(), { headers: { ...headers, host: 'evil.example' } });
    expect(status).toBe(421);
  });

  it('answers HEAD without a body', async () => {
    expect(await ask(await start(), { method: 'HEAD' })).toEqual([200, '']);
  });

  it('keeps the reason of a failed scrape to itself', async () => {
    const metrics = () => Promise.reject(new Error('a secret of the inside'));
    expect(await ask(await start({ registry: { contentType, metrics } }))).toEqual([500, 'internal error\n']);
  });

  it('says which setting to change when its port is taken', async () => {
    const port = await start();
    await expect(start({ port })).rejects.toThrow(
      /cannot listen on metrics .*; change metrics\.host or metrics\.port/,
    );
  });
});

// docs/security-requirements.md#46
describe('the metrics port answers scrapers, and no page that had its name point here', () => {
  it.each(['0.0.0.0', '::'])('on %s to the address that was connected to', async (host) => {
    const port = await start({ host });
    const address = '127.0.0.2';
    expect((await ask(port, { address, headers: { host: `${address}:${port}` } }))[0]).toBe(200);
    expect(await ask(port, { address, headers: { host: 'attacker.example' } })).toEqual([
      421,
      'not a name of this port; list it in metrics.allowedHosts\n',
    ]);
  });

  it('and to names that the configuration lists', async () => {
    const port = await start({ allowedHosts: ['verifier.internal'] });
    expect((await ask(port, { headers: { host: 'Verifier.internal:9903' } }))[0]).toBe(200);
  });

  it.each<Readonly<Record<string, string>>>([
    { origin: 'https://attacker.example' },
    { 'sec-fetch-site': 'cross-site' },
  ])('and no foreign page: %j', async (headers) => {
    expect((await ask(await start(), { headers: { host: 'localhost', ...headers } }))[0]).toBe(403);
  });
});

describe('whoever reaches the metrics port', () => {
  it('gets what was made within the last second', async () => {
    const port = await start();
    expect(await ask(port)).toEqual([200, 'scrapes_total 1\n']);
    nowMs = 999;
    expect(await ask(port)).toEqual([200, 'scrapes_total 1\n']);
    nowMs = 1_000;
    expect(await ask(port)).toEqual([200, 'scrapes_total 2\n']);
  });

  it('waits for what is being made, also when that failed', async () => {
    let fail = (): void => undefined;
    const metrics = (): Promise<string> => {
      scrapes++;
      return new Promise((_, reject) => (fail = () => reject(new Error('broken'))));
    };
    const port = await start({ registry: { contentType, metrics } });
    const asked = Array.from({ length: 20 }, () => ask(port));
    await until('one is being made', () => scrapes === 1);
    nowMs = 60_000;
    asked.push(ask(port));
    fail();
    expect(new Set((await Promise.all(asked)).map(([status]) => status))).toEqual(new Set([500]));
    expect(scrapes).toBe(1);
  });
});

// Fault: slow-reader
describe('connections to the metrics port', () => {
  const opened = (port: number): Promise<Socket> =>
    new Promise((resolve) => {
      const socket: Socket = connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', () => undefined);
    });
  const openAt = (server: Server): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, open) => resolve(open)));

  it('that say nothing keep no scraper out: of too many the oldest goes', async () => {
    const port = await start();
    const silent: Socket[] = [];
    for (let count = 0; count < 100; count++) silent.push(await opened(port));
    expect((await ask(port))[0]).toBe(200);
    await until('the oldest is gone', () => silent[0]?.resume().destroyed === true);
    for (const socket of silent) socket.destroy();
  });

  it('are cut when an answer is not read in its time', async () => {
    const registry = { contentType, metrics: () => Promise.resolve('x'.repeat(16_000_000)) };
    const port = await start({ answerMilliseconds: 300, registry });
    const scraper = await opened(port);
    scraper.pause();
    scraper.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('it is connected', async () => (await openAt(servers[0]!)) === 1);
    await until('it is cut', async () => (await openAt(servers[0]!)) === 0, { atMostMs: 10_000 });
    scraper.destroy();
  });

  it.each(['1.0', '1.1'])(
    'are cut when they ask again before they were answered, by HTTP/%s',
    async (version) => {
      const port = await start();
      const socket = await opened(port);
      const gone = new Promise((resolve) => socket.resume().once('close', resolve));
      socket.write(
        `GET /metrics HTTP/${version}\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n`.repeat(2_000),
      );
      await gone;
      expect(scrapes).toBeLessThanOrEqual(1);
    },
  );

  it('are let go of when nobody is there any more', async () => {
    let answer = (): void => undefined;
    const metrics = (): Promise<string> => new Promise((resolve) => (answer = () => resolve('late 1\n')));
    const port = await start({ registry: { contentType, metrics } });
    const socket = await opened(port);
    socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('it is connected', async () => (await openAt(servers[0]!)) === 1);
    socket.destroy();
    await until('it is gone', async () => (await openAt(servers[0]!)) === 0);
    answer();
    expect((await ask(port))[0]).toBe(200);
  });
});
