/** Who is traced: our share, customers who ask for it, and never more than so many a second. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Sampling } from '../../../../src/observability/tracing/sampling.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const by = (flags: string, trace = TRACE): string[] => [`00-${trace}-${SPAN}-${flags}`];

let nowMs = 0;
const sampling = (share: number, tracesPerSecond = 1_000_000): Sampling =>
  new Sampling({ share, tracesPerSecond, monotonicMs: () => nowMs });
const ask = (traceparents: readonly string[], isProven: boolean) => ({
  decisionId: randomUUID(),
  traceparents,
  isProven,
});

describe('a check that belongs to no trace', () => {
  it('begins one that has the name of its decision', () => {
    const decisionId = randomUUID();
    const sampled = sampling(1).sample({ decisionId, traceparents: [], isProven: false });
    expect(sampled).toEqual({ traceId: decisionId.replaceAll('-', ''), parentSpanId: undefined });
  });

  it.each([
    [0, 0, 0],
    [0.25, 4_500, 5_500],
    [1, 20_000, 20_000],
  ])('is traced by our share alone: %d', (share, least, most) => {
    const some = sampling(share);
    const asked = Array.from({ length: 20_000 }, () => some.sample(ask([], true)));
    const taken = asked.filter((sampled) => sampled !== undefined).length;
    expect(taken).toBeGreaterThanOrEqual(least);
    expect(taken).toBeLessThanOrEqual(most);
  });
});

describe('a check that says it belongs to a trace', () => {
  it('is traced where who has proven a key asks for it, and goes on with it', () => {
    expect(sampling(0).sample(ask(by('01'), true))).toEqual({ traceId: TRACE, parentSpanId: SPAN });
  });

  it('is not traced where its trace is not', () => {
    for (const isProven of [true, false]) expect(sampling(1).sample(ask(by('00'), isProven))).toBeUndefined();
  });

  it('of a stranger is traced within our share alone', () => {
    expect(sampling(0).sample(ask(by('01'), false))).toBeUndefined();
    const tenth = sampling(0.1);
    const random = Array.from({ length: 10_000 }, () => by('01', randomBytes(16).toString('hex')));
    const taken = random.filter((parents) => tenth.sample(ask(parents, false)) !== undefined).length;
    expect(taken).toBeGreaterThan(800);
    expect(taken).toBeLessThan(1_200);
  });

  it('that cannot be read belongs to none', () => {
    expect(sampling(1).sample(ask(['00-x'], true))?.parentSpanId).toBeUndefined();
  });
});

describe('however many ask', () => {
  beforeEach(() => (nowMs = 0));
  const chosen = ask(by('01', `${'a'.repeat(18)}${'0'.repeat(14)}`), false);
  const taken = (of: Sampling, check: typeof chosen, times: number): number =>
    Array.from({ length: times }, () => of.sample(check)).filter((sampled) => sampled !== undefined).length;

  it('strangers with chosen ids get the traces of a second, and leave as many to those with a key', () => {
    const ten = sampling(0.01, 10);
    expect(taken(ten, chosen, 100_000)).toBe(10);
    expect(taken(ten, ask(by('01'), true), 1_000)).toBe(10);
    expect(ten.limited).toBe(100_000 + 1_000 - 20);
    nowMs += 1_000;
    expect(taken(ten, chosen, 1_000)).toBe(0);
    expect(taken(ten, ask(by('01'), true), 1_000)).toBe(10);
  });

  it('a minute costs no more than its traces, and two seconds of them', () => {
    const ten = sampling(1, 10);
    let sum = 0;
    for (; nowMs < 60_000; nowMs += 5) sum += taken(ten, ask(by('01'), true), 3);
    expect(sum).toBeGreaterThanOrEqual(600);
    expect(sum).toBeLessThanOrEqual(620);
  });

  it('even one a second is one', () => {
    const one = sampling(1, 1);
    expect(taken(one, chosen, 10)).toBe(1);
  });
});
