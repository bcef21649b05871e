import fc from 'fast-check';
import { nearestOf } from '../../../../src/config/document/edit-distance.js';

const known = ['policies', 'freshness', 'maxBodyBytes', 'operators', 'kid', 'version'];

describe('the nearest known word', () => {
  test.each([
    ['freshnes', 'freshness'],
    ['frehsness', 'freshness'],
    ['max_body_bytes', 'maxBodyBytes'],
    ['MAXBODYBYTES', 'maxBodyBytes'],
    ['operator', 'operators'],
    ['kidd', 'kid'],
    ['policy', 'policies'],
    ['Polcy', 'policies'],
  ])('to %s is %s', (word, expected) => {
    expect(nearestOf(known, word)).toBe(expected);
  });

  test.each(['telepathy', '', 'xyz', 'v'.repeat(65)])('to %j is none', (word) => {
    expect(nearestOf(known, word)).toBeUndefined();
  });

  test('is always one of the known words, or none', () => {
    fc.assert(fc.property(fc.string(), (word) => [...known, undefined].includes(nearestOf(known, word))));
  });
});
