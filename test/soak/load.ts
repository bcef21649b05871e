/** Fresh signed events over kept connections, as fast as they are answered or at an even rate. */
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Federation } from '../../tools/local-federation/federation.js';
import { telemetry } from '../e2e/support/requests.js';
import { Window } from './window.js';

const CONNECTIONS = 32;
/** Longer than anybody waits for an answer; a load that hangs would otherwise hang for ever. */
const PATIENCE_MILLISECONDS = 30_000;

/** Sends one fresh event; resolves with the status, 0 for a broken connection or no answer. */
export type Send = () => Promise<number>;

/** Events of the first producer, over connections that are used in turn, so that none is idle for long. */
export function sender({ environment, credentials }: Federation): Send {
  const { producerA: by, authority: ca } = credentials;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    scheduling: 'fifo',
    ca,
    cert: by.certificate,
    key: by.certificateKey,
  });
  return () =>
    new Promise((resolve) => {
      const { method, path, headers, body } = telemetry({ by });
      const url = new URL(path, environment.COUNTERSIGN_URL);
      const sent = request(url, { method, agent, headers: Object.fromEntries(headers) }, (answer) => {
        answer.resume().on('close', () => resolve(answer.complete ? (answer.statusCode ?? 0) : 0));
      });
      sent.setTimeout(PATIENCE_MILLISECONDS, () => sent.destroy());
      sent.on('error', () => resolve(0)).end(body);
    });
}

/** Answers of 202 a second when every connection always has a request under way. */
export async function capacity(send: Send, seconds: number): Promise<number> {
  const startMs = performance.now();
  let answered = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < seconds * 1000) if ((await send()) === 202) answered++;
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return answered / ((performance.now() - startMs) / 1000);
}

/** At an even rate; latency counts from the moment at which a request was due. Resolves with the last answer. */
export async function steady(send: Send, perSecond: number, seconds: number): Promise<Window> {
  const window = new Window();
  const underWay: Promise<void>[] = [];
  const startMs = performance.now();
  for (let number = 0; number < perSecond * seconds; number++) {
    const dueMs = startMs + (number * 1000) / perSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    underWay.push(send().then((status) => window.add(status, performance.now() - dueMs)));
  }
  await Promise.all(underWay);
  return window;
}
