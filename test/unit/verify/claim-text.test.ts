import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { claimText, readClaimText } from '../../../src/verify/claim-text.js';

const KEY = Buffer.alloc(32, 7);
const TAKEN = { key: KEY, identity: 'svc-a', timestampSeconds: 1_764_000_000, slot: 'l5 x' };

describe('the text of a claim', () => {
  it('is read as it was written, whatever the names are', () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), fc.nat(), (identity, slot, at) => {
        const taken = { key: randomBytes(32), identity, timestampSeconds: at, slot };
        expect(readClaimText(claimText(taken))).toEqual(taken);
      }),
    );
  });

  it('says its version first, so that another one is not read', () => {
    const text = claimText(TAKEN);
    expect(JSON.parse(text)).toEqual([1, KEY.toString('base64url'), 1_764_000_000, 'svc-a', 'l5 x']);
    expect(readClaimText(text.replace('[1', '[2'))).toBeUndefined();
  });

  it('is not read where it was cut', () => {
    const text = claimText(TAKEN);
    for (let length = 0; length < text.length; length += 1)
      expect(readClaimText(text.slice(0, length))).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['another JSON value', '{"0":1,"length":5}'],
    ['more than five parts', JSON.stringify([1, KEY.toString('base64url'), 1, 'a', null, 1])],
    ['a key of another length', JSON.stringify([1, Buffer.alloc(31).toString('base64url'), 1, 'a', null])],
    ['a key in other letters', JSON.stringify([1, `${KEY.toString('base64url')}=`, 1, 'a', null])],
    ['a time that is no whole number', JSON.stringify([1, KEY.toString('base64url'), 1.5, 'a', null])],
    ['a name that is no text', JSON.stringify([1, KEY.toString('base64url'), 1, 5, null])],
    ['a slot that is no text', JSON.stringify([1, KEY.toString('base64url'), 1, 'a', 5])],
    ['more than it can be', `${claimText(TAKEN)}${' '.repeat(5_000)}`],
  ])('is not read from %s', (_, text) => {
    expect(readClaimText(text)).toBeUndefined();
  });
});
