/** What arrives in one turn is handled at its end, in batches with a bound. */
import { TurnBatcher, type TurnBatcherOptions } from '../../../src/storage/turn-batcher.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A batcher of numbers, and the batches that it has given. */
function recorded(options: Partial<TurnBatcherOptions<number>> = {}): {
  readonly batcher: TurnBatcher<number>;
  readonly batches: number[][];
} {
  const batches: number[][] = [];
  const handle = (batch: readonly number[]): boolean => batches.push([...batch]) > 0;
  return { batcher: new TurnBatcher({ handle, ...options }), batches };
}

it('gives what came in one turn together, in order', async () => {
  const { batcher, batches } = recorded();
  for (const item of [1, 2, 3]) batcher.add(item);
  expect(batches).toEqual([]);
  await turn();
  batcher.add(4);
  await turn();
  expect(batches).toEqual([[1, 2, 3], [4]]);
  expect(batcher.size).toBe(0);
});

it('leaves what is over the bound to the next turn', async () => {
  const { batcher, batches } = recorded({ maxItems: 2 });
  for (const item of [1, 2, 3]) batcher.add(item);
  await turn();
  expect(batches).toEqual([[1, 2]]);
  await turn();
  expect(batches).toEqual([[1, 2], [3]]);
});

it('gives again what could not be decided, with what has come after it', async () => {
  const answers = [false, true];
  const batches: number[][] = [];
  const batcher = new TurnBatcher<number>({
    handle: (batch) => {
      batches.push([...batch]);
      return answers.shift() ?? true;
    },
  });
  batcher.add(1);
  await turn();
  batcher.add(2);
  await turn();
  expect(batches).toEqual([[1], [1, 2]]);
});

it('gathers while every turn brings more, up to the bound, and no longer', async () => {
  const { batcher, batches } = recorded({ gatherItems: 3 });
  batcher.add(1);
  await turn();
  batcher.add(2);
  await turn();
  expect(batches).toEqual([]);
  batcher.add(3);
  await turn();
  expect(batches).toEqual([[1, 2, 3]]);
  batcher.add(4);
  await turn();
  await turn();
  expect(batches).toEqual([[1, 2, 3], [4]]);
});

it('runs a turn with nothing where it is asked to, and none after it was flushed', async () => {
  const { batcher, batches } = recorded();
  batcher.schedule();
  await turn();
  expect(batches).toEqual([[]]);
  batcher.add(1);
  batcher.flush();
  expect(batches).toEqual([[], [1]]);
  await turn();
  expect(batches).toEqual([[], [1]]);
});
