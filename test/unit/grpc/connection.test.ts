/** What nghttp2 does with streams by itself, frame by frame: no client of Node would send these. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResetBucket } from '../../../src/grpc/connection.js';
import type { Method } from '../../../src/grpc/method.js';
import { GrpcServer, MAX_STREAMS } from '../../../src/grpc/server.js';
import {
  dataFrame,
  headersFrame,
  HTTP2_PREFACE,
  RESET_FRAME,
  SETTINGS_FRAME,
} from '../../e2e/support/raw-http2.js';
import { until } from '../../support/until.js';

const PATH = '/test.Service/Wait';
const GO_AWAY = 7;
const DATA = 0;
const RESET = 3;
const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 42]);

let folder = '';
let server: GrpcServer;
let socket: Socket;
let received = Buffer.alloc(0);
let answers: (() => void)[] = [];
let counted = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  [received, answers, counted] = [Buffer.alloc(0), [], 0];
  const wait: Method = {
    kind: 'unary',
    handle: (message) => new Promise((resolve) => answers.push(() => resolve(message))),
    load: { laneOf: () => '', latestBeginMs: () => Infinity, shed: () => Promise.resolve(Buffer.alloc(0)) },
  };
  server = new GrpcServer({
    methods: new Map([[PATH, wait]]),
    maxMessageBytes: 1_000,
    observer: {
      waited: () => undefined,
      shed: () => undefined,
      refusedByHttp2: (streams) => (counted += streams),
    },
  });
  await server.listen(join(folder, 's.sock'));
  socket = connect(join(folder, 's.sock'));
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  socket.write(Buffer.concat([HTTP2_PREFACE, SETTINGS_FRAME]));
});
afterEach(async () => {
  socket.destroy();
  await server.stop(100);
  rmSync(folder, { recursive: true });
});

const onStream = (frame: Buffer, number: number): Buffer => {
  const copy = Buffer.from(frame);
  copy.writeUInt32BE(1 + 2 * number, 5);
  return copy;
};
const numbers = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => from + at);
const head = (authority: string): Buffer =>
  headersFrame(
    [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', PATH],
      [':authority', authority],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
    ],
    false,
  );
const HEAD = head('countersign');
const open = (from: number, count: number): Buffer =>
  Buffer.concat(numbers(from, count).map((number) => onStream(HEAD, number)));
const reset = (from: number, count: number): Buffer =>
  Buffer.concat(numbers(from, count).map((number) => onStream(RESET_FRAME, number)));
const call = (number: number): Buffer =>
  Buffer.concat([onStream(HEAD, number), onStream(dataFrame(MESSAGE, true), number)]);

/** Type, stream and payload of each whole frame that came. */
function frames(): { type: number; stream: number; payload: Buffer }[] {
  const found = [];
  for (let at = 0; at + 9 <= received.length;) {
    const end = at + 9 + received.readUIntBE(at, 3);
    const payload = received.subarray(at + 9, end);
    found.push({ type: received.readUInt8(at + 3), stream: received.readUInt32BE(at + 5), payload });
    at = end;
  }
  return found;
}
const goAways = (): number[] =>
  frames()
    .filter(({ type }) => type === GO_AWAY)
    .map(({ payload }) => payload.readUInt32BE(4));
const refused = (): number => frames().filter(({ type }) => type === RESET).length;
const isAnswered = (number: number): boolean =>
  frames().some(
    ({ type, stream, payload }) => type === DATA && stream === 1 + 2 * number && payload.equals(MESSAGE),
  );

/** Resets so many one after the other, as a client of Envoy's would, with none of them left open. */
async function spend(from: number, count: number): Promise<void> {
  for (let done = 0; done < count; done += 50) {
    const some = Math.min(50, count - done);
    socket.write(open(from + done, some));
    socket.write(reset(from + done, some));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// Fault: rapid-resets
describe('resets that are one short of the budget, and then all that may be open at once', () => {
  it('end no call of somebody else: both together are less than nghttp2 takes', async () => {
    socket.write(call(0));
    await until('the honest call is under way', () => answers.length === 1);
    await spend(1, 499);
    socket.write(open(500, MAX_STREAMS - 1));
    socket.write(reset(500, MAX_STREAMS - 1));
    await until('the connection is given up', () => goAways().length > 0);
    answers[0]?.();
    await until('the honest call is answered', () => isAnswered(0));
    expect([new Set(goAways()), socket.destroyed]).toEqual([new Set([0]), false]);
  });

  it('nor does a peer that goes on over the connection that it was to leave', async () => {
    socket.write(call(0));
    await until('the honest call is under way', () => answers.length === 1);
    for (let round = 0; round < 10; round++) {
      socket.write(open(1 + round * 200, 200));
      socket.write(reset(1 + round * 200, 200));
    }
    await until('it is asked to leave', () => goAways().length > 0);
    answers[0]?.();
    await until('the honest call is answered', () => isAnswered(0));
    expect(new Set(goAways())).toEqual(new Set([0]));
  });
});

// docs/security-requirements.md#50
describe('streams that end below our code', () => {
  it.each(['extension/ns/countersign', 'outbound|50051||x'])(
    'are counted: :authority %s',
    async (authority) => {
      socket.write(onStream(head(authority), 0));
      socket.write(onStream(head(authority), 1));
      await until('both are counted', () => counted === 2);
      socket.write(call(2));
      socket.write(onStream(head(authority), 3));
      socket.write(call(4));
      await until('the good ones are here', () => answers.length === 2);
      await until('the one between is counted', () => counted === 3);
    },
  );

  it('are none when all is well', async () => {
    for (const number of numbers(0, 20)) socket.write(call(number));
    await until('all are here', () => answers.length > 0);
    const looks = 3;
    for (let look = 0; look < looks; look++) await new Promise((resolve) => setTimeout(resolve, 260));
    expect(counted).toBe(0);
  });

  it('are none over connections without a call, be they idle or closed at once', async () => {
    for (const linger of [0, 300]) {
      const look = connect(join(folder, 's.sock'));
      await until('the connection is here', () => server.connections === 2);
      await new Promise((resolve) => setTimeout(resolve, linger));
      look.destroy();
      await until('it is gone', () => server.connections === 1);
    }
    expect(counted).toBe(0);
  });

  it('are refused one by one, however many: the connection is kept for the others', async () => {
    for (let sent = 0; sent < 1_500; sent += 100) {
      socket.write(Buffer.concat(numbers(sent, 100).map((number) => onStream(head('a/b'), number))));
      await until('these are refused', () => refused() >= sent + 100);
    }
    socket.write(call(1_500));
    await until('the good one is here', () => answers.length === 1);
    answers[0]?.();
    await until('it is answered', () => isAnswered(1_500));
    expect([counted, goAways()]).toEqual([1_500, []]);
  });
});

/** How many resets at an even rate until the connection is given up; `most` when it never is. */
function resetsUntilSpent(everyMilliseconds: number, most = 5_000): number {
  const bucket = new ResetBucket(0);
  for (let count = 1; count <= most; count++) if (bucket.take(count * everyMilliseconds)) return count;
  return most;
}

describe('the resets that a connection may take', () => {
  it('are well below the 1,000 at which Node would break it', () => {
    expect(resetsUntilSpent(0)).toBe(501);
  });

  it('are more when they come slowly, and any number when fewer than 33 come in a second', () => {
    expect(resetsUntilSpent(10)).toBeGreaterThan(700);
    expect(resetsUntilSpent(31)).toBe(5_000);
  });

  it('are used up once', () => {
    const bucket = new ResetBucket(0);
    const spent = Array.from({ length: 2_000 }, () => bucket.take(0)).filter(Boolean);
    expect(spent).toHaveLength(1);
  });
});
