import { processingMethod } from '../../../src/envoy/processing-method.js';
import type { ProcessingSession } from '../../../src/envoy/processing-session.js';
import type { GrpcFailure } from '../../../src/grpc/status.js';

/** A stream that keeps what it was told, in order. */
function fakeStream(answer: (message: string) => Promise<string>) {
  const told: (string | GrpcFailure)[] = [];
  let closed = 0;
  const session: ProcessingSession = {
    answer: async (message) => Buffer.from(await answer(message.toString())),
    close: () => void (closed += 1),
  };
  const handler = processingMethod(() => session).open({
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
    handler.message(Buffer.from('a'));
    handler.message(Buffer.from('b'));
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
    handler.message(Buffer.from('a'));
    await settled();
    expect(told[0]).toEqual({ code: 13, message: 'internal error' });
  });

  it('tells the session when Envoy has gone', () => {
    const { handler, closed } = fakeStream(() => Promise.resolve(''));
    handler.closed();
    expect(closed()).toBe(1);
  });
});
