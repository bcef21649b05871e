/** The thread that loads a configuration, as its process sees it: whatever becomes of it is a load with a problem. */
import { spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import {
  LoadThread,
  type LoadAnswer,
  type LoadQuestion,
  type LoadThreadData,
} from '../../../../src/serve/reload/load-thread.js';
import { until } from '../../../support/until.js';

class FakeThread extends EventEmitter {
  readonly data: LoadThreadData;
  readonly asked: LoadQuestion[] = [];
  terminated = 0;
  constructor(data: LoadThreadData) {
    super();
    this.data = data;
  }
  postMessage(question: LoadQuestion): void {
    this.asked.push(question);
  }
  terminate(): Promise<number> {
    this.terminated++;
    return Promise.resolve(1);
  }
  unref(): void {
    this.emit('unref');
  }
}

const good: LoadAnswer = {
  files: { problems: undefined, parts: [] },
  tested: ['fingerprint'],
  judged: Uint8Array.of(1, 2, 3),
};

function setUp(options = {}) {
  const threads: FakeThread[] = [];
  const thread = new LoadThread('/etc/countersign.yaml', {
    start: (data) => {
      threads.push(new FakeThread(data));
      return threads.at(-1) as unknown as Worker;
    },
    ...options,
  });
  const load = async (answer: (thread: FakeThread) => void) => {
    const files = thread.load();
    answer(threads.at(-1)!);
    return files;
  };
  return { threads, thread, load };
}

const answers = (answer: LoadAnswer) => (thread: FakeThread) => void thread.emit('message', answer);

// Fault: reload-large
describe('the thread that loads', () => {
  it('is one for all loads that follow each other, and is told what was tested', async () => {
    const { threads, load } = setUp();
    expect(await load(answers(good))).toBe(good.files);
    await load(answers(good));
    expect(threads).toHaveLength(1);
    expect(threads[0]!.asked).toEqual([
      { tested: undefined, whileServing: false },
      { tested: ['fingerprint'], whileServing: true },
    ]);
  });

  it('does not call tested what was in a configuration with problems', async () => {
    const { threads, load } = setUp();
    await load(answers(good));
    await load(answers({ ...good, files: { problems: ['bad'], parts: [] }, tested: ['another'] }));
    await load(answers(good));
    expect(threads[0]!.asked.at(-1)?.tested).toEqual(['fingerprint']);
  });

  it('ends when nothing is to do, and the next one is given what it had judged', async () => {
    const { threads, load } = setUp({ idleMilliseconds: 1 });
    await load(answers(good));
    await until('it has ended', () => threads[0]!.terminated === 1);
    await load(answers(good));
    expect(threads.map(({ data }) => [...data.judged])).toEqual([[], [1, 2, 3]]);
  });

  it.each<[string, (thread: FakeThread) => void, RegExp]>([
    [
      'runs out of memory',
      (thread) =>
        thread.emit('error', Object.assign(new Error('limit'), { code: 'ERR_WORKER_OUT_OF_MEMORY' })),
      /more than \d+ MiB of memory/,
    ],
    ['throws', (thread) => thread.emit('error', new Error('of all things')), /by a defect: of all things/],
    ['ends', (thread) => thread.emit('exit', 1), /the thread that loads it ended/],
    ['takes too long', () => undefined, /takes longer than 0\.02 s/],
  ])('that %s is a load with a problem, and another one takes its place', async (how, fails, problem) => {
    const { threads, load } = setUp({ deadlineMilliseconds: 20 });
    await load(answers(good));
    const files = await load(fails);
    expect(files).toEqual({ problems: [expect.stringMatching(problem)], parts: undefined });
    expect(threads[0]!.terminated).toBe(how === 'ends' ? 0 : 1);
    threads[0]!.emit('error', new Error('said too late'));
    expect(await load(answers(good))).toBe(good.files);
    expect(threads).toHaveLength(2);
  });

  it.each<[how: string, ends: (own: LoadThread, fake: FakeThread) => void]>([
    ['is closed', (own) => void own.close()],
    ['ends', (_own, fake) => void fake.emit('exit', 0)],
  ])('may answer and, before that is taken in, %s', async (_how, ends) => {
    const { threads, thread, load } = setUp({ idleMilliseconds: 1 });
    for (let time = 1; time <= 2; time++) {
      const files = await load((fake) => {
        answers(good)(fake);
        ends(thread, fake);
      });
      expect(files).toBe(good.files);
      expect(threads).toHaveLength(time);
    }
  });

  it('that cannot be started is a load with a problem', async () => {
    const { thread } = setUp({
      start: () => {
        throw new Error('no more threads');
      },
    });
    expect((await thread.load()).problems).toEqual([expect.stringContaining('no more threads')]);
  });

  /** In a process of its own: a recursion that meets the end of the stack ends the process on some versions of V8. */
  it.each([
    ['brackets', '[', 4_000],
    ['hyphens', '- ', 12_000],
    ['question marks', '? ', 12_000],
    ['keys', 'a: ', 12_000],
  ])('survives texts nested by thousands of %s, one after the other', (_what, step, count) => {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-load-'));
    const file = join(directory, 'countersign.yaml');
    writeFileSync(file, `${step.repeat(count)}\n`);
    const program = `import('./dist/src/serve/reload/load-thread.js').then(async ({ LoadThread }) => {
      const thread = new LoadThread(${JSON.stringify(file)});
      for (let time = 0; time < 3; time++) console.log((await thread.load()).problems.join());
      await thread.close();
    });`;
    const { status, stdout } = spawnSync(process.execPath, ['--eval', program], { encoding: 'utf8' });
    rmSync(directory, { recursive: true });
    const problem = `${file}:1: is nested too deeply: more than 64 levels — write a flatter file\n`;
    expect([status, stdout]).toEqual([0, problem.repeat(3)]);
  });
});
