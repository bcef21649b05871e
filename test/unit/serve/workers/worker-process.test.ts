/** The supervisor's end of the channel over a process that is not there. */
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { jest } from '@jest/globals';
import type { ToWorker, WorkerQuestion } from '../../../../src/serve/workers/messages.js';
import { WorkerProcess } from '../../../../src/serve/workers/worker-process.js';

const STATE = { kind: 'state', serving: true, components: [] } as const;

class FakeChild extends EventEmitter {
  pid: number | undefined = 4711;
  connected = true;
  readonly sent: WorkerQuestion[] = [];
  readonly orders: string[] = [];
  readonly signals: string[] = [];
  send(message: ToWorker): void {
    if (message.kind === 'question') this.sent.push(message);
    else this.orders.push(message.kind);
  }
  kill(signal: string): void {
    this.signals.push(signal);
    if (signal === 'SIGKILL') this.emit('exit', null, signal);
  }
}

let child: FakeChild;
let told: string[];
let worker: WorkerProcess;
beforeEach(() => {
  jest.useFakeTimers();
  child = new FakeChild();
  told = [];
  worker = new WorkerProcess(child as unknown as ChildProcess, {
    onListening: () => void told.push('listening'),
    onSuperseded: () => void told.push('superseded'),
    onLoad: () => void told.push('load'),
    onApplied: () => void told.push('applied'),
    onEnd: (reason) => void told.push(reason),
  });
});
afterEach(() => {
  child.emit('exit', 0, null);
  jest.useRealTimers();
});

describe('the process of a worker', () => {
  it('listens from the first state that it tells, and only once', () => {
    expect(worker.state).toBeUndefined();
    child.emit('message', STATE);
    child.emit('message', { ...STATE, serving: false });
    expect([told, worker.state?.serving]).toEqual([['listening'], false]);
  });

  it('is given each answer by its number', async () => {
    const answers = [worker.ask('metrics'), worker.ask('keyring', 'tenant-1')];
    expect(child.sent.map(({ topic, argument }) => [topic, argument])).toEqual([
      ['metrics', undefined],
      ['keyring', 'tenant-1'],
    ]);
    for (const { id, topic } of [...child.sent].reverse())
      child.emit('message', { kind: 'answer', id, answer: `of ${topic}` });
    expect(await Promise.all(answers)).toEqual(['of metrics', 'of keyring']);
  });

  it('that is busy gives no answer after a second, and a late one harms nobody', async () => {
    const answer = worker.ask('status');
    jest.advanceTimersByTime(1_000);
    expect(await answer).toBeUndefined();
    child.emit('message', { kind: 'answer', id: 1, answer: 'late' });
  });

  it('that has left its channel is not asked', async () => {
    child.connected = false;
    expect(await worker.ask('status')).toBeUndefined();
    expect(child.sent).toEqual([]);
  });

  it('is told to take the socket over, unless it is gone, and tells when another one has it', () => {
    worker.takeOver();
    child.connected = false;
    worker.takeOver();
    expect(child.orders).toEqual(['take_over']);
    child.emit('message', STATE);
    child.emit('message', { kind: 'superseded' });
    expect([told, worker.state]).toEqual([['listening', 'superseded'], STATE]);
  });

  it('is killed after ten seconds without a sign of life, and says so', () => {
    child.emit('message', STATE);
    jest.advanceTimersByTime(9_000);
    child.emit('message', STATE);
    jest.advanceTimersByTime(9_500);
    expect(child.signals).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(child.signals).toEqual(['SIGKILL']);
    expect(told).toEqual(['listening', 'gave no sign of life and was killed']);
  });

  it('may take its time to start', () => {
    jest.advanceTimersByTime(600_000);
    expect(child.signals).toEqual([]);
  });

  it.each<[string, [number | null, string | null], string]>([
    ['its exit code', [3, null], 'ended with 3'],
    ['the signal', [null, 'SIGSEGV'], 'was ended by SIGSEGV'],
  ])('ends with %s', async (_title, how, reason) => {
    const answer = worker.ask('status');
    child.emit('message', STATE);
    child.emit('exit', ...how);
    expect([told.at(-1), worker.state, await answer]).toEqual([reason, undefined, undefined]);
  });

  it('that could not be started has ended, and an error later on is none of its ends', () => {
    child.emit('error', new Error('kill EPERM'));
    expect(told).toEqual([]);
    const never = new FakeChild();
    never.pid = undefined;
    new WorkerProcess(never as unknown as ChildProcess, {
      onListening: () => undefined,
      onSuperseded: () => undefined,
      onLoad: () => void told.push('load'),
      onApplied: () => void told.push('applied'),
      onEnd: (reason) => void told.push(reason),
    });
    never.emit('error', new Error('spawn EAGAIN'));
    expect(told).toEqual(['could not be started: spawn EAGAIN']);
  });
});
