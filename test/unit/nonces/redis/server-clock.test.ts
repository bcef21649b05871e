import { RedisClock } from '../../../../src/nonces/redis/server-clock.js';
import { redisAt } from '../../../contract/nonce-store-redis-harness.js';

const START_MS = 1_764_000_000_000;
const ALLOWED_MS = 100;
const COMPARED = { maxClockDifferenceMilliseconds: ALLOWED_MS };
const AS_IT_SHOULD_BE = { jumped: false, fault: undefined };

/** Clocks that a test moves by hand, and the clock of a Redis that was attached to when all of them began. */
function attached(comparison: { readonly maxClockDifferenceMilliseconds?: number } = COMPARED) {
  const now = { wallMs: START_MS, monotonicMs: 5_000, redisMs: START_MS };
  const clock = { nowMs: () => now.wallMs, monotonicMs: () => now.monotonicMs };
  const address = { host: '127.0.0.1', port: 6379 };
  const redisClock = new RedisClock({ clock, redis: redisAt(address, comparison) });
  redisClock.set(now.redisMs, now.monotonicMs);
  const pass = (milliseconds: number): void => {
    now.wallMs += milliseconds;
    now.monotonicMs += milliseconds;
    now.redisMs += milliseconds;
  };
  /** A look whose answer was under way so long, and tells the time at which it was asked. */
  const look = (tripMs = 0) => {
    const [redisMs, sentMs] = [now.redisMs, now.monotonicMs];
    pass(tripMs);
    return redisClock.watch(redisMs, sentMs);
  };
  return { now, redisClock, pass, look };
}

describe('the clock of Redis', () => {
  it('that runs as ours is seen without a word', () => {
    const { pass, look } = attached();
    pass(60_000);
    expect(look()).toEqual(AS_IT_SHOULD_BE);
  });

  it('that jumped ahead is noticed, and so is its way back', () => {
    const { now, look } = attached();
    now.redisMs += ALLOWED_MS + 1;
    expect(look()).toMatchObject({ jumped: true, fault: expect.stringContaining('ahead of ours') as string });
    now.redisMs -= ALLOWED_MS + 1;
    expect(look()).toEqual({ jumped: true, fault: undefined });
    expect(look()).toEqual(AS_IT_SHOULD_BE);
  });

  it('has not jumped where it was our wall clock that stepped', () => {
    const { now, look } = attached();
    now.wallMs += 10_000;
    expect(look()).toMatchObject({ jumped: false, fault: expect.stringContaining('10 s behind') as string });
  });

  it('may seem to lag by as long as its answer was under way', () => {
    expect(attached().look(ALLOWED_MS + 50)).toEqual(AS_IT_SHOULD_BE);
  });

  it('is not judged by an answer that took longer than a command may, and that is not kept', () => {
    const { now, look } = attached();
    now.redisMs += 5_000;
    expect(look(201)).toEqual(AS_IT_SHOULD_BE);
    expect(look()).toMatchObject({ jumped: true });
  });

  it('is not compared where no difference was set', () => {
    const { now, look } = attached({});
    now.redisMs += 3_600_000;
    expect(look()).toEqual(AS_IT_SHOULD_BE);
  });

  it('gives a command that goes out now until its time is over', () => {
    const { now, redisClock, pass } = attached();
    pass(1_000);
    expect(redisClock.deadlineMs()).toBe(now.redisMs + 200);
  });
});
