import fc from 'fast-check';
import { nearestWord } from '../../../../src/config/document/nearest-word.js';

const known = ['freshness', 'maxBodyBytes', 'operators', 'kid', 'version'];

describe('the nearest known word', () => {
  test.each([
    ['freshnes', 'freshness'],
    ['frehsness', 'freshness'],
    ['max_body_bytes', 'maxBodyBytes'],
    ['MAXBODYBYTES', 'maxBodyBytes'],
    ['operator', 'operators'],
    ['kidd', 'kid'],
  ])('to %s is %s', (word, expected) => {
    expect(nearestWord(word, known)).toBe(expected);
  });

  test.each(['telepathy', '', 'xyz', 'v'.repeat(65)])('to %j is none', (word) => {
    expect(nearestWord(word, known)).toBeUndefined();
  });

  test('is always one of the known words, or none', () => {
    fc.assert(fc.property(fc.string(), (word) => [...known, undefined].includes(nearestWord(word, known))));
  });
});
