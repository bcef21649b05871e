/** The queue before a collector that is away, slow, or will not have it: bounded, and every loss counted. */
import { SPAN_OUTCOMES, SpanQueue, type Delivery } from '../../../../src/observability/tracing/span-queue.js';
import { until } from '../../../support/until.js';

const TAKEN: Delivery = { kind: 'taken', rejected: 0 };
const NEVER = new Promise<never>(() => undefined);

let nowMs = 0;
let batches: number[][];
let faults: (string | undefined)[];
let answer: () => Delivery | Promise<Delivery>;
let queue: SpanQueue<number>;

beforeEach(() => {
  [nowMs, batches, faults, answer] = [0, [], [], () => TAKEN];
  queue = new SpanQueue({
    maxSpans: 1_000,
    send: async (spans) => {
      batches.push([...spans]);
      return answer();
    },
    onFault: (reason) => void faults.push(reason),
    monotonicMs: () => nowMs,
  });
});
afterEach(() => queue.close(Promise.resolve()));

const fill = (spans: number): void => {
  for (let span = 0; span < spans; span++) queue.add(span);
};
const counts = () => Object.fromEntries(SPAN_OUTCOMES.map((outcome) => [outcome, queue.count(outcome)]));

it('sends what has ended, in batches, by itself', async () => {
  fill(700);
  await until('all were sent', () => queue.count('sent') === 700);
  expect(batches.map(({ length }) => length)).toEqual([512, 188]);
  expect(batches.flat()).toEqual(Array.from({ length: 700 }, (_, at) => at));
});

it('holds no more than it may while the collector is slow, and has one request under way', async () => {
  answer = () => NEVER;
  fill(10_000);
  await new Promise(setImmediate);
  expect(batches).toHaveLength(1);
  expect([queue.waiting, counts()]).toEqual([1_000, { sent: 0, full: 9_000, refused: 0, unsent: 0 }]);
  await queue.close(Promise.resolve());
  expect([queue.waiting, queue.count('unsent')]).toEqual([0, 1_000]);
});

it('asks a collector that is away again, ever less often, and says so once', async () => {
  answer = () => ({ kind: 'failed', reason: 'refuses connections' });
  fill(600);
  await until('the fault is told', () => faults.length === 1);
  for (let span = 0; span < 300; span++) queue.add(span);
  await new Promise(setImmediate);
  expect([batches.length, faults]).toEqual([1, ['refuses connections']]);
  answer = () => TAKEN;
  nowMs += 2_000;
  await until('all were sent', () => queue.count('sent') === 900);
  expect(faults).toEqual(['refuses connections', undefined]);
});

it('drops what the collector refuses, and counts what it rejects of a batch', async () => {
  answer = () => ({ kind: 'refused', reason: 'answers with status 400' });
  fill(600);
  await until('it was refused', () => queue.count('refused') === 512);
  expect(queue.waiting).toBe(88);
  answer = () => ({ kind: 'taken', rejected: 8 });
  nowMs += 2_000;
  await until('the others were sent', () => queue.waiting === 0);
  expect(counts()).toEqual({ sent: 80, full: 0, refused: 520, unsent: 0 });
});

it('sends what is left at its end, though it was to wait, and no longer than it may', async () => {
  answer = () => ({ kind: 'failed', reason: 'is away' });
  fill(512);
  await until('the fault is told', () => faults.length === 1);
  answer = () => TAKEN;
  await queue.close(NEVER);
  expect(counts()).toEqual({ sent: 512, full: 0, refused: 0, unsent: 0 });
});
