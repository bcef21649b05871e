/** Places of workers over real processes: a script that speaks the worker's end of the channel. */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Worker, BackOff } from '../../../../src/serve/workers/worker.js';
import { until } from '../../../support/until.js';

const SCRIPT = `
  const [, , behaviour] = process.argv;
  if (behaviour === 'fails') process.exit(3);
  const tell = () => process.send({ kind: 'state', serving: true, components: [] });
  process.on('message', ({ id, topic }) => process.send({ kind: 'answer', id, answer: topic + ' of ' + process.pid }));
  process.on('SIGTERM', () => process.exit(0));
  process.on('disconnect', () => process.exit(0));
  tell();
`;
const logger = pino({ level: 'silent' });
let folder = '';
let deaths = 0;
let workers: Worker[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'worker-'));
  writeFileSync(join(folder, 'worker.cjs'), SCRIPT);
  deaths = 0;
});
afterEach(async () => {
  for (const worker of workers) worker.stop();
  await Promise.all(workers.map(({ gone }) => gone));
  workers = [];
  rmSync(folder, { recursive: true });
});

function start(behaviour: string): Worker {
  const worker = new Worker({
    number: workers.length,
    fork: () => fork(join(folder, 'worker.cjs'), [behaviour], { serialization: 'advanced' }),
    logger,
    onDeath: () => (deaths += 1),
  });
  workers.push(worker);
  return worker;
}

describe('the place of a worker', () => {
  it('is filled by a process that tells its state and answers', async () => {
    const worker = start('works');
    expect([worker.state, await worker.ask('status').catch(() => 'rejected')]).toHaveLength(2);
    await worker.listening;
    expect(worker.state?.serving).toBe(true);
    expect(await worker.ask('metrics')).toBe(`metrics of ${worker.pid}`);
    expect([worker.replacements, deaths]).toEqual([0, 0]);
  });

  it('is filled again when the process is killed, and counts it', async () => {
    const worker = start('works');
    await worker.listening;
    for (const replacements of [1, 2]) {
      const { pid } = worker;
      worker.signal('SIGKILL');
      await until(
        'the process is replaced',
        () => worker.replacements === replacements && worker.state !== undefined,
      );
      expect(worker.pid).not.toBe(pid);
    }
    expect(deaths).toBe(2);
    expect(await worker.ask('status')).toBe(`status of ${worker.pid}`);
  });

  it('answers a question to a process that dies with nothing', async () => {
    const worker = start('works');
    await worker.listening;
    worker.signal('SIGSTOP');
    const answer = worker.ask('metrics');
    worker.signal('SIGKILL');
    expect(await answer).toBeUndefined();
  });

  it('stays empty once it was stopped', async () => {
    const worker = start('works');
    await worker.listening;
    worker.stop();
    await worker.gone;
    expect([worker.pid, worker.state, worker.replacements]).toEqual([undefined, undefined, 0]);
    expect(await worker.ask('metrics')).toBeUndefined();
  });

  it('is given up when four processes in a row fail before they listen', async () => {
    const worker = start('fails');
    await expect(worker.listening).rejects.toThrow('worker 0 ended with 3 before it listened');
    expect(deaths).toBe(4);
  });
});

describe('the pause before a process is started again', () => {
  it('is none at first, then doubles up to ten seconds', () => {
    const backOff = new BackOff();
    const pauses = Array.from({ length: 11 }, () => backOff.pauseMilliseconds(50));
    expect(pauses).toEqual([0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
  });

  it('is none again after a sound life', () => {
    const backOff = new BackOff();
    for (let death = 0; death < 5; death++) backOff.pauseMilliseconds(50);
    expect([10_000, 9_999, 9_999].map((life) => backOff.pauseMilliseconds(life))).toEqual([0, 100, 200]);
  });
});
