import type { WorkerState } from '../../../../src/serve/workers/worker-messages.js';
import { viewOfWorkers, type WorkerLook } from '../../../../src/serve/workers/workers-view.js';

const WELL: WorkerState = { kind: 'state', serving: true, components: [{ name: 'audit', fault: undefined }] };
const UNWELL: WorkerState = {
  kind: 'state',
  serving: false,
  components: [
    { name: 'audit', fault: 'the disk is full' },
    { name: 'nonce_store', fault: undefined },
  ],
};

/** What a worker answers is under its topic. */
function worker(number: number, state: WorkerState | undefined, answers = {}): WorkerLook {
  const told = new Map<string, unknown>(Object.entries(answers));
  return {
    number,
    pid: state && 100 + number,
    state,
    replacements: number,
    ask: (topic) => Promise.resolve(told.get(topic)),
  };
}

describe('readiness of several workers', () => {
  it.each<[string, (WorkerState | undefined)[], string | undefined, string | undefined]>([
    ['all well', [WELL, WELL], undefined, undefined],
    ['one away', [WELL, undefined], undefined, 'worker 1 does not run'],
    ['one unwell', [UNWELL, WELL], undefined, 'worker 0: audit: the disk is full'],
    [
      'none well',
      [UNWELL, undefined],
      'worker 0: audit: the disk is full; worker 1 does not run',
      'worker 0: audit: the disk is full; worker 1 does not run',
    ],
  ])('with %s', (_title, states, fault, note) => {
    const { health } = viewOfWorkers(states.map((state, number) => worker(number, state)));
    expect(health.isServing()).toBe(fault === undefined);
    expect(health.states()[0]).toEqual({ name: 'workers', fault, note });
  });

  it('is over when it drains', () => {
    const { health } = viewOfWorkers([worker(0, WELL)]);
    health.drain();
    expect(health.isServing()).toBe(false);
  });
});

describe('what the admin port shows of several workers', () => {
  it('is the facts of one, and of each how it is', async () => {
    const status = { configuration: { generation: 3 }, policies: ['p'] };
    const view = viewOfWorkers([worker(0, undefined), worker(1, UNWELL), worker(2, WELL, { status })]);
    expect(await view.describe()).toEqual({
      ...status,
      workers: [
        {
          worker: 0,
          pid: undefined,
          serving: false,
          reason: 'worker 0 does not run',
          replacements: 0,
          configuration: undefined,
        },
        {
          worker: 1,
          pid: 101,
          serving: false,
          reason: 'worker 1: audit: the disk is full',
          replacements: 1,
          configuration: undefined,
        },
        {
          worker: 2,
          pid: 102,
          serving: true,
          reason: undefined,
          replacements: 2,
          configuration: { generation: 3 },
        },
      ],
    });
  });

  it('counts replacements and who serves', async () => {
    const text = await viewOfWorkers([worker(0, WELL), worker(1, undefined)]).registry.metrics();
    expect(text.split('\n').filter((line) => line.startsWith('countersign_worker'))).toEqual([
      'countersign_worker_serving{worker="0"} 1',
      'countersign_worker_serving{worker="1"} 0',
      'countersign_worker_replacements_total{worker="0"} 0',
      'countersign_worker_replacements_total{worker="1"} 1',
    ]);
  });

  it('asks a worker that serves for the public keys', async () => {
    const keyring = { keys: [] };
    const view = viewOfWorkers([worker(0, undefined), worker(1, UNWELL), worker(2, WELL, { keyring })]);
    expect(await view.keyring?.('t')).toBe(keyring);
  });
});
