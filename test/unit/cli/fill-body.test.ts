import { fillBody } from '../../../src/cli/fill-body.js';

const values = { timestampSeconds: 1_764_000_000, nonce: 'abcdefgh' };

function fill(text: string): string {
  const result = fillBody(Buffer.from(text), values);
  return result.ok ? Buffer.from(result.body).toString() : `refused: it ${result.reason}`;
}

describe('fillBody', () => {
  it.each([
    [
      'replaces both where they stand',
      '{"nonce":"x","timestamp":1}',
      '{"nonce":"abcdefgh","timestamp":1764000000}',
    ],
    [
      'replaces values of other types',
      '{"nonce":null,"timestamp":"1"}',
      '{"nonce":"abcdefgh","timestamp":1764000000}',
    ],
    ['adds what is missing', '{"a":1,"nonce":""}', '{"timestamp":1764000000,"a":1,"nonce":"abcdefgh"}'],
    ['fills an empty object', '{ }', '{"timestamp":1764000000,"nonce":"abcdefgh" }'],
    [
      'refuses a float that overflows',
      ' {\r\n "timestamp" : 0 , "f":1.0, "g":1e400000000000000000000,"nonce":"é" }\n',
      'refused: it is not acceptable JSON: float_overflow',
    ],
    [
      'keeps white space, floats, escapes and great integers',
      ' {\r\n "timestamp" : 0 , "f":1.0, "é\\u00e9":12345678901234567890,"nonce":"é" }\n',
      ' {\r\n "timestamp" : 1764000000 , "f":1.0, "é\\u00e9":12345678901234567890,"nonce":"abcdefgh" }\n',
    ],
    [
      'knows a name that is written with escapes',
      '{"\\u006eonce":"x","timestamp":1}',
      '{"\\u006eonce":"abcdefgh","timestamp":1764000000}',
    ],
    [
      'does not touch members further down',
      '{"timestamp":1,"nonce":"x","p":{"nonce":"y","timestamp":2},"l":[{"nonce":"z"}]}',
      '{"timestamp":1764000000,"nonce":"abcdefgh","p":{"nonce":"y","timestamp":2},"l":[{"nonce":"z"}]}',
    ],
    ['refuses an array', '[]', 'refused: it is JSON, but no object'],
    ['refuses a text', '"x"', 'refused: it is JSON, but no object'],
    ['refuses what is no JSON', '{"a":}', 'refused: it is not acceptable JSON: unexpected_byte'],
    [
      'refuses a member twice',
      '{"nonce":1,"nonce":2}',
      'refused: it is not acceptable JSON: duplicate_member',
    ],
    [
      'refuses a nonce that is an object',
      '{"nonce":{}}',
      'refused: it has a "nonce" that is an object or array',
    ],
    ['refuses an empty body', '', 'refused: it is not acceptable JSON: empty'],
  ])('%s', (_title, text, expected) => {
    expect(fill(text)).toBe(expected);
  });
});
