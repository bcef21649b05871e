import fc from 'fast-check';
import { MemoryRateLimits } from '../../../src/rate-limits/memory.js';

const limit = { group: 'default', perMinute: 3 };
const MINUTE = 60_000;

describe('the rate limiter', () => {
  it('frees a slot exactly 60 seconds after it was taken', () => {
    const limiter = new MemoryRateLimits();
    for (const at of [0, 10, 20]) expect(limiter.reserve(limit, 'a', at).kind).toBe('reserved');
    expect(limiter.reserve(limit, 'a', MINUTE - 1).kind).toBe('limited');
    expect(limiter.reserve(limit, 'a', MINUTE).kind).toBe('reserved');
    expect(limiter.reserve(limit, 'a', MINUTE + 9).kind).toBe('limited');
    expect(limiter.reserve(limit, 'a', MINUTE + 10).kind).toBe('reserved');
  });

  it('says after how many whole seconds a slot is free, at least one', () => {
    const limiter = new MemoryRateLimits();
    for (const at of [1000, 2000, 3000]) limiter.reserve(limit, 'a', at);
    const retryAt = (now: number) => limiter.reserve(limit, 'a', now);
    expect(retryAt(3000)).toEqual({ kind: 'limited', retryAfterSeconds: 58 });
    expect(retryAt(3001)).toEqual({ kind: 'limited', retryAfterSeconds: 58 });
    expect(retryAt(60_999)).toEqual({ kind: 'limited', retryAfterSeconds: 1 });
    expect(retryAt(61_000).kind).toBe('reserved');
  });

  it('counts every operator and every group apart', () => {
    const limiter = new MemoryRateLimits();
    const one = { group: 'default', perMinute: 1 };
    const kinds = [
      limiter.reserve(one, 'a', 0),
      limiter.reserve(one, 'b', 0),
      limiter.reserve({ ...one, group: 'graph' }, 'a', 0),
      limiter.reserve(one, 'a', 0),
    ].map(({ kind }) => kind);
    expect(kinds).toEqual(['reserved', 'reserved', 'reserved', 'limited']);
  });

  it('gives back the very slot that was reserved', () => {
    const limiter = new MemoryRateLimits();
    const [first] = [0, 10, 20].map((at) => limiter.reserve(limit, 'a', at));
    if (first?.kind !== 'reserved') throw new Error('not reserved');
    first.giveBack();
    expect(limiter.reserve(limit, 'a', 30).kind).toBe('reserved');
    expect(limiter.reserve(limit, 'a', MINUTE).kind).toBe('limited');
    expect(limiter.reserve(limit, 'a', MINUTE + 10).kind).toBe('reserved');
  });

  it('takes nothing from others when an expired slot is given back', () => {
    const limiter = new MemoryRateLimits();
    const old = limiter.reserve(limit, 'a', 0);
    for (const at of [MINUTE, MINUTE, MINUTE]) limiter.reserve(limit, 'a', at);
    if (old.kind === 'reserved') old.giveBack();
    expect(limiter.reserve(limit, 'a', MINUTE + 1).kind).toBe('limited');
  });

  it('waits for the excess to leave when a reload has lowered the limit', () => {
    const limiter = new MemoryRateLimits();
    for (const at of [0, 10_000, 20_000]) limiter.reserve(limit, 'a', at);
    const lowered = { ...limit, perMinute: 1 };
    expect(limiter.reserve(lowered, 'a', 30_000)).toEqual({ kind: 'limited', retryAfterSeconds: 50 });
    expect(limiter.reserve(lowered, 'a', 79_999).kind).toBe('limited');
    expect(limiter.reserve(lowered, 'a', 80_000).kind).toBe('reserved');
  });

  it('is an exact sliding window over any sequence of steps', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(30_000), giveBack: fc.boolean() }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (sequence, perMinute) => {
        const limiter = new MemoryRateLimits();
        let model: number[] = [];
        let now = 0;
        for (const { wait, giveBack } of sequence) {
          now += wait;
          const at = now;
          model = model.filter((time) => time > at - MINUTE);
          const outcome = limiter.reserve({ group: 'g', perMinute }, 'a', at);
          expect(outcome.kind).toBe(model.length < perMinute ? 'reserved' : 'limited');
          if (outcome.kind === 'limited')
            expect(outcome.retryAfterSeconds).toBe(
              Math.max(1, Math.ceil(((model[0] ?? 0) + MINUTE - at) / 1000)),
            );
          else if (giveBack) outcome.giveBack();
          else model.push(at);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('stays exact after thousands of expired slots were cut off', () => {
    const limiter = new MemoryRateLimits();
    const wide = { group: 'g', perMinute: 5000 };
    for (let at = 0; at < 5000; at++) expect(limiter.reserve(wide, 'a', at).kind).toBe('reserved');
    expect(limiter.reserve(wide, 'a', 5000).kind).toBe('limited');
    for (let at = MINUTE; at < MINUTE + 4000; at++)
      expect(limiter.reserve(wide, 'a', at).kind).toBe('reserved');
    expect(limiter.reserve(wide, 'a', MINUTE + 3999).kind).toBe('limited');
    expect(limiter.reserve(wide, 'a', MINUTE + 4000).kind).toBe('reserved');
  });
});
