/** A worker's end of the channel, with a supervisor that writes down what it hears. */
import { Registry } from 'prom-client';
import { Health } from '../../../../src/observability/health.js';
import {
  openSupervisorLink,
  tellSuperseded,
  toldToTakeOver,
} from '../../../../src/serve/workers/supervisor-link.js';
import { until } from '../../../support/until.js';
import type { FromWorker, WorkerQuestion } from '../../../../src/serve/workers/messages.js';

const own = { send: Object.getOwnPropertyDescriptor(process, 'send'), connected: process.connected };
let heard: FromWorker[];
let fault: string | undefined;
let health: Health;
let link: { close(): void };

beforeEach(() => {
  heard = [];
  fault = undefined;
  setChannel(true);
  health = new Health([{ name: 'audit', fault: () => fault }]);
  link = openSupervisorLink({
    health,
    registry: new Registry(),
    describe: () => ({ policies: ['telemetry'] }),
    keyring: (tenant) => Promise.resolve(tenant === 'tenant-1' ? { keys: [] } : undefined),
    reload: () => Promise.resolve({ applied: false, body: { outcome: 'refused' } }),
  });
});
afterEach(() => {
  link.close();
  if (own.send === undefined) delete process.send;
  else Object.defineProperty(process, 'send', own.send);
  Object.defineProperty(process, 'connected', { value: own.connected, configurable: true, writable: true });
});

function setChannel(connected: boolean): void {
  const send = (message: FromWorker): boolean => heard.push(message) > 0;
  Object.defineProperty(process, 'send', { value: send, configurable: true, writable: true });
  Object.defineProperty(process, 'connected', { value: connected, configurable: true, writable: true });
}

/** As the channel would: what the listeners that this link has added are given. */
async function answerTo(question: Omit<WorkerQuestion, 'kind' | 'id'>): Promise<unknown> {
  const listener = process.listeners('message').at(-1) as (message: unknown) => void;
  listener({ kind: 'question', id: 7, ...question });
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  const answer = heard.at(-1);
  if (answer?.kind !== 'answer') throw new Error('there is no answer');
  expect(answer.id).toBe(7);
  return answer.answer;
}

const states = (): unknown[] => heard.flatMap((one) => (one.kind === 'state' ? [one.serving] : []));

describe('the link of a worker', () => {
  it('takes the order to take over for what it is, and not for a question', async () => {
    const before = heard.length;
    const listeners = process.listenerCount('message');
    const told = toldToTakeOver();
    for (const kind of ['question', 'take_over'])
      for (const listener of process.listeners('message').slice(-2))
        (listener as (message: unknown) => void)({ kind, id: 1, topic: 'status' });
    await told;
    expect(process.listenerCount('message')).toBe(listeners);
    expect(heard.slice(before)).toMatchObject([{ kind: 'answer', id: 1 }]);
  });

  it('tells that a successor has the socket', () => {
    tellSuperseded();
    expect(heard.at(-1)).toEqual({ kind: 'superseded' });
  });

  it('tells the state at once and each change of it', () => {
    expect(heard[0]).toMatchObject({ kind: 'state', serving: true });
    fault = 'the disk is full';
    health.poll();
    expect(states()).toEqual([true, false]);
    expect(heard.at(-1)).toMatchObject({ components: [{ name: 'audit', fault: 'the disk is full' }, {}] });
  });

  it('gives signs of life without a change', async () => {
    await until('it has told its state again', () => states().length >= 2);
    expect(states().every((serving) => serving)).toBe(true);
  });

  it('answers each question', async () => {
    expect(await answerTo({ topic: 'metrics', argument: undefined })).toEqual([]);
    expect(await answerTo({ topic: 'status', argument: undefined })).toEqual({ policies: ['telemetry'] });
    expect(await answerTo({ topic: 'keyring', argument: 'tenant-1' })).toEqual({ keys: [] });
    expect(await answerTo({ topic: 'keyring', argument: undefined })).toBeUndefined();
    expect(await answerTo({ topic: 'reload', argument: undefined })).toMatchObject({ applied: false });
  });

  it('says nothing when the supervisor is gone, or when it was closed', () => {
    setChannel(false);
    fault = 'the disk is full';
    health.poll();
    setChannel(true);
    link.close();
    fault = undefined;
    health.poll();
    expect(states()).toEqual([true]);
  });
});
