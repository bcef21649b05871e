/** Sending that waits for the rate limit: a demonstration that is shown twice in a minute is no fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway, ProducerAnswer } from '../producer.js';
import type { Sending } from './cases.js';

/** Told what is waited for. */
export type Say = (line: string) => void;

/** An allowance is whole again after a minute, and a reported second is rounded down by the clock. */
const LONGEST_WAIT_SECONDS = 61;

/** Waits as long as a 429 says; false when the answer is another one, or says nothing sensible. */
export async function waitedFor(
  { status, headers }: ProducerAnswer,
  { title, say }: { readonly title: string; readonly say: Say },
): Promise<boolean> {
  const wait = Number(headers['retry-after']);
  if (status !== 429 || !(wait > 0 && wait <= LONGEST_WAIT_SECONDS)) return false;
  say(`  … ${title}: over RATE_LIMIT_PER_MINUTE, sending again in ${wait} s`);
  await sleep(wait * 1000);
  return true;
}

/** Sends what `prepare` makes, made anew after each wait: its time has to be of now. */
export async function sendPatiently(
  gateway: Gateway,
  prepare: () => Sending,
  about: { readonly title: string; readonly say: Say },
): Promise<ProducerAnswer> {
  for (;;) {
    const { over, request } = prepare();
    const answer = await gateway.send(over, request);
    if (!(await waitedFor(answer, about))) return answer;
  }
}
