/** The mirror before a server that does wrong: what is told, what is tried again, and what is held to be there. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { HolderStatus } from '../../../../src/audit/holders/holder-status.js';
import { openMirror, type OpenMirror } from '../../../../src/audit/mirror/open-mirror.js';
import { GrowingLog } from '../../../support/audit/growing-log.js';

/** True when it has answered. */
type Meddle = (request: Put, answer: ServerResponse) => boolean;

interface Put {
  readonly method: string;
  readonly name: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const DAY_MS = 86_400_000;
const WALL_MS = Date.parse('2026-01-01T00:00:00Z');

let server: Server;
let meddle: Meddle;
let objects: Map<string, Buffer>;
let locks: Map<string, string>;
let puts: string[];
let atOnce: number;
let mostAtOnce: number;
let log: GrowingLog;
let opened: OpenMirror[];
let told: HolderStatus[];
let nowMs: number;

beforeAll(async () => {
  server = createServer((request, answer) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    answer.on('close', () => (atOnce -= 1));
    void serve(request, answer);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  objects = new Map<string, Buffer>();
  locks = new Map<string, string>();
  [puts, opened, told] = [[], [], []];
  [atOnce, mostAtOnce, nowMs] = [0, 0, 0];
  meddle = () => false;
  log = new GrowingLog();
});
afterEach(async () => {
  await Promise.all(opened.map(({ close }) => close()));
  log.remove();
});

/** As S3 does it, as far as a mirror asks. */
async function serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  // Others that are sent at once come meanwhile.
  await pause(2);
  const name = (request.url ?? '').replace('/audit/', '');
  const body = Buffer.concat(chunks);
  const { method = '', headers } = request;
  if (meddle({ method, name, headers, body }, answer)) return;
  const there = objects.get(name);
  if (method === 'PUT') {
    if (there !== undefined && headers['if-none-match'] === '*') return void answer.writeHead(412).end();
    puts.push(name);
    objects.set(name, body);
    locks.set(name, String(headers['x-amz-object-lock-retain-until-date']));
    return void answer.writeHead(200, { etag: `"${md5(body)}"` }).end();
  }
  if (there === undefined) return void answer.writeHead(404).end();
  const lock = {
    'x-amz-object-lock-mode': 'COMPLIANCE',
    'x-amz-object-lock-retain-until-date': locks.get(name),
  };
  answer.writeHead(200, { etag: `"${md5(there)}"`, ...lock }).end(method === 'GET' ? there : undefined);
}

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

async function open(timeoutMilliseconds = 20_000): Promise<OpenMirror['mirror']> {
  const made = await openMirror(
    {
      endpoint: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
      bucket: 'audit',
      prefix: '',
      region: 'us-east-1',
      retentionDays: 30,
      mode: 'COMPLIANCE',
      authority: undefined,
      intervalSeconds: 10,
      timeoutMilliseconds,
    },
    {
      log: log.sealed,
      progressPath: join(log.directory, 'mirror.json'),
      credentials: () => ({ accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c' }),
      onChange: (status) => told.push(status),
      nowMs: () => WALL_MS,
      monotonicMs: () => nowMs,
    },
  );
  opened.push(made);
  return made.mirror;
}

const failing =
  (status: number, code: string, headers: Record<string, string> = {}): Meddle =>
  ({ method }, answer) => {
    if (method !== 'PUT') return false;
    answer.writeHead(status, headers).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    return true;
  };

test('writes records before hashes and both before the checkpoint, each with its lock and checksum', async () => {
  log.grow(600);
  meddle = ({ method, headers, body }) => {
    if (method !== 'PUT') return false;
    expect(headers).toMatchObject({
      'x-amz-object-lock-mode': 'COMPLIANCE',
      'x-amz-object-lock-retain-until-date': new Date(WALL_MS + 30 * DAY_MS).toISOString(),
      'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64'),
      'x-amz-security-token': 'c',
    });
    return false;
  };
  const mirror = await open();
  await mirror.look();
  const kinds = puts.map((name) => name.replace(/[0-9]{16}|[0-9]{3}(\.p\/[0-9]+)?$/g, ''));
  // The partial tiles of both levels are under way together.
  kinds.splice(5, 2, ...kinds.slice(5, 7).sort());
  expect(kinds).toEqual([
    ...['tile/entries/', 'tile/entries/', 'tile/0/', 'tile/0/'],
    ...['tile/entries/', 'tile/0/', 'tile/1/', 'checkpoints/', 'checkpoint'],
  ]);
  expect(mirror.status()).toMatchObject({ size: 600, fault: undefined });
});

test('has a few uploads under way and no more, whatever the log', async () => {
  log.grow(30 * 256);
  const mirror = await open();
  await mirror.look();
  expect(mostAtOnce).toBeGreaterThan(1);
  expect(mostAtOnce).toBeLessThanOrEqual(4);
  expect(puts).toHaveLength(30 + 30 + 1 + 2);
});

test('is asked every ten seconds while the log grows, and counts what it is behind', async () => {
  const mirror = await open();
  const sizes: number[] = [];
  for (let second = 0; second < 31; second += 1, nowMs += 1_000) {
    log.grow(1);
    mirror.committed(log.size);
    await mirror.look();
    sizes.push(mirror.status().size);
  }
  expect([...new Set(sizes)]).toEqual([1, 11, 21, 31]);
});

test.each<[string, Meddle, string]>([
  ['503', failing(503, 'SlowDown'), 'answers 503 SlowDown to writing tile/entries/000.p/5'],
  [
    '500 without a word',
    ({ method }, answer) => method === 'PUT' && !!answer.writeHead(500).end(),
    'answers 500 to',
  ],
  ['no right', failing(403, 'AccessDenied'), 'grant s3:PutObject'],
  ['an old token', failing(400, 'ExpiredToken'), 'renew the credentials file'],
  ['no lock', failing(400, 'InvalidRequest'), 'is Object Lock switched on for the bucket?'],
  ['no conditional writes', failing(501, 'NotImplemented'), 'must know Object Lock and If-None-Match'],
  [
    'another time',
    failing(403, 'RequestTimeTooSkewed', { date: 'Thu, 01 Jan 2026 00:20:00 GMT' }),
    'our clock is 1200 s behind its own',
  ],
  ['a code that is none', failing(400, '<b>x</b>'), 'answers 400 to writing'],
])('a server that answers %s', async (_title, meddling, fault) => {
  meddle = meddling;
  log.grow(5);
  const mirror = await open();
  await mirror.look();
  expect(mirror.status()).toMatchObject({ size: 0, isConflict: false });
  expect(mirror.status().fault).toContain(fault);
  expect(objects.size).toBe(0);
  meddle = () => false;
  nowMs += 600_000;
  await mirror.look();
  expect(mirror.status()).toMatchObject({ size: 5, fault: undefined, lagSeconds: 0 });
  expect(told.map(({ fault: one }) => one === undefined)).toEqual([false, true]);
});

test('a server that fails each third request loses nothing', async () => {
  let count = 0;
  meddle = (put, answer) => (count += 1) % 3 === 0 && failing(503, 'SlowDown')(put, answer);
  log.grow(2_000);
  const mirror = await open();
  for (let time = 0; time < 30 && mirror.status().size < 2_000; time += 1, nowMs += 1_500)
    await mirror.look();
  expect(mirror.status().size).toBe(2_000);
  expect([...objects.keys()].filter((name) => name.startsWith('tile/entries/'))).toHaveLength(8);
});

test('what the server says that it stored is held against what was sent', async () => {
  meddle = ({ method }, answer) =>
    method === 'PUT' && !!answer.writeHead(200, { etag: `"${'0'.repeat(32)}"` }).end();
  log.grow(5);
  const mirror = await open();
  await mirror.look();
  expect(mirror.status()).toMatchObject({ size: 0, isConflict: true });
  expect(mirror.status().fault).toContain('says that it stored something else');
});

test('an object that cannot be seen to be locked is told, though the mirror goes on', async () => {
  meddle = ({ method, name }, answer) => {
    if (method !== 'HEAD') return false;
    answer.writeHead(200, { etag: `"${md5(objects.get(name) ?? Buffer.alloc(0))}"` }).end();
    return true;
  };
  const mirror = await open();
  for (const size of [5, 10]) {
    log.grow(5);
    await mirror.look();
    expect(mirror.status()).toMatchObject({ size, isConflict: false });
    expect(mirror.status().fault).toContain('does not show that its objects are locked');
    nowMs += 600_000;
  }
  meddle = () => false;
  await mirror.look();
  expect(mirror.status().fault).toBeUndefined();
});

test('a server that stands still is left after the time-out', async () => {
  meddle = () => true;
  log.grow(5);
  const mirror = await open(100);
  await mirror.look();
  expect(mirror.status().fault).toBe('has not answered within 100 ms');
});

test('a huge answer is not read', async () => {
  meddle = (_put, answer) => {
    answer.writeHead(200, { 'content-length': '99999999999' }).write('x'.repeat(17_000_000));
    return true;
  };
  log.grow(5);
  const mirror = await open();
  await mirror.look();
  expect(mirror.status().fault).toMatch(/^answers with more than [0-9]+ bytes$/);
});
