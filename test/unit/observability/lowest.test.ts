import { jest } from '@jest/globals';
import { lowest } from '../../../src/observability/lowest.js';

it('gives so many of the lowest rank, and of one rank the earlier', () => {
  const items = ['b2', 'a1', 'c2', 'd0', 'e1'];
  const rankOf = (item: string): number => Number(item[1]);
  expect(lowest(items, 4, rankOf)).toEqual(['d0', 'a1', 'e1', 'b2']);
  expect(lowest(items, 9, rankOf)).toEqual(['d0', 'a1', 'e1', 'b2', 'c2']);
  expect(items[0]).toBe('b2');
});

it('ranks each once, and takes ranks without an end', () => {
  const rankOf = jest.fn((item: number) => item);
  expect(lowest([Infinity, 2, Infinity, -Infinity], 4, rankOf)).toEqual([-Infinity, 2, Infinity, Infinity]);
  expect(rankOf).toHaveBeenCalledTimes(4);
});
