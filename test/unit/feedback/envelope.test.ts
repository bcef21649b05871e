import { type SignedFields, feedbackSigningInput } from '../../../src/feedback/envelope.js';

const fields: SignedFields = {
  tenant: 'tenant',
  signedAtSeconds: 1_764_000_000,
  nonce: 'nonce',
  schemaVersion: 'schema',
  kid: 'kid',
};
const data = Buffer.from('[]');

function inputOf(change: Partial<SignedFields>): string | undefined {
  const input = feedbackSigningInput({ ...fields, ...change }, data);
  return input === undefined ? undefined : Buffer.from(input).toString();
}

describe('the signing input', () => {
  test('is the fields of docs/wire-contract.md, joined by |', () => {
    expect(inputOf({})).toBe('tenant|1764000000|nonce|schema|kid|[]');
  });

  test('is UTF-8', () => {
    expect(inputOf({ tenant: 'é\u{1f600}' })).toBe('é\u{1f600}|1764000000|nonce|schema|kid|[]');
  });

  test('takes data that holds the separator', () => {
    const input = feedbackSigningInput(fields, Buffer.from('["|"]'));
    expect(Buffer.from(input!).toString()).toBe('tenant|1764000000|nonce|schema|kid|["|"]');
  });

  const texts = [
    '',
    '|',
    'a|b',
    'a\u0000',
    '\n',
    'a\u001f',
    '\u007f',
    '\u0080',
    '\u009f',
    '\ud800',
    'a\udc00',
  ];
  const names = ['tenant', 'nonce', 'schemaVersion', 'kid'] as const;
  test.each(names.flatMap((name) => texts.map((text) => [name, text] as const)))(
    'is none with the %s %j',
    (name, text) => {
      expect(inputOf({ [name]: text })).toBeUndefined();
    },
  );

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])('is none at %d', (signedAtSeconds) => {
    expect(inputOf({ signedAtSeconds })).toBeUndefined();
  });

  test('begins at 0', () => {
    expect(inputOf({ signedAtSeconds: 0 })).toContain('|0|');
  });
});
