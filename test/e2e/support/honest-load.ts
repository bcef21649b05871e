/** Honest requests at an even rate over one lasting connection, each retried as a producer would, and how long they took. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openHttp2, sendOn } from './http2-client.js';
import type { Door, Outgoing } from './outgoing.js';

/** What became of one request. */
export interface HonestResult {
  /** Of the last try. */
  readonly status: number;
  readonly tries: number;
  /** From the moment at which it was due to the last answer. */
  readonly milliseconds: number;
}

export interface HonestOptions {
  readonly door: Door;
  readonly perSecond: number;
  readonly seconds: number;
  readonly make: () => Outgoing;
}

/** A producer waits a little and sends the same bytes again after a 503; so often. */
const TRIES = 8;
const PAUSE_MILLISECONDS = 200;

/** Sends for that long and waits for every answer. */
export async function honestLoad(options: HonestOptions): Promise<HonestResult[]> {
  const { door, perSecond, seconds, make } = options;
  const session = openHttp2(door, make().over);
  const results: Promise<HonestResult>[] = [];
  const startMs = performance.now();
  for (let number = 0; number < perSecond * seconds; number++) {
    const dueMs = startMs + (number * 1000) / perSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    const outgoing = make();
    results.push(sendPatiently(() => sendOn(session, outgoing), dueMs));
  }
  const all = await Promise.all(results);
  session.destroy();
  return all;
}

async function sendPatiently(
  send: () => Promise<{ readonly status: number }>,
  dueMs: number,
): Promise<HonestResult> {
  let status = 0;
  for (let tries = 1; ; tries++) {
    ({ status } = await send());
    if (status !== 503 || tries === TRIES) return { status, tries, milliseconds: performance.now() - dueMs };
    await sleep(PAUSE_MILLISECONDS);
  }
}

/** The value below which this share of them lies, in milliseconds. */
export function quantile(results: readonly HonestResult[], share: number): number {
  const sorted = results.map(({ milliseconds }) => milliseconds).sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
