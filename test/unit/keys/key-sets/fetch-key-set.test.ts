/** One fetch against servers of every kind: what is taken, what is refused, and that it ends. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { createServer as createHttpsServer } from 'node:https';
import { readFileSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { KeySetClient, type KeySetAnswer } from '../../../../src/keys/key-sets/fetch-key-set.js';
import { makeTlsFiles } from '../../client/tls-files.js';
import { documentOf, sampleKey } from './support.js';

let server: Server | TcpServer | undefined;
let client: KeySetClient | undefined;

afterEach(async () => {
  client?.close();
  const closing = server;
  [server, client] = [undefined, undefined];
  if (closing === undefined) return;
  const closed = new Promise((done) => closing.close(done));
  if ('closeAllConnections' in closing) closing.closeAllConnections();
  await closed;
});

async function listen(made: Server | TcpServer): Promise<number> {
  server = made;
  await new Promise<void>((done) => made.listen(0, '127.0.0.1', done));
  return (made.address() as AddressInfo).port;
}

async function fetchFrom(listener: RequestListener, etag?: string): Promise<KeySetAnswer> {
  const port = await listen(createServer(listener));
  client = new KeySetClient({ url: `http://127.0.0.1:${port}/keys.json`, authority: undefined });
  return client.fetch(etag);
}

const set = documentOf(sampleKey(7));
const TYPE = { 'content-type': 'application/jwk-set+json' };
const answering =
  (headers: Readonly<Record<string, string>>, body: Buffer | string = set, status = 200): RequestListener =>
  (_, answer) =>
    answer.writeHead(status, headers).end(body);

describe('a key set is taken', () => {
  test.each([
    'application/jwk-set+json',
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
  ])('as %s', async (type) => {
    expect(await fetchFrom(answering({ 'content-type': type }))).toMatchObject({
      kind: 'new',
      keys: [{ kid: 'k7' }],
    });
  });

  test('with the etag and max-age of its server, and what we ask for is said', async () => {
    let asked: Record<string, unknown> = {};
    const answer = await fetchFrom(({ headers, url }, reply) => {
      asked = { ...headers, url };
      reply.writeHead(200, { ...TYPE, etag: '"v1"', 'cache-control': 'public, max-age=60' }).end(set);
    });
    expect(answer).toMatchObject({ kind: 'new', etag: '"v1"', maxAgeSeconds: 60 });
    expect(asked).toMatchObject({ url: '/keys.json', 'accept-encoding': 'identity' });
    expect(asked['if-none-match']).toBeUndefined();
  });

  test('as unchanged where we have it', async () => {
    const answer = await fetchFrom(({ headers }, reply) => {
      reply.writeHead(headers['if-none-match'] === '"v1"' ? 304 : 500).end();
    }, '"v1"');
    expect(answer).toEqual({ kind: 'unchanged', maxAgeSeconds: undefined });
  });

  test.each(['"a"b"', 'v1', `"${'x'.repeat(300)}"`])('without the etag %s, which is none', async (etag) => {
    expect(await fetchFrom(answering({ ...TYPE, etag }))).toMatchObject({ kind: 'new', etag: undefined });
  });
});

// Fault: key-set-away
describe('a key set is refused', () => {
  test.each<[string, RequestListener, string]>([
    ['an error', answering(TYPE, set, 500), '500'],
    ['another success', answering(TYPE, set, 206), '206'],
    ['unchanged, though we have none', answering({}, '', 304), '304'],
    ['a redirect', answering({ location: 'https://elsewhere.example/' }, '', 302), 'redirect'],
    ['no type', answering({}), 'content-type'],
    ['another type', answering({ 'content-type': 'text/html' }), 'content-type'],
    ['another charset', answering({ 'content-type': 'application/json; charset=utf-16' }), 'content-type'],
    ['a compressed body', answering({ ...TYPE, 'content-encoding': 'gzip' }, gzipSync(set)), 'compressed'],
    ['too many bytes', answering(TYPE, Buffer.alloc(262_145, ' ')), 'more than 262144 bytes'],
    ['bytes behind the set', answering(TYPE, Buffer.concat([set, Buffer.from('{}')])), 'trailing_bytes'],
    ['half of it', answering(TYPE, set.subarray(0, 50)), 'no strict JSON'],
    [
      'less than it announced',
      (_, answer) => {
        answer.writeHead(200, { ...TYPE, 'content-length': '1000' });
        answer.write(set, () => answer.destroy());
      },
      'broke',
    ],
    ['headers without end', answering({ ...TYPE, 'x-long': 'x'.repeat(20_000) }), 'HPE_HEADER_OVERFLOW'],
  ])('%s', async (_, listener, reason) => {
    expect(await fetchFrom(listener)).toEqual({
      kind: 'failed',
      reason: expect.stringContaining(reason) as string,
    });
  });

  test('one byte at a time, it ends all the same', async () => {
    let timer: NodeJS.Timeout | undefined;
    const made = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n');
      timer = setInterval(() => socket.write(' '), 10);
      socket.once('close', () => clearInterval(timer));
    });
    const port = await listen(made);
    client = new KeySetClient({ url: `http://127.0.0.1:${port}/`, authority: undefined }, 300);
    expect(await client.fetch(undefined)).toEqual({
      kind: 'failed',
      reason: 'has not answered within 300 ms',
    });
  });

  test('a server of another name, or of another authority', async () => {
    const files = makeTlsFiles();
    try {
      const { certificateFile, keyFile } = files.server;
      const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
      const port = await listen(createHttpsServer(tls, answering(TYPE)));
      const reasonUnder = async (authorityFile: string): Promise<string> => {
        const authority = readFileSync(authorityFile, 'utf8');
        const one = new KeySetClient({ url: `https://127.0.0.1:${port}/`, authority });
        const answer = await one.fetch(undefined);
        one.close();
        return answer.kind === 'failed' ? answer.reason : answer.kind;
      };
      expect(await reasonUnder(files.ca.certificateFile)).toContain('another name');
      expect(await reasonUnder(files.otherCa.certificateFile)).toContain('not trusted');
    } finally {
      rmSync(files.directory, { recursive: true });
    }
  });
});
