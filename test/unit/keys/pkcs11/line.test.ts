import { Line } from '../../../../src/keys/pkcs11/line.js';

const waiting = (key: string, id: number) => ({ key, id });

describe('those who wait for a token', () => {
  it('take turns by key, and come in order within one', () => {
    const line = new Line<{ key: string; id: number }>();
    for (const id of [1, 2, 3]) line.add(waiting('busy', id));
    line.add(waiting('other', 4));
    expect(Array.from({ length: 5 }, () => line.take()?.id)).toEqual([1, 4, 2, 3, undefined]);
  });

  it('are bounded by key: one that is full takes no place of another', () => {
    const line = new Line<{ key: string; id: number }>();
    const taken = Array.from({ length: 300 }, (_, id) => line.add(waiting('busy', id)));
    expect(taken.filter(Boolean)).toHaveLength(256);
    expect(line.add(waiting('other', 0))).toBe(true);
  });

  it('may leave, and may be put back before the others of their key', () => {
    const line = new Line<{ key: string; id: number }>();
    const [first, second, third] = [1, 2, 3].map((id) => waiting('key', id)) as [never, never, never];
    line.add(second);
    line.add(third);
    line.putBack(first);
    line.remove(second);
    line.remove(second);
    expect([line.take(), line.take(), line.take()]).toEqual([first, third, undefined]);
  });
});
