import { parseHeaderLines } from '../../../src/storage/header-lines.js';

describe('headers in a file', () => {
  it('are one a line, their names in lower case', () => {
    const text = '# a token\n\nAuthorization: Bearer a b\r\nX-Scope-OrgID:\tone  \n';
    expect([...(parseHeaderLines(text) ?? [])]).toEqual([
      ['authorization', 'Bearer a b'],
      ['x-scope-orgid', 'one'],
    ]);
  });

  it.each([
    'no colon',
    ': x',
    'A b: c',
    'Host: x',
    'content-type: x',
    'A: 1\na: 2',
    'A: \u0001',
    'A:',
    'Ä: x',
  ])('are none with %j', (text) => expect(parseHeaderLines(text)).toBeUndefined());
});
