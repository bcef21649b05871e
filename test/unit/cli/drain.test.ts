import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { run } from './test-world.js';

let asked: string[];
let answers: Map<string, [status: number, body: string]>;
let server: Server;
let base = '';

/** Envoy's admin endpoint, as far as it is asked. */
beforeEach(async () => {
  asked = [];
  answers = new Map();
  server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]!;
    asked.push(`${request.method} ${request.url}`);
    const [status, body] = answers.get(path) ?? [200, 'OK\n'];
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => void server.close());

const drain = (seconds = '0') => run(['drain', '--envoy-admin', base, '--seconds', seconds]);

describe('countersign drain', () => {
  it('has Envoy fail its health checks, then drain gracefully, and says what is left', async () => {
    answers.set('/stats', [
      200,
      'http.admin.downstream_rq_active: 1\nhttp.health.downstream_rq_active: 0\nhttp.ingress.downstream_rq_active: 3\n',
    ]);
    const { code, out, err } = await drain();
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(
      'Envoy fails its health checks and asks its clients to leave; waiting 0 s\n3 requests are under way\n',
    );
    expect(asked).toEqual([
      'POST /healthcheck/fail',
      'POST /drain_listeners?graceful&skip_exit',
      'GET /stats?filter=^http\\..*downstream_rq_active$',
    ]);
  });

  it('asks an admin endpoint at an IPv6 address', async () => {
    const six = createServer((_request, response) => response.end('OK\n'));
    await new Promise<void>((resolve) => six.listen(0, '::1', resolve));
    try {
      const url = `http://[::1]:${(six.address() as AddressInfo).port}`;
      expect((await run(['drain', '--envoy-admin', url, '--seconds', '0'])).code).toBe(0);
    } finally {
      six.close();
    }
  });

  it('waits for as long as it is told', async () => {
    const started = performance.now();
    await drain('1');
    expect(performance.now() - started).toBeGreaterThan(950);
  });

  it('is content when Envoy has ended meanwhile', async () => {
    const result = drain('1');
    while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    expect(await result).toMatchObject({
      code: 0,
      out: expect.stringContaining('Envoy has ended') as string,
    });
  });

  it('fails when Envoy is not there', async () => {
    await new Promise((resolve) => server.close(resolve));
    const { code, err } = await drain();
    expect(code).toBe(3);
    expect(err).toContain('ECONNREFUSED');
    expect(err).toContain("remedy: give the address of Envoy's admin endpoint");
  });

  it('fails when what is there is no Envoy', async () => {
    answers.set('/healthcheck/fail', [404, '']);
    expect(await drain()).toMatchObject({ code: 3, err: expect.stringContaining('answered 404') as string });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['no address', ['drain']],
    ['an address that is none', ['drain', '--envoy-admin', 'envoy']],
    ['seconds that are none', ['drain', '--envoy-admin', 'http://127.0.0.1:1', '--seconds', '-1']],
  ])('is wrong usage with %s', async (_what, args) => {
    expect((await run(args)).code).toBe(2);
  });
});
