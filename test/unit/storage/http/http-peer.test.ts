import { readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { HttpPeer, type PeerOptions } from '../../../../src/storage/http/http-peer.js';
import { makeTlsFiles, type TlsFiles } from '../../client/tls-files.js';

const request = { method: 'POST', path: '/x', headers: {}, body: Buffer.from('abc') } as const;

let server: Server | TcpServer | undefined;
let peer: HttpPeer | undefined;

afterEach(async () => {
  peer?.close();
  peer = undefined;
  if (server === undefined) return;
  const closed = new Promise((done) => server?.close(done));
  if ('closeAllConnections' in server) server.closeAllConnections();
  await closed;
  server = undefined;
});

async function listen(made: Server | TcpServer, scheme: string): Promise<URL> {
  server = made;
  await new Promise<void>((done) => made.listen(0, '127.0.0.1', done));
  return new URL(`${scheme}://127.0.0.1:${(made.address() as AddressInfo).port}/`);
}

const serve = (listener: RequestListener) => listen(createHttpServer(listener), 'http');
/** A server of whose bytes each is told. */
const serveBytes = (onConnection: (socket: Socket) => void) =>
  listen(
    createTcpServer((socket) => {
      socket.on('error', () => undefined);
      onConnection(socket);
    }),
    'http',
  );

function open(url: URL, over: Partial<PeerOptions> = {}): HttpPeer {
  peer = new HttpPeer({ url, timeoutMilliseconds: 20_000, maxAnswerBytes: 1_000, ...over });
  return peer;
}

test('gives the whole answer, over one connection', async () => {
  const ports = new Set<number | undefined>();
  const url = await serve((asked, answer) => {
    ports.add(asked.socket.remotePort);
    asked.resume().on('end', () => answer.setHeader('x-seen', asked.headers.host ?? '').end('well'));
  });
  const asked = open(url);
  for (let time = 0; time < 3; time += 1)
    expect(await asked.exchange(request)).toMatchObject({
      ok: true,
      status: 200,
      body: Buffer.from('well'),
      headers: { 'x-seen': url.host },
    });
  expect(ports.size).toBe(1);
});

test('a connection that the server has ended meanwhile costs nothing', async () => {
  let answers = 0;
  const url = await serveBytes((socket) => {
    socket.once('data', () => {
      answers += 1;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      // The second request on it gets a reset.
      socket.once('data', () => socket.resetAndDestroy());
    });
  });
  const asked = open(url);
  for (let time = 0; time < 3; time += 1) expect(await asked.exchange(request)).toMatchObject({ ok: true });
  expect(answers).toBe(3);
});

test.each<[string, (socket: Socket) => void, Partial<PeerOptions>, string]>([
  ['says nothing', () => undefined, { timeoutMilliseconds: 100 }, 'has not answered within 100 ms'],
  [
    'stops after the headers',
    (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n'),
    { timeoutMilliseconds: 100 },
    'has not answered within 100 ms',
  ],
  [
    'trickles headers',
    (socket) => {
      const timer = setInterval(() => socket.write('x-a: b\r\n'), 10);
      socket.write('HTTP/1.1 200 OK\r\n');
      socket.on('close', () => clearInterval(timer));
    },
    { timeoutMilliseconds: 100 },
    'has not answered within 100 ms',
  ],
  [
    'sends more than is wanted',
    (socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n${'x'.repeat(2_000)}`),
    {},
    'answers with more than 1000 bytes',
  ],
  [
    'never ends its answer',
    (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n${'x'.repeat(1_001)}\r\n`),
    {},
    'answers with more than 1000 bytes',
  ],
  [
    'breaks off',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab'),
    {},
    'broke its answer off',
  ],
  ['hangs up', (socket) => socket.destroy(), {}, 'closed the connection (ECONNRESET)'],
  [
    'sends us elsewhere',
    (socket) => socket.write('HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
    {},
    'answers with a redirect (307), which is not followed',
  ],
  [
    'has headers of many bytes',
    (socket) => socket.write(`HTTP/1.1 200 OK\r\nx-a: ${'x'.repeat(20_000)}\r\n\r\n`),
    {},
    'cannot be spoken to (HPE_HEADER_OVERFLOW)',
  ],
  [
    'is no HTTP server',
    (socket) => socket.write('220 ready\r\n'),
    {},
    'cannot be spoken to (HPE_INVALID_CONSTANT)',
  ],
])('a server that %s', async (_title, onConnection, over, reason) => {
  const url = await serveBytes((socket) => socket.once('data', () => onConnection(socket)));
  expect(await open(url, over).exchange(request)).toEqual({ ok: false, reason });
});

test('nobody listens, and there is no such name', async () => {
  const url = await serve(() => undefined);
  await new Promise((done) => server?.close(done));
  expect(await open(url).exchange(request)).toEqual({
    ok: false,
    reason: 'refuses connections (ECONNREFUSED)',
  });
});

test('closing ends what is under way, and what comes after', async () => {
  const asked = open(await serveBytes(() => undefined));
  const underWay = asked.exchange(request);
  asked.close();
  expect(await underWay).toMatchObject({ ok: false });
  expect(await asked.exchange(request)).toEqual({
    ok: false,
    reason: 'is not asked any more: we are stopping',
  });
});

describe('over TLS', () => {
  let files: TlsFiles;
  beforeAll(() => (files = makeTlsFiles()));
  afterAll(() => {
    rmSync(files.directory, { recursive: true });
    for (const name of VARIABLES) Reflect.deleteProperty(process.env, name);
  });
  const VARIABLES = ['NODE_TLS_REJECT_UNAUTHORIZED', 'HTTPS_PROXY', 'https_proxy', 'NODE_USE_ENV_PROXY'];
  const pem = (file: string) => readFileSync(file, 'utf8');
  const secure = async (name = 'localhost') => {
    const made = createHttpsServer(
      { cert: pem(files.server.certificateFile), key: pem(files.server.keyFile) },
      (asked, answer) => asked.resume().on('end', () => answer.end('well')),
    );
    const url = await listen(made, 'https');
    url.hostname = name;
    return url;
  };

  test('the authority that was given is believed, whatever the environment says', async () => {
    process.env['HTTPS_PROXY'] = process.env['https_proxy'] = 'http://127.0.0.1:1';
    process.env['NODE_USE_ENV_PROXY'] = '1';
    const url = await secure();
    expect(await open(url, { authority: pem(files.ca.certificateFile) }).exchange(request)).toMatchObject({
      ok: true,
    });
  });

  test.each([
    ['another authority', 'localhost', true, 'shows a certificate of an authority that is not trusted'],
    [
      'no authority of its own',
      'localhost',
      false,
      'shows a certificate of an authority that is not trusted',
    ],
    ['another name', '127.0.0.1', undefined, 'shows a certificate of another name'],
  ])('%s is not', async (_title, name, isOther, reason) => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    const url = await secure(name);
    const authority =
      isOther === false ? undefined : pem((isOther === true ? files.otherCa : files.ca).certificateFile);
    const answer = await open(url, { authority }).exchange(request);
    expect(answer).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  });
});
