import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FederationFault } from '../../../tools/local-federation/fault.js';
import { withLock } from '../../../tools/local-federation/lock.js';
import { processBirth } from '../../../tools/local-federation/process-birth.js';
import {
  logTail,
  runningProcess,
  startProcess,
  stopProcess,
  type ProcessPlan,
} from '../../../tools/local-federation/processes.js';
import { reconcile } from '../../../tools/local-federation/reconcile.js';
import { temporaryPlace } from './temporary-place.js';

const WAITING = 'setInterval(() => undefined, 1000);';

const plan = (script: string, digest = 'd1'): ProcessPlan => ({
  name: 'verifier',
  command: process.execPath,
  arguments: ['-e', script],
  digest,
});

describe('the processes of the local federation', () => {
  const place = temporaryPlace((layout) => stopProcess(layout, 'verifier'));
  const start = (script = WAITING): Promise<{ pid: number }> => startProcess(place(), plan(script), 'caller');

  it('are found again by their record, with a pid file that holds the number alone', async () => {
    const { pid } = await start();
    expect(runningProcess(place(), 'verifier')).toMatchObject({ pid, digest: 'd1' });
    expect(readFileSync(join(place().run, 'verifier.pid'), 'utf8')).toBe(`${pid}\n`);
  });

  it('are stopped, and their records with them', async () => {
    const { pid } = await start();
    expect(await stopProcess(place(), 'verifier')).toBe('stopped');
    expect(processBirth(pid)).toBeUndefined();
    expect(existsSync(join(place().run, 'verifier.pid'))).toBe(false);
  });

  it('count as not running when they have ended by themselves', async () => {
    await start('0');
    for (let tries = 0; tries < 1_000 && runningProcess(place(), 'verifier') !== undefined; tries += 1)
      await sleep(20);
    expect(runningProcess(place(), 'verifier')).toBeUndefined();
    expect(await stopProcess(place(), 'verifier')).toBe('not running');
  });

  it('are never mistaken for a stranger that got the same number', async () => {
    const stranger = spawn(process.execPath, ['-e', WAITING], { stdio: 'ignore' });
    const pid = stranger.pid ?? 0;
    const record = { pid, digest: 'd1', birth: 'another boot:1' };
    writeFileSync(join(place().run, 'verifier.json'), JSON.stringify(record));
    expect(runningProcess(place(), 'verifier')).toBeUndefined();
    expect(await stopProcess(place(), 'verifier')).toBe('not running');
    expect(processBirth(pid)).toBeDefined();
    stranger.kill('SIGKILL');
  });

  it.each(['', 'null', '{}', '{"pid":"1"}', 'not json'])('are none when the record is %p', async (text) => {
    writeFileSync(join(place().run, 'verifier.json'), text);
    expect(runningProcess(place(), 'verifier')).toBeUndefined();
    expect(await stopProcess(place(), 'verifier')).toBe('not running');
  });

  it('cannot be started from a command that is not there, and the fault says so', async () => {
    const missing = { ...plan(''), command: '/nonexistent/command' };
    await expect(startProcess(place(), missing, 'caller')).rejects.toThrow(FederationFault);
  });

  it('leave what they wrote in a log', async () => {
    await start('console.log("one"); console.error("two");');
    for (let tries = 0; tries < 1_000 && !logTail(place(), 'verifier').includes('two'); tries += 1)
      await sleep(20);
    expect(logTail(place(), 'verifier')).toBe('one\ntwo');
  });

  it('stay as they are when nothing changed, and are replaced when something did', async () => {
    const changes: string[] = [];
    for (const digest of ['d1', 'd1', 'd2']) {
      changes.push((await reconcile(place(), plan(WAITING, digest), 'caller')).change);
    }
    expect(changes).toEqual(['started', 'unchanged', 'replaced']);
  });
});

describe('the lock of the local federation', () => {
  const place = temporaryPlace();

  it('lets one command at a time work in a place', async () => {
    await withLock(place(), async () => {
      await expect(withLock(place(), () => Promise.resolve())).rejects.toThrow(/another command is at work/);
    });
    await expect(withLock(place(), () => Promise.resolve('free'))).resolves.toBe('free');
  });

  it.each(['999999999 gone', 'garbage', ''])(
    'is taken over from a holder that has ended: %p',
    async (text) => {
      writeFileSync(join(place().run, 'lock'), text);
      await expect(withLock(place(), () => Promise.resolve('mine'))).resolves.toBe('mine');
    },
  );

  it('is given back when the work fails', async () => {
    await expect(withLock(place(), () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(existsSync(join(place().run, 'lock'))).toBe(false);
  });
});
