/** Whether the owner of a write-ahead file still runs: a living one is never called ended, whatever hides it. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { lifeOf, parseOwner, thisProcess, type ProcessTable } from '../../../../src/audit/log/owner.js';

const OURS = { boot: 'b', namespace: 'pid:[1]', pid: 1, started: '5' };
const OWNER = { boot: 'b', namespace: 'pid:[1]', pid: 77, started: '900' };

function failure(code: string): () => never {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

function stat(started: string, state = 'S'): () => string {
  return () => `77 (a) b) ${[state, ...Array.from({ length: 18 }, () => '0'), started].join(' ')} 0 0\n`;
}

const ABSENT = failure('ESRCH');
const THERE = (): void => undefined;

function life(statOf: ProcessTable['statOf'], probe: ProcessTable['probe'], owner = OWNER): string {
  return lifeOf(owner, OURS, { statOf, probe });
}

describe('the owner of a write-ahead file', () => {
  test.each(['EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'EIO', 'ENOMEM'])(
    'is not called ended where its entry cannot be read (%s)',
    (code) => {
      expect(life(failure(code), ABSENT)).toBe('unknown');
    },
  );

  test('is not called ended where /proc hides it or is not there', () => {
    expect(life(failure('ENOENT'), failure('EPERM'))).toBe('unknown');
    expect(life(failure('ENOENT'), THERE)).toBe('unknown');
    expect(life(() => '', ABSENT)).toBe('unknown');
  });

  test('has ended when there is no such process, or another one, or one that was killed and not waited for', () => {
    expect(life(failure('ENOENT'), ABSENT)).toBe('ended');
    expect(life(failure('ESRCH'), ABSENT)).toBe('ended');
    expect(life(stat('901'), THERE)).toBe('ended');
    expect(life(stat('900', 'Z'), THERE)).toBe('ended');
    expect(life(stat('900'), THERE)).toBe('runs');
  });

  test.each([
    ['boot', { boot: '' }],
    ['namespace', { namespace: '' }],
    ['start', { started: '' }],
    ['namespace of our own', { namespace: 'pid:[2]' }],
  ])('is not known without its %s', (_, changed) => {
    expect(life(stat('900'), THERE, { ...OWNER, ...changed })).toBe('unknown');
  });

  test.each([0, -1, 1.5, 2 ** 31])('is no process of the number %d', (pid) => {
    expect(parseOwner(Buffer.from(JSON.stringify({ ...OWNER, pid })))).toBeUndefined();
  });
});

describe('a process of this machine', () => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  afterEach(() => void child.kill('SIGKILL'));

  test('runs until it is killed, suspended or not', async () => {
    const ours = thisProcess();
    const text = readFileSync(`/proc/${child.pid}/stat`, 'latin1');
    const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const owner = { ...ours, pid: child.pid ?? 0, started };
    expect([lifeOf(ours, ours), lifeOf(owner, ours)]).toEqual(['runs', 'runs']);
    child.kill('SIGSTOP');
    expect(lifeOf(owner, ours)).toBe('runs');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(lifeOf(owner, ours)).toBe('ended');
  });
});
