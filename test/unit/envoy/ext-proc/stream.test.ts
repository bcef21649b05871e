import { processingMethod } from '../../../../src/envoy/ext-proc/stream.js';
import type { ProcessingSession } from '../../../../src/envoy/ext-proc/session.js';
import type { StreamMethod } from '../../../../src/grpc/method.js';
import type { GrpcFailure } from '../../../../src/grpc/method.js';

const sessions: ProcessingSession[] = [];

/** Its streams take the sessions that were made, in order. */
function methodOfSessions(): StreamMethod {
  sessions.splice(0, sessions.length - 1);
  return processingMethod({ signer: () => sessions.shift() ?? raise() });
}

function raise(): never {
  throw new Error('a stream without a session');
}

/** A stream that keeps what it was told, in order. */
function fakeStream(
  answer: (message: string) => Promise<string>,
  { method, done = () => false }: { method?: StreamMethod; done?: () => boolean } = {},
) {
  const told: (string | GrpcFailure)[] = [];
  let closed = 0;
  const session: ProcessingSession = {
    answer: async (message) => Buffer.from(await answer(message.toString())),
    refuse: () => Promise.resolve(Buffer.from('refused')),
    isDone: done,
    identity: () => 'consumer-01',
    close: () => void (closed += 1),
  };
  sessions.push(session);
  const handler = (method ?? methodOfSessions()).open({
    send: (message) => void told.push(Buffer.from(message).toString()),
    end: (failure) => void told.push(failure ?? 'end'),
  });
  return { handler, told, closed: () => closed };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a stream of ext_proc', () => {
  it('answers each message in its turn, and ends only after the last answer', async () => {
    const open: (() => void)[] = [];
    const { handler, told } = fakeStream(
      (message) => new Promise((resolve) => open.push(() => resolve(`re: ${message}`))),
    );
    void handler.message(Buffer.from('a'));
    void handler.message(Buffer.from('b'));
    handler.halfClosed();
    await settled();
    expect([told, open.length]).toEqual([[], 1]);
    open[0]?.();
    await settled();
    expect(told).toEqual(['re: a']);
    open[1]?.();
    await settled();
    expect(told).toEqual(['re: a', 're: b', 'end']);
  });

  it('ends with a failure, never well, when there is no answer', async () => {
    const { handler, told } = fakeStream(() => Promise.reject(new Error('a secret')));
    void handler.message(Buffer.from('a'));
    await settled();
    expect(told[0]).toEqual({ code: 13, message: 'internal error' });
  });

  it('is ended by us after the last reply: a client that does not read would keep it open', async () => {
    let replies = 0;
    const { handler, told } = fakeStream((message) => Promise.resolve(`re: ${message}`), {
      done: () => ++replies >= 3,
    });
    await handler.message(Buffer.from('headers'));
    expect(told).toEqual(['re: headers']);
    await handler.message(Buffer.from('body'));
    expect(told).toEqual(['re: headers', 're: body', 'end']);
  });

  it('has the lane of its identity once that is known', async () => {
    const { handler } = fakeStream((message) => Promise.resolve(message));
    expect(handler.lane?.(Buffer.alloc(0))).toBeUndefined();
    await handler.message(Buffer.from('headers'));
    expect(handler.lane?.(Buffer.alloc(0))).toBe('answers to consumer-01');
  });

  it('is refused when very many of one identity are awaited, until one of them has ended', async () => {
    const method = methodOfSessions();
    const begin = async () => {
      const stream = fakeStream((message) => Promise.resolve(message), { method });
      await stream.handler.message(Buffer.from('headers'));
      return stream;
    };
    const first = await begin();
    for (let count = 1; count < 512; count++) expect((await begin()).told).toEqual(['headers']);
    const over = await begin();
    expect(over.told).toEqual(['refused']);
    for (const { handler } of [first, over]) handler.closed();
    expect((await begin()).told).toEqual(['headers']);
  });

  it('refuses a message for which there is no room', async () => {
    const { handler, told } = fakeStream((message) => Promise.resolve(message));
    await handler.message(Buffer.from('headers'));
    handler.shed?.('bytes');
    await settled();
    expect(told).toEqual(['headers', 'refused']);
  });

  it('tells the session when Envoy has gone', async () => {
    const { handler, closed } = fakeStream(() => Promise.resolve(''));
    await handler.message(Buffer.from('a'));
    handler.closed();
    expect(closed()).toBe(1);
  });
});
