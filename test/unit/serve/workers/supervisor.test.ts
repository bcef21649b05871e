/** The supervisor over real processes: scripts that speak the worker's end of the channel. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Configuration } from '../../../../src/config/settings.js';
import type { RunningVerifier } from '../../../../src/serve/verifier.js';
import { startWorkers } from '../../../../src/serve/workers/supervisor.js';
import { anyFreePort } from '../../../e2e/support/free-port.js';
import { until } from '../../../support/until.js';

/** Tells its folder of each signal and order; the patient one ends at the second order to stop, the unwell gets well by SIGHUP. */
const SCRIPT = `
  const { appendFileSync } = require('node:fs');
  const [, , behaviour, number, log, waits] = process.argv;
  if (behaviour === 'one fails' && number === '1') process.exit(3);
  let told = 0;
  for (const signal of ['SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      appendFileSync(log, number + ' ' + signal + '\\n');
      if (signal === 'SIGHUP') tell(true);
      if (signal === 'SIGTERM' && (behaviour !== 'patient' || ++told === 2)) process.exit(0);
    });
  process.on('disconnect', () => process.exit(0));
  process.on('message', ({ kind, id }) => {
    if (kind === 'question') process.send({ kind: 'answer', id, answer: undefined });
    else appendFileSync(log, number + ' ' + kind + (waits === 'true' ? '' : ' unasked') + '\\n');
  });
  const tell = (serving) => process.send({ kind: 'state', serving, components: [] });
  tell(behaviour !== 'unwell' || number === '0');
  if (behaviour === 'superseded' || (behaviour === 'first superseded' && number === '0'))
    process.send({ kind: 'superseded' }, () => process.exit(0));
`;

let folder = '';
let log = '';
let port = 0;
let running: RunningVerifier | undefined;
let forked: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'workers-'));
  log = join(folder, 'signals');
  writeFileSync(join(folder, 'worker.cjs'), SCRIPT);
  writeFileSync(log, '');
  port = await anyFreePort();
  forked = [];
});
afterEach(async () => {
  await running?.stop(AbortSignal.abort());
  running = undefined;
  rmSync(folder, { recursive: true });
});

async function start(
  behaviour: string,
  { drainMilliseconds = 1_000, replace = false, metricsPort = 0 } = {},
): Promise<RunningVerifier> {
  const audit = { sink: { kind: 'stdout' } };
  const host = '127.0.0.1';
  const metrics = metricsPort === 0 ? undefined : { host, port: metricsPort, allowedHosts: [] };
  const settings = { workers: 2, audit, admin: { host, port }, metrics, limits: { drainMilliseconds } };
  const configuration = { file: 'countersign.yaml', settings } as unknown as Configuration;
  const start = (_file: string, number: number, waits: boolean): ChildProcess => {
    const child = fork(join(folder, 'worker.cjs'), [behaviour, String(number), log, String(waits)], {
      serialization: 'advanced',
    });
    forked.push(child);
    return child;
  };
  running = await startWorkers(configuration, pino({ level: 'silent' }), { replace, start });
  return running;
}

interface Page {
  readonly status: number;
  readonly body: string;
}

async function page(path: string): Promise<Page> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: await response.text() };
}

const signals = (): string[] => readFileSync(log, 'utf8').split('\n').filter(Boolean).sort();

async function replacements(): Promise<number[]> {
  const { workers } = JSON.parse((await page('/status')).body) as { workers: { replacements: number }[] };
  return workers.map((worker) => worker.replacements);
}

describe('the supervisor of workers', () => {
  it('starts all of them and shows them on one port', async () => {
    await start('works');
    expect(forked).toHaveLength(2);
    expect((await page('/readyz')).status).toBe(200);
    expect(await replacements()).toEqual([0, 0]);
  });

  it('shows the metrics of all of them on a port of their own, where there is one', async () => {
    const metricsPort = await anyFreePort();
    await start('works', { metricsPort });
    const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    expect(await metrics.text()).toContain('countersign_worker_serving{worker="1"}');
    expect((await fetch(`http://127.0.0.1:${metricsPort}/readyz`)).status).toBe(404);
  });

  it('passes a reload on to each', async () => {
    const { reload } = await start('works');
    await reload('signal');
    await until('both were told', () => signals().length === 2);
    expect(signals()).toEqual(['0 SIGHUP', '1 SIGHUP']);
  });

  it('replaces those that die, again and again, counts them, and stays ready by the others', async () => {
    await start('works');
    for (const count of [1, 2]) {
      forked.at(count === 1 ? 0 : -1)?.kill('SIGKILL');
      await until(`the first is replaced, ${count} in all`, async () => (await replacements())[0] === count);
      expect((await page('/readyz')).status).toBe(200);
      await until('both run', async () => !(await page('/readyz')).body.includes('does not run'));
    }
    expect(forked).toHaveLength(4);
    expect(await replacements()).toEqual([2, 0]);
    expect((await page('/metrics')).body).toContain('countersign_worker_replacements_total{worker="0"} 2');
  });

  it('stops all of them, and replaces none of those', async () => {
    const verifier = await start('works');
    running = undefined;
    await verifier.stop();
    expect(signals()).toEqual(['0 SIGTERM', '1 SIGTERM']);
    expect(forked.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(forked).toHaveLength(2);
    await expect(page('/livez')).rejects.toThrow();
  });

  it('tells them a second time when nobody wants to wait', async () => {
    const verifier = await start('patient', { drainMilliseconds: 600_000 });
    running = undefined;
    const cut = new AbortController();
    const stopped = verifier.stop(cut.signal);
    await until('both were told', () => signals().length === 2);
    expect((await page('/readyz')).status).toBe(503);
    cut.abort();
    await stopped;
    expect(signals()).toEqual(['0 SIGTERM', '0 SIGTERM', '1 SIGTERM', '1 SIGTERM']);
  });

  it('kills those that do not end within the limit of a drain and of closing', async () => {
    const verifier = await start('patient', { drainMilliseconds: 0 });
    running = undefined;
    await verifier.stop();
    expect(forked.map(({ signalCode }) => signalCode)).toEqual(['SIGKILL', 'SIGKILL']);
  });

  it('does not start where one of them cannot, and leaves none behind', async () => {
    await expect(start('one fails')).rejects.toThrow('worker 1 ended with 3 before it listened');
    expect(forked.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)).toEqual([]);
    await expect(page('/livez')).rejects.toThrow();
  });
});

describe('a supervisor that takes the place of another', () => {
  it('has its workers take the sockets when each of them is well, and none before', async () => {
    const { reload } = await start('unwell', { replace: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(signals()).toEqual([]);
    await reload('signal');
    await until('both were told', () => signals().length === 4);
    expect(signals()).toEqual(['0 SIGHUP', '0 take_over', '1 SIGHUP', '1 take_over']);
  });

  it('puts in the place of a worker that dies later one that need not wait', async () => {
    await start('works', { replace: true });
    await until('both were told', () => signals().length === 2);
    forked[0]?.kill('SIGKILL');
    await until('there is another one', () => forked.length === 3);
    expect(forked.map(({ spawnargs }) => spawnargs.at(-1))).toEqual(['true', 'true', 'false']);
  });

  it('opens the admin port when the other has left it', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    await start('works', { replace: true });
    await until('both were told', () => signals().length === 2);
    await new Promise((resolve) => other.close(resolve));
    await until('the port is ours', () =>
      page('/readyz').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
  });

  it('stops while it waits for both', async () => {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const verifier = await start('unwell', { replace: true });
    running = undefined;
    await verifier.stop();
    await new Promise((resolve) => other.close(resolve));
    expect(signals()).toEqual(['0 SIGTERM', '1 SIGTERM']);
  });
});

describe('a supervisor whose place is taken', () => {
  it('says so when the last socket is, and puts nobody there', async () => {
    const { superseded } = await start('superseded');
    await superseded;
    await until('both are gone', () => forked.every(({ exitCode }) => exitCode === 0));
    expect(await replacements()).toEqual([0, 0]);
    expect(forked).toHaveLength(2);
  });

  it('does not wait for long for a worker that has no successor', async () => {
    const verifier = await start('first superseded');
    running = undefined;
    await verifier.superseded;
    expect(signals()).toEqual([]);
    await verifier.stop();
    expect(signals()).toEqual(['1 SIGTERM']);
  });
});
