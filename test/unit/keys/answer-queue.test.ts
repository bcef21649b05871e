import { AnswerQueue } from '../../../src/keys/answer-queue.js';

const roomy = { messages: 4, bytes: 1_000, milliseconds: 60_000 };

function filled(bounds = roomy) {
  const queue = new AnswerQueue(bounds);
  const refused: string[] = [];
  const add = (tenant: string, name: string, bytes = 1): void =>
    queue.add({
      message: Buffer.alloc(bytes),
      tenant,
      settle: () => undefined,
      refuse: (answer) => void refused.push(`${name}: ${answer.ok ? '' : answer.reason}`),
    });
  return { queue, add, refused };
}

const tenants = (queue: AnswerQueue): string[] => {
  const all: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) all.push(next.tenant);
  return all;
};

test('tenants take turns', () => {
  const { queue, add } = filled();
  for (const name of ['1', '2', '3']) add('a', name);
  add('b', '1');
  expect(tenants(queue)).toEqual(['a', 'b', 'a', 'a']);
  expect(queue.length).toBe(0);
});

test('when it is full, whoever has most in it gives way, with what came last', () => {
  const { queue, add, refused } = filled();
  for (const name of ['1', '2', '3', '4']) add('a', name);
  add('b', 'b1');
  add('c', 'c1');
  add('a', 'a5');
  expect(refused.map((text) => text.split(':')[0])).toEqual(['4', '3', 'a5']);
  expect(tenants(queue)).toEqual(['a', 'b', 'c', 'a']);
});

test('bytes are bounded, and one message always fits', () => {
  const { queue, add, refused } = filled({ ...roomy, bytes: 10 });
  add('a', 'large', 11);
  expect(refused).toEqual([]);
  add('b', 'small', 1);
  expect(refused).toHaveLength(1);
  expect(queue.length).toBe(1);
});

test('what waits too long is told, and what is left keeps its turn', async () => {
  const { queue, add, refused } = filled({ ...roomy, milliseconds: 1 });
  add('a', 'late');
  await new Promise((resolve) => {
    queue.add({ message: Buffer.alloc(1), tenant: 'b', settle: resolve, refuse: resolve });
  });
  expect(refused).toEqual(['late: did not come to it in time']);
  expect(queue.length).toBe(0);
  expect(queue.next()).toBeUndefined();
});

test('all that wait can be refused at once', () => {
  const { queue, add, refused } = filled();
  add('a', '1');
  add('b', '2');
  queue.refuse({ ok: false, fault: 'away', reason: 'gone' });
  expect(refused).toEqual(['1: gone', '2: gone']);
});
