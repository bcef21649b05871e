import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Settings,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { CallState, Method, ShedReason, StreamCall, UnaryMethod } from '../../../src/grpc/method.js';
import { GrpcServer } from '../../../src/grpc/server.js';
import { until } from '../../support/until.js';

const MAX_MESSAGE_BYTES = 1_000;
const UNARY = '/test.Service/Echo';
const TOLD = '/test.Service/Tell';

let folder = '';
let socketPath = '';
let server: GrpcServer;
let session: ClientHttp2Session;
let seen: CallState | undefined;
let streamCall: StreamCall | undefined;
let events: string[] = [];
/** What the unary method does instead of echoing. */
let instead: (() => Promise<Uint8Array>) | undefined;

const methods = new Map<string, Method>([
  [
    UNARY,
    {
      kind: 'unary',
      handle: (message, call) => {
        seen = call;
        return instead?.() ?? Promise.resolve(message);
      },
    },
  ],
  [
    '/test.Service/Chat',
    {
      kind: 'stream',
      open: (call) => {
        streamCall = call;
        return {
          message: (message) => {
            if (message.toString() === 'throw') throw new Error('secret');
            events.push(`message ${message.toString()}`);
            call.send(Buffer.from(`re: ${message.toString()}`));
          },
          halfClosed: () => {
            events.push('half-closed');
            call.end();
          },
          closed: () => void events.push('closed'),
        };
      },
    },
  ],
  [
    TOLD,
    {
      kind: 'stream',
      takesAll: true,
      open: (call) => {
        streamCall = call;
        return {
          message: (message) => {
            events.push(`message ${message.toString()}`);
            if (message.toString() === 'go away') session.destroy();
          },
          lane: () => 'told',
          halfClosed: () => events.push('half-closed'),
          closed: () => void events.push('closed'),
        };
      },
    },
  ],
]);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grpc-'));
  socketPath = join(folder, 's.sock');
  [seen, streamCall, instead, events] = [undefined, undefined, undefined, []];
  server = new GrpcServer({ methods, maxMessageBytes: MAX_MESSAGE_BYTES });
  await server.listen(socketPath);
  session = newSession();
});
afterEach(async () => {
  session.destroy();
  await server.stop(100);
  rmSync(folder, { recursive: true });
});

function newSession(settings?: Settings): ClientHttp2Session {
  const made: ClientHttp2Session = connect('http://localhost', {
    ...(settings && { settings }),
    createConnection: () => connectSocket(socketPath),
  });
  made.on('error', () => undefined);
  return made;
}

/** What the server says is heard so much later; what it is told is not. */
function slowSession(milliseconds: number): ClientHttp2Session {
  const socket = connectSocket(socketPath);
  const late = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, () => done()),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk) => setTimeout(() => late.push(chunk), milliseconds));
  socket.on('close', () => setTimeout(() => late.destroy(), milliseconds));
  const made = connect('http://localhost', { createConnection: () => late });
  made.on('error', () => undefined);
  return made;
}

/** What a call ended with. */
interface Ended {
  readonly httpStatus: number | undefined;
  readonly grpcStatus: string | undefined;
  readonly grpcMessage: string | undefined;
  readonly body: Buffer;
}

const HEADERS = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

function open(path: string, headers: Record<string, string> = {}): ClientHttp2Stream {
  const stream = session.request({ ...HEADERS, ':path': path, ...headers });
  stream.on('error', () => undefined);
  return stream;
}

function ended(stream: ClientHttp2Stream): Promise<Ended> {
  return new Promise((resolve) => {
    let head: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => (head = received as Record<string, unknown>));
    stream.on('trailers', (received) => (trailers = received as Record<string, unknown>));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('close', () => {
      const all = { ...head, ...trailers };
      resolve({
        httpStatus: head[':status'] as number | undefined,
        grpcStatus: all['grpc-status'] as string | undefined,
        grpcMessage: all['grpc-message'] as string | undefined,
        body: Buffer.concat(chunks),
      });
    });
  });
}

function framed(text: string | Buffer, flag = 0, length?: number): Buffer {
  const message = Buffer.from(text);
  const prefix = Buffer.from([flag, 0, 0, 0, 0]);
  prefix.writeUInt32BE(length ?? message.length, 1);
  return Buffer.concat([prefix, message]);
}

async function call(bytes: Buffer, headers: Record<string, string> = {}, path = UNARY): Promise<Ended> {
  const stream = open(path, headers);
  stream.end(bytes);
  return ended(stream);
}

describe('a unary call', () => {
  it('is answered with one message and status 0 in the trailers', async () => {
    expect(await call(framed('hello'))).toMatchObject({
      httpStatus: 200,
      grpcStatus: '0',
      body: framed('hello'),
    });
  });

  it('takes an empty message', async () => {
    expect(await call(framed(''))).toMatchObject({ grpcStatus: '0', body: framed('') });
  });

  it('takes a message of the limit and refuses one byte more as RESOURCE_EXHAUSTED', async () => {
    expect((await call(framed(Buffer.alloc(MAX_MESSAGE_BYTES)))).grpcStatus).toBe('0');
    const over = await call(framed(Buffer.alloc(MAX_MESSAGE_BYTES + 1)));
    expect(over).toMatchObject({ httpStatus: 200, grpcStatus: '8' });
  });

  it('refuses a length that it will not take before the bytes are there', async () => {
    const stream = open(UNARY);
    stream.write(framed('', 0, 4_000_000_000));
    expect((await ended(stream)).grpcStatus).toBe('8');
  });

  it('reads a message however it is cut', async () => {
    const whole = framed('hello');
    for (let cut = 1; cut < whole.length; cut++) {
      const stream = open(UNARY);
      const end = ended(stream);
      stream.write(whole.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      stream.end(whole.subarray(cut));
      expect((await end).body).toEqual(whole);
    }
  });

  it.each<[string, Buffer, string]>([
    ['no message', Buffer.alloc(0), '13'],
    ['half a prefix', Buffer.from([0, 0]), '13'],
    ['less than its prefix announced', framed('abc', 0, 4), '13'],
    ['two messages', Buffer.concat([framed('a'), framed('b')]), '13'],
    ['a compressed message', framed('a', 1), '12'],
    ['a flag that does not exist', framed('a', 2), '12'],
  ])('refuses %s', async (_what, bytes, status) => {
    expect((await call(bytes)).grpcStatus).toBe(status);
    expect(seen).toBeUndefined();
  });

  it('refuses an encoding but identity', async () => {
    expect((await call(framed('a'), { 'grpc-encoding': 'gzip' })).grpcStatus).toBe('12');
    expect((await call(framed('a'), { 'grpc-encoding': 'identity' })).grpcStatus).toBe('0');
  });

  it.each([
    ['100m', 100],
    ['5S', 5_000],
    ['2M', 120_000],
    ['1H', 3_600_000],
    ['1500u', 1.5],
    ['99999999n', 99.999999],
    ['', undefined],
    ['5', undefined],
    ['m', undefined],
    ['-1m', undefined],
    ['123456789m', undefined],
    ['1d', undefined],
  ])('reads the deadline %j as %s ms', async (timeout, milliseconds) => {
    await call(framed('a'), timeout === '' ? {} : { 'grpc-timeout': timeout });
    if (milliseconds === undefined) expect(seen?.timeoutMilliseconds).toBeUndefined();
    else expect(seen?.timeoutMilliseconds).toBeCloseTo(milliseconds, 9);
  });

  it.each<[string, () => Promise<Uint8Array>]>([
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
  ])('whose handler %s is INTERNAL and tells nothing', async (_how, handler) => {
    instead = handler;
    const end = await call(framed('a'));
    expect(end).toMatchObject({ grpcStatus: '13', grpcMessage: 'internal error' });
    instead = undefined;
    expect((await call(framed('a'))).grpcStatus).toBe('0');
  });

  it('is cancelled once the peer has reset it, and only then', async () => {
    let answer: (message: Uint8Array) => void = () => undefined;
    instead = () => new Promise((resolve) => (answer = resolve));
    const stream = open(UNARY);
    stream.end(framed('a'));
    while (seen === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(seen.cancelled()).toBe(false);
    stream.close(constants.NGHTTP2_CANCEL);
    while (!seen.cancelled()) await new Promise((resolve) => setTimeout(resolve, 2));
    answer(Buffer.from('too late'));
    instead = undefined;
    expect((await call(framed('a'))).grpcStatus).toBe('0');
  });
});

describe('under load', () => {
  const LOADED = '/test.Service/Loaded';
  const shed: ShedReason[] = [];
  const waitingAnswers: (() => void)[] = [];

  beforeEach(async () => {
    shed.length = 0;
    waitingAnswers.length = 0;
    session.destroy();
    await server.stop(100);
    const loaded: UnaryMethod = {
      kind: 'unary',
      handle: (message) => new Promise((resolve) => waitingAnswers.push(() => resolve(message))),
      load: {
        laneOf: (message) => message.toString('latin1', 0, 1),
        latestBeginMs: ({ arrivedMs }) => arrivedMs + 5_000,
        shed: (reason) => Promise.resolve(Buffer.from(`shed: ${reason}`)),
      },
    };
    server = new GrpcServer({
      methods: new Map<string, Method>([
        ...methods,
        [LOADED, loaded],
        [
          '/test.Service/Exempt',
          { ...loaded, handle: (message) => Promise.resolve(message), isExempt: true },
        ],
      ]),
      maxMessageBytes: MAX_MESSAGE_BYTES,
      load: { maxWaiting: 2, maxHeldBytes: 3_000 },
      observer: { waited: () => undefined, shed: (reason) => shed.push(reason) },
    });
    await server.listen(socketPath);
    session = newSession();
  });

  const held = async (): Promise<void> => {
    while (server.heldBytes > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  };

  // Fault: overload
  it('answers what does not fit the queue at once, in the words of the method', async () => {
    const calls = Array.from({ length: 40 }, (_, number) => call(framed(`a${number}`), {}, LOADED));
    const first = await Promise.race(calls);
    expect(first).toMatchObject({ grpcStatus: '0', body: framed('shed: queue_full') });
    const all = { done: false, ends: Promise.all(calls) };
    void all.ends.then(() => (all.done = true));
    while (!all.done) {
      for (const answer of waitingAnswers) answer();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const bodies = (await all.ends).map(({ body }) => body.toString().slice(5));
    const refused = bodies.filter((body) => body === 'shed: queue_full');
    expect([refused.length, shed.length]).toEqual([40 - waitingAnswers.length, 40 - waitingAnswers.length]);
    await held();
    expect(server.waiting).toBe(0);
  });

  // Fault: overload
  it('refuses a call whose bytes do not fit, whole or not, and takes the next once there is room', async () => {
    const streams = Array.from({ length: 3 }, () => open(LOADED));
    const ends = streams.map(ended);
    for (const stream of streams) stream.write(framed(Buffer.alloc(999)).subarray(0, 990));
    while (server.heldBytes < 2_970) await new Promise((resolve) => setTimeout(resolve, 2));
    expect((await call(framed(Buffer.alloc(500)), {}, LOADED)).body).toEqual(framed('shed: bytes'));
    for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    await Promise.all(ends);
    await held();
    const next = call(framed(Buffer.alloc(500)), {}, LOADED);
    while (waitingAnswers.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    waitingAnswers[0]?.();
    expect((await next).body).toHaveLength(505);
  });

  // Fault: slow-reader
  it('answers an exempt call at once and uncounted, when everything is full', async () => {
    const exempt = '/test.Service/Exempt';
    const streams = Array.from({ length: 3 }, () => open(LOADED));
    for (const stream of streams) stream.write(framed(Buffer.alloc(999)).subarray(0, 999));
    while (server.heldBytes < 2_997) await new Promise((resolve) => setTimeout(resolve, 2));
    expect((await call(framed('twelve bytes'), {}, LOADED)).body).toEqual(framed('shed: bytes'));
    const ends = await Promise.all(
      Array.from({ length: 40 }, () => call(framed('twelve bytes'), {}, exempt)),
    );
    expect(new Set(ends.map(({ body }) => body.toString()))).toEqual(
      new Set([framed('twelve bytes').toString()]),
    );
    expect((await call(framed(Buffer.alloc(5_000)), {}, exempt)).grpcStatus).toBe('8');
  });

  // Fault: slow-reader
  it('lets go of a message when its answer is given, also for a peer that does not read it', async () => {
    session.destroy();
    session = newSession({ initialWindowSize: 0 });
    const streams = Array.from({ length: 5 }, () => open(UNARY));
    for (const stream of streams) stream.end(framed(Buffer.alloc(500)));
    const chats = Array.from({ length: 5 }, () => open('/test.Service/Chat'));
    instead = undefined;
    await held();
    for (const chat of chats) chat.write(framed(Buffer.alloc(100)));
    while (events.length < 5) await new Promise((resolve) => setTimeout(resolve, 2));
    // What was answered has gone; the replies, which nobody has read, are here and counted.
    expect(server.heldBytes).toBe(chats.length * framed(Buffer.from('re: '.padEnd(104))).length);
    for (const chat of chats) chat.close(constants.NGHTTP2_CANCEL);
    await held();
  });

  // Fault: rapid-resets
  it('holds nothing for calls that were reset, wherever they were', async () => {
    for (const bytes of [framed('abc'), framed('abc').subarray(0, 6), Buffer.alloc(0)]) {
      const streams = Array.from({ length: 20 }, () => open(LOADED));
      const ends = streams.map(ended);
      for (const stream of streams) stream.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.all(ends);
      await held();
    }
    expect([server.waiting, server.heldBytes]).toEqual([0, 0]);
  });

  it('lets methods that say nothing about load fail as RESOURCE_EXHAUSTED', async () => {
    const ends = await Promise.all(Array.from({ length: 40 }, () => call(framed('a'))));
    expect(new Set(ends.map(({ grpcStatus }) => grpcStatus))).toEqual(new Set(['0', '8']));
  });
});

describe('a peer that resets very many calls, as Envoy does for its clients', () => {
  /** A session that is followed by another one when it is told to go, as Envoy's are. */
  async function resetMany(count: number): Promise<number[]> {
    const codes: number[] = [];
    const follow = (): void => {
      session.once('goaway', (code: number) => {
        codes.push(code);
        session = newSession();
        follow();
      });
    };
    follow();
    for (let sent = 0; sent < count; sent += 50) {
      const streams = Array.from({ length: 50 }, () => open(UNARY));
      const ends = streams.map(ended);
      for (const stream of streams) stream.write(framed('abc').subarray(0, 6));
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.all(ends);
    }
    return codes;
  }

  // Fault: rapid-resets
  it('loses no call that is under way, and is asked in good order to connect anew', async () => {
    let answer: (message: Uint8Array) => void = () => undefined;
    instead = () => new Promise((resolve) => (answer = resolve));
    const honest = call(framed('honest'));
    while (seen === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
    instead = undefined;
    const codes = await resetMany(3_000);
    expect([codes.length >= 2, new Set(codes)]).toEqual([true, new Set([constants.NGHTTP2_NO_ERROR])]);
    answer(Buffer.from('honest'));
    expect((await honest).body).toEqual(framed('honest'));
    expect((await call(framed('next'))).grpcStatus).toBe('0');
  });
});

describe('what is not served', () => {
  it('is UNIMPLEMENTED for an unknown method', async () => {
    expect((await call(framed('a'), {}, '/test.Service/Other')).grpcStatus).toBe('12');
  });

  it.each<[string, Record<string, string>, number]>([
    ['another content type', { 'content-type': 'application/json' }, 415],
    ['a content type that only begins alike', { 'content-type': 'application/grpcx' }, 415],
    ['another method', { ':method': 'PUT' }, 405],
  ])('is refused in HTTP: %s', async (_what, headers, status) => {
    expect((await call(framed('a'), headers)).httpStatus).toBe(status);
  });

  it.each(['application/grpc+proto', 'application/grpc;x=y'])('takes the content type %s', async (type) => {
    expect((await call(framed('a'), { 'content-type': type })).grpcStatus).toBe('0');
  });
});

describe('a stream of which everything is taken', () => {
  it('is read on after its end, as the peer has not heard of that yet', async () => {
    session.destroy();
    session = slowSession(300);
    const stream = open(TOLD);
    stream.write(framed('before'));
    await until('it is here', () => events.length === 1);
    streamCall?.end();
    stream.write(framed('after'));
    await until('both are here', () => events.length === 2);
    stream.close(constants.NGHTTP2_CANCEL);
    await until('it is over', () => events.at(-1) === 'closed');
    expect(events).toEqual(['message before', 'message after', 'closed']);
  });

  it('gives what waits for its turn when the peer goes, and only then is over', async () => {
    const stream = open(TOLD);
    const messages = ['go away', ...Array.from({ length: 100 }, (_, at) => `m${at}`)];
    stream.write(Buffer.concat(messages.map((text) => framed(text))));
    await until('it is over', () => events.at(-1) === 'closed');
    expect(events).toEqual([...messages.map((text) => `message ${text}`), 'closed']);
  });

  it('is no longer read after a failure', async () => {
    const stream = open(TOLD);
    const end = ended(stream);
    stream.write(Buffer.concat([framed('', 0, 4_000_000_000), framed('after')]));
    expect((await end).grpcStatus).toBe('8');
    await until('it is over', () => events.at(-1) === 'closed');
    expect(events).toEqual(['closed']);
  });
});

describe('a stream', () => {
  const CHAT = '/test.Service/Chat';

  it('carries messages both ways and ends well', async () => {
    const stream = open(CHAT);
    const end = ended(stream);
    stream.write(Buffer.concat([framed('one'), framed('two')]));
    stream.end();
    expect(await end).toMatchObject({
      grpcStatus: '0',
      body: Buffer.concat([framed('re: one'), framed('re: two')]),
    });
    expect(events).toEqual(['message one', 'message two', 'half-closed', 'closed']);
  });

  it('ends as INTERNAL when its handler throws, and hears of nothing more', async () => {
    const stream = open(CHAT);
    const end = ended(stream);
    stream.write(Buffer.concat([framed('throw'), framed('after')]));
    stream.end();
    expect(await end).toMatchObject({ grpcStatus: '13', grpcMessage: 'internal error' });
    expect(events).toEqual(['closed']);
  });

  it('is told when the peer has gone, once', async () => {
    const stream = open(CHAT);
    stream.write(framed('one'));
    while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    // Node's own reset would end the stream first.
    session.destroy();
    while (events.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    streamCall?.send(Buffer.from('nobody hears'));
    streamCall?.end();
    expect(events).toEqual(['message one', 'closed']);
  });

  it('that ends inside a message is refused', async () => {
    const stream = open(CHAT);
    const end = ended(stream);
    stream.end(framed('abc', 0, 4));
    expect((await end).grpcStatus).toBe('13');
    expect(events).toEqual(['closed']);
  });
});

describe('a stop', () => {
  it('answers the call that is under way', async () => {
    let answer: (message: Uint8Array) => void = () => undefined;
    instead = () => new Promise((resolve) => (answer = resolve));
    const stream = open(UNARY);
    const end = ended(stream);
    stream.end(framed('a'));
    while (seen === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
    const stopped = server.stop(5_000);
    setTimeout(() => answer(Buffer.from('done')), 100);
    expect((await end).body).toEqual(framed('done'));
    await stopped;
  });

  it('answers a call whose message comes after the stop began', async () => {
    const stream = open(UNARY);
    const end = ended(stream);
    stream.write(framed('late').subarray(0, 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const stopped = server.stop(5_000);
    await new Promise((resolve) => session.once('goaway', resolve));
    stream.end(framed('late').subarray(2));
    expect((await end).body).toEqual(framed('late'));
    await stopped;
  });

  it('answers the call of a peer that had none under way and has not heard of the stop yet', async () => {
    session.destroy();
    // Much longer than the machine may need to come to the second call.
    session = slowSession(1_000);
    expect((await call(framed('a'))).grpcStatus).toBe('0');
    const startedMs = performance.now();
    const stopped = server.stop(30_000);
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect((await call(framed('b'))).body).toEqual(framed('b'));
    await stopped;
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  });

  it('answers the call of a peer that connected in the last moment', async () => {
    session.destroy();
    session = newSession();
    await once(session, 'connect');
    const stopped = server.stop(5_000);
    expect((await call(framed('a'))).grpcStatus).toBe('0');
    await stopped;
  });

  it('waits for nobody who has nothing under way', async () => {
    expect((await call(framed('a'))).grpcStatus).toBe('0');
    const startedMs = performance.now();
    expect(await server.stop(30_000)).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
  });

  it('cuts what is not done by its limit', async () => {
    instead = () => new Promise(() => undefined);
    const stream = open(UNARY);
    const end = ended(stream);
    stream.end(framed('a'));
    while (seen === undefined) await new Promise((resolve) => setTimeout(resolve, 2));
    await server.stop(50);
    expect((await end).grpcStatus).toBeUndefined();
  });
});

// Fault: malformed-check
describe('a broken peer', () => {
  it('does no harm to others', async () => {
    const socket = connectSocket(socketPath);
    socket.on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve).resume());
    expect((await call(framed('a'))).grpcStatus).toBe('0');
  });
});
