import fc from 'fast-check';
import { onlyElementHash } from '../../../../src/verify/checks/peer-certificate.js';

const HASH = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);

describe('the hash of the nearest hop', () => {
  it.each([
    ['a hash alone', `Hash=${HASH}`],
    ['upper-case digits', `Hash=${HASH.toUpperCase()}`],
    ['a name in another case', `HASH=${HASH}`],
    ['the fields of SANITIZE_SET', `By=spiffe://a/b;Hash=${HASH};Subject="CN=x,O=y";URI=spiffe://c;DNS=d`],
    ['a subject with separators and escaped quotes', `Subject="a\\";Hash=${OTHER},\\"b";Hash=${HASH}`],
    ['a backslash before a closing quote', `Subject="a\\\\";Hash=${HASH}`],
    ['spaces around its pairs', `By=a; Hash=${HASH} ;URI=b`],
    ['a hash of a client inside quotes only', `By="Hash=${OTHER}";Hash=${HASH}`],
  ])('is found with %s', (_title, header) => {
    expect(onlyElementHash(header)).toBe(HASH);
  });

  it.each([
    ['nothing', ''],
    ['no hash', 'By=a;URI=b'],
    ['a hash in an earlier element only', `Hash=${HASH},By=a`],
    ['several elements, of which a URI SAN may have written the last', `Hash=${OTHER};URI=x,Hash=${HASH}`],
    ['an empty last element', `Hash=${HASH},`],
    ['two hashes', `Hash=${HASH};Hash=${HASH}`],
    ['two hashes in different cases of the name', `Hash=${HASH};hash=${OTHER}`],
    ['a short hash', `Hash=${HASH.slice(1)}`],
    ['a long hash', `Hash=${HASH}0`],
    ['a hash in quotes', `Hash="${HASH}"`],
    ['a second, malformed hash', `Hash=${HASH};Hash=x`],
    ['a hash with a colon', `Hash=ab:${HASH.slice(2)}`],
    ['an open quote', `Hash=${HASH};Subject="CN=x`],
    ['an open quote before it', `Subject="CN=x;Hash=${HASH}`],
    ['a hash inside a quoted subject only', `Subject="a;Hash=${HASH}"`],
    ['a name that ends in hash', `NoHash=${HASH}`],
  ])('is not found in %s', (_title, header) => {
    expect(onlyElementHash(header)).toBeUndefined();
  });

  it('never throws, and gives 64 lower-case digits or nothing', () => {
    const piece = fc.constantFrom(
      'Hash=',
      HASH,
      HASH.toUpperCase(),
      '"',
      '\\',
      ';',
      ',',
      ' ',
      'By=',
      'é',
      '\0',
    );
    const header = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(fc.property(header, (text) => /^[0-9a-f]{64}$/.test(onlyElementHash(text) ?? HASH)));
  });
});
