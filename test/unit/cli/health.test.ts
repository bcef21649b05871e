import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { CHECK_METHOD } from '../../../src/envoy/health/messages.js';
import { healthMethods } from '../../../src/envoy/health/service.js';
import { GRPC_STATUS, type UnaryMethod } from '../../../src/grpc/method.js';
import { GrpcServer } from '../../../src/grpc/server.js';
import { startAdminServer } from '../../../src/observability/admin-server.js';
import { Health } from '../../../src/observability/health.js';
import { run } from './test-world.js';

let folder = '';
let socketPath = '';
let fault: string | undefined;
const closing: (() => unknown)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'health-'));
  socketPath = join(folder, 'verifier.sock');
  fault = undefined;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(folder, { recursive: true });
});

async function startVerifierHealth(): Promise<void> {
  const health = new Health([{ name: 'nonce_store', fault: () => fault }]);
  const server = new GrpcServer({ maxMessageBytes: 1_024, methods: new Map(healthMethods(health)) });
  await server.listen(socketPath);
  closing.push(() => server.stop(0));
}

/** Something else on the socket: what it does with a connection. */
async function startOther(greet: (socket: Socket) => void): Promise<void> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    greet(socket);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

describe('countersign health --socket', () => {
  const ask = (...more: string[]) => run(['health', '--socket', socketPath, '--timeout', '30000', ...more]);

  it('succeeds when the verifier serves', async () => {
    await startVerifierHealth();
    expect(await ask()).toEqual({ code: 0, out: 'serving\n', err: '' });
  });

  it('answers 1 when it does not', async () => {
    await startVerifierHealth();
    fault = 'the disk is full';
    const { code, out, err } = await ask();
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('not serving');
  });

  it('says why, in the words of the part that does not work', async () => {
    await startVerifierHealth();
    fault = 'the disk is full\u001b[2J';
    const err = 'countersign: not serving: nonce_store: the disk is full\\u001b[2J\n';
    expect(await ask()).toEqual({ code: 1, out: '', err });
    expect(await ask('--service', 'countersign.nonce_store')).toEqual({ code: 1, out: '', err });
    fault = 'é'.repeat(5_000);
    expect((await ask()).err).toMatch(/^countersign: not serving: nonce_store: é{100,}\n$/);
  });

  it('asks for one part alone', async () => {
    await startVerifierHealth();
    fault = 'the disk is full';
    expect((await ask('--service', 'countersign.lifecycle')).code).toBe(0);
    expect((await ask('--service', 'countersign.nonce_store')).code).toBe(1);
    const { code, err } = await ask('--service', 'countersign.other');
    expect([code, err]).toEqual([1, 'countersign: not serving: it knows no service countersign.other\n']);
  });

  it('says so when what is there knows no service at all, and none was named', async () => {
    const failure = { code: GRPC_STATUS.NOT_FOUND, message: 'unknown service' };
    const method: UnaryMethod = { kind: 'unary', isExempt: true, handle: () => Promise.resolve(failure) };
    const server = new GrpcServer({ maxMessageBytes: 1_024, methods: new Map([[CHECK_METHOD, method]]) });
    await server.listen(socketPath);
    closing.push(() => server.stop(0));
    const { code, err } = await ask();
    expect(code).toBe(1);
    expect(err).toContain('not serving: what listens there knows of no health of the whole process');
    expect(err).toContain('--service');
  });

  it('answers 1 when nobody is there', async () => {
    const { code, err } = await ask();
    expect(code).toBe(1);
    expect(err).toContain('ENOENT');
    expect(err).toContain('start it, or name listen.socket of its configuration');
    expect(err).not.toContain('pending stream');
  });

  it('answers 1 when nobody answers in time', async () => {
    await startOther(() => undefined);
    expect(await ask('--timeout', '50')).toMatchObject({
      code: 1,
      err: 'countersign: not serving: no answer within 50 ms\n',
    });
  });

  it.each<[string, (socket: Socket) => void]>([
    ['closes the connection', (socket) => socket.end()],
    ['speaks HTTP/1.1', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')],
    ['speaks no protocol at all', (socket) => socket.end(Buffer.alloc(64, 7))],
  ])('answers 1 when what is there %s', async (_what, greet) => {
    await startOther(greet);
    const { code, err } = await ask();
    expect(code).toBe(1);
    expect(err).toMatch(/^countersign: not serving: .+\n$/);
  });
});

describe('countersign health --admin', () => {
  let status = 200;
  let body = '';
  let base = '';
  const asked: string[] = [];
  let server: HttpServer;
  beforeEach(async () => {
    server = createHttpServer((request, response) => {
      const pages = new Map([
        ['/readyz', status],
        ['/livez', 200],
      ]);
      response.writeHead(pages.get(request.url ?? '') ?? 404);
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => void server.close());

  it('succeeds when the verifier is ready', async () => {
    [status, body] = [200, '{}'];
    expect((await run(['health', '--admin', base])).code).toBe(0);
  });

  it('asks the verifier’s own admin port at an IPv6 address', async () => {
    const admin = await startAdminServer({
      host: '::1',
      port: 0,
      health: new Health([]),
      registry: new Registry(),
      describe: () => ({}),
    });
    try {
      const { port } = admin.address() as AddressInfo;
      expect((await run(['health', '--admin', `http://[::1]:${port}`])).code).toBe(0);
    } finally {
      admin.close();
    }
  });

  it('answers 1 with the reasons of each part', async () => {
    status = 503;
    body = JSON.stringify({
      components: [
        { name: 'audit', reason: 'no space' },
        { name: 'keys' },
        { name: 'store', reason: 'a\u001bb' },
      ],
    });
    expect(await run(['health', '--admin', base])).toEqual({
      code: 1,
      out: '',
      err: 'countersign: not serving: audit: no space; store: a\\u001bb\n',
    });
  });

  it('asks for the path of the URL where there is one: a process may live and not be ready', async () => {
    [status, body] = [503, 'not ready\n'];
    server.on('request', (request: IncomingMessage) => asked.push(request.url ?? ''));
    expect((await run(['health', '--admin', `${base}/livez`])).code).toBe(0);
    expect((await run(['health', '--admin', `${base}/elsewhere`])).code).toBe(1);
    expect(asked).toEqual(['/livez', '/elsewhere']);
  });

  it('tells what is worth knowing although it serves', async () => {
    status = 200;
    body = JSON.stringify({
      components: [
        { name: 'configuration', ready: true, note: 'the last reload was refused\u001b[2J' },
        { name: 'keys', ready: true },
      ],
    });
    expect(await run(['health', '--admin', base])).toEqual({
      code: 0,
      out: 'serving\n',
      err: 'note: configuration: the last reload was refused\\u001b[2J\n',
    });
  });

  it('answers 1 to the admin port of another program, in one short line', async () => {
    [status, body] = [404, `invalid path. admin commands are:\n${'  /help: print\n'.repeat(500)}`];
    const { code, err } = await run(['health', '--admin', base]);
    expect(code).toBe(1);
    expect(err).toContain('so it is not the admin port of a verifier');
    [status] = [500];
    expect((await run(['health', '--admin', base])).err.length).toBeLessThan(1_000);
  });

  it('answers 1 with a page that is none of ours', async () => {
    [status, body] = [502, 'bad gateway\n'];
    expect((await run(['health', '--admin', base])).err).toBe('countersign: not serving: bad gateway\n');
  });

  it('answers 1 when nobody is there', async () => {
    await new Promise((resolve) => server.close(resolve));
    const { code, err } = await run(['health', '--admin', base]);
    expect(code).toBe(1);
    expect(err).toContain('ECONNREFUSED');
  });
});

describe('countersign health', () => {
  it.each([
    ['without a way to ask', []],
    ['with two ways', ['--socket', 'a', '--admin', 'http://127.0.0.1:1']],
    ['with a part of an admin port', ['--service', 'a', '--admin', 'http://127.0.0.1:1']],
    ['with an address that is none', ['--admin', '127.0.0.1:9902']],
    ['with an address of another protocol', ['--admin', 'https://127.0.0.1:9902']],
    ['with a time that is none', ['--socket', 'a', '--timeout', '0']],
  ])('is wrong usage %s', async (_how, args) => {
    expect((await run(['health', ...args])).code).toBe(2);
  });
});
