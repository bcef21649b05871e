import { LayeredMap } from '../../../../src/serve/key-sets/layered-map.js';

const base = new Map([
  ['a', 1],
  ['b', 2],
  ['c', 3],
]);
const map = new LayeredMap(base, new Map([['b', 20]]));
const MEMBERS = [
  ['a', 1],
  ['b', 20],
  ['c', 3],
];

test('a layered map is the map below with some values of others, in its order, whichever way it is read', () => {
  expect([map.size, map.get('a'), map.get('b'), map.get('d')]).toEqual([3, 1, 20, undefined]);
  expect([map.has('b'), map.has('d')]).toEqual([true, false]);
  expect([...map]).toEqual(MEMBERS);
  expect([...map.entries()]).toEqual(MEMBERS);
  expect([...map.keys()]).toEqual(['a', 'b', 'c']);
  expect([...map.values()]).toEqual([1, 20, 3]);
  const told: unknown[] = [];
  map.forEach((value, key, whole) => told.push([key, value, whole === map]));
  expect(told).toEqual(MEMBERS.map((member) => [...member, true]));
  expect([...base.values()]).toEqual([1, 2, 3]);
});
