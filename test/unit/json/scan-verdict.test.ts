import type { JsonFault } from '../../../src/json/faults.js';
import { compileSelection, scanJson } from '../../../src/json/scan.js';

const nothing = compileSelection({ pointers: [], closedObjects: [] });

function bytesOf(text: string | readonly number[]): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : Uint8Array.from(text);
}

/** A string document around raw bytes. */
function quoted(...content: number[]): number[] {
  return [0x22, ...content, 0x22];
}

const VALID: readonly (readonly [name: string, text: string])[] = [
  ['an empty object', '{}'],
  ['an empty array', '[]'],
  ['a string alone', '"a"'],
  ['an empty string', '""'],
  ['zero', '0'],
  ['minus zero', '-0'],
  ['a fraction', '0.5'],
  ['an exponent with a plus', '1E+2'],
  ['an exponent with leading zeros', '1e007'],
  ['the greatest double', '1.7976931348623157e308'],
  ['a float that underflows to zero', '1e-99999'],
  ['zero with a huge exponent', '0e99999'],
  ['a float of 5,000 digits', `1.${'3'.repeat(5000)}`],
  ['an integer of 4,300 digits', '9'.repeat(4300)],
  ['a negative integer of 4,300 digits', `-${'9'.repeat(4300)}`],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
  ['all white space of the RFC', ' \t\r\n[ \t\r\n1 \t\r\n, 2 ]\n'],
  ['white space around names and colons', '{ "a" : 1 , "b" : 2 }'],
  ['every short escape', '"\\"\\\\\\/\\b\\f\\n\\r\\t"'],
  ['hex digits of both cases', '"\\uabCD\\u00eF"'],
  ['an escaped surrogate pair', '"\\ud83d\\ude00"'],
  ['a lone high surrogate escape', '"\\ud800"'],
  ['a lone low surrogate escape', '"\\udc00x"'],
  ['DEL', '"\u007f"'],
  ['two-byte, three-byte and four-byte characters', '"é漢\uffff😀\u{10ffff}"'],
  ['a byte-order mark inside a string', '"\ufeff"'],
  ['the line separator U+2028', '"\u2028"'],
  ['an empty name', '{"":1}'],
  ['names that differ in case', '{"a":1,"A":2}'],
  ['one name in two objects', '[{"a":1},{"a":2}]'],
  ['one name at two depths', '{"a":{"a":{"a":1}},"b":1}'],
  ['names that differ in a lone surrogate', '{"\\ud800":1,"\\ud801":2,"\\udc00":3}'],
  ['a lone surrogate and the bytes of another encoding', '{"\\ud800":1,"\u00ed\u00a0\u0080":2}'],
  ['__proto__ and constructor as names', '{"__proto__":1,"constructor":2,"prototype":3}'],
  ['64 arrays', '['.repeat(64) + ']'.repeat(64)],
  ['64 objects', `${'{"a":'.repeat(63)}{}${'}'.repeat(63)}`],
  [
    '64 levels again and again',
    `[${Array.from({ length: 9 }, () => '['.repeat(63) + ']'.repeat(63)).join()}]`,
  ],
];

const INVALID: readonly (readonly [string, string | readonly number[], JsonFault, number])[] = [
  ['nothing', '', 'empty', 0],
  ['white space alone', ' \n\t\r', 'empty', 4],
  ['a byte-order mark', '\ufeff{}', 'byte_order_mark', 0],
  ['UTF-16', [0xff, 0xfe, 0x31, 0x00], 'invalid_utf8', 0],
  ['an overlong two-byte form', quoted(0xc0, 0xaf), 'invalid_utf8', 1],
  ['an overlong two-byte form of a letter', quoted(0xc1, 0x81), 'invalid_utf8', 1],
  ['an overlong three-byte form', quoted(0xe0, 0x9f, 0xbf), 'invalid_utf8', 1],
  ['an overlong four-byte form', quoted(0xf0, 0x8f, 0xbf, 0xbf), 'invalid_utf8', 1],
  ['an encoded high surrogate', quoted(0xed, 0xa0, 0x80), 'invalid_utf8', 1],
  ['an encoded low surrogate', quoted(0xed, 0xbf, 0xbf), 'invalid_utf8', 1],
  ['a code point above U+10FFFF', quoted(0xf4, 0x90, 0x80, 0x80), 'invalid_utf8', 1],
  ['a lead byte above 0xf4', quoted(0xf5, 0x80, 0x80, 0x80), 'invalid_utf8', 1],
  ['a stray continuation byte', quoted(0x61, 0x80), 'invalid_utf8', 2],
  ['a sequence cut by the quote', quoted(0xe6, 0xbc), 'invalid_utf8', 1],
  ['a sequence cut by the end', [0x22, 0xf0, 0x9f, 0x98], 'invalid_utf8', 1],
  ['invalid UTF-8 in a name', [0x7b, 0x22, 0xc3, 0x28, 0x22], 'invalid_utf8', 2],
  ['an object cut after a comma', '{"a":1,', 'unexpected_end', 7],
  ['invalid UTF-8 between values', [0x5b, 0xc3, 0x5d], 'invalid_utf8', 1],
  ['invalid UTF-8 after the value', [0x31, 0x20, 0xff], 'trailing_bytes', 2],
  ['a raw line feed in a string', '"a\nb"', 'control_character', 2],
  ['a raw NUL in a string', '"a\u0000"', 'control_character', 2],
  ['a raw U+001F in a name', '{"\u001f":1}', 'control_character', 2],
  ['an unknown escape', '"\\x41"', 'invalid_escape', 1],
  ['an escaped quote in single quotes', '"\\\'"', 'invalid_escape', 1],
  ['a \\u escape of three digits', '"\\u12"', 'invalid_escape', 1],
  ['a \\u escape with a sign', '"\\u+123"', 'invalid_escape', 1],
  ['a \\u escape with a letter past f', '"\\u00g0"', 'invalid_escape', 1],
  ['an upper-case \\U escape', '"\\U0041"', 'invalid_escape', 1],
  ['a string without its end', '"abc', 'unexpected_end', 4],
  ['a string that ends in a backslash', '"abc\\', 'invalid_escape', 4],
  ['NaN', 'NaN', 'invalid_literal', 0],
  ['Infinity in an array', '[Infinity]', 'invalid_literal', 1],
  ['minus Infinity', '-Infinity', 'invalid_number', 1],
  ['a literal in capitals', 'True', 'invalid_literal', 0],
  ['a literal that is cut', 'tru', 'unexpected_end', 3],
  ['a literal that goes on', 'nulll', 'trailing_bytes', 4],
  ['a misspelt literal', '[fals0]', 'invalid_literal', 5],
  ['undefined', 'undefined', 'invalid_literal', 0],
  ['a leading zero', '01', 'invalid_number', 0],
  ['a leading zero after a minus', '[-00]', 'invalid_number', 2],
  ['a leading plus', '+1', 'unexpected_byte', 0],
  ['a lone minus', '-', 'unexpected_end', 1],
  ['a point without an integer', '.5', 'unexpected_byte', 0],
  ['a point without a fraction', '[1.]', 'invalid_number', 3],
  ['an exponent without digits', '[1e]', 'invalid_number', 3],
  ['an exponent that is a sign', '1e+', 'unexpected_end', 3],
  ['a hexadecimal number', '0x10', 'trailing_bytes', 1],
  ['a number with underscores', '1_000', 'trailing_bytes', 1],
  ['a float that overflows', '[1e999]', 'float_overflow', 1],
  ['a negative float that overflows', '-1.8e308', 'float_overflow', 0],
  ['a float that overflows without an exponent', `${'9'.repeat(310)}.0`, 'float_overflow', 0],
  ['an exponent of 400 digits', `1e${'9'.repeat(400)}`, 'float_overflow', 0],
  ['an integer of 4,301 digits', `[-${'1'.repeat(4301)}]`, 'integer_too_long', 1],
  ['a trailing comma in an array', '[1,]', 'trailing_comma', 2],
  ['a trailing comma in an object', '{"a":1, }', 'trailing_comma', 6],
  ['a comma alone', '[,]', 'unexpected_byte', 1],
  ['a comma between names and nothing', '{,}', 'unexpected_byte', 1],
  ['two commas', '[1,,2]', 'unexpected_byte', 3],
  ['a missing comma', '[1 2]', 'unexpected_byte', 3],
  ['a missing colon', '{"a" 1}', 'unexpected_byte', 5],
  ['a missing value', '{"a":}', 'unexpected_byte', 5],
  ['a name without quotes', '{a:1}', 'unexpected_byte', 1],
  ['a name in single quotes', "{'a':1}", 'unexpected_byte', 1],
  ['a number as a name', '{1:1}', 'unexpected_byte', 1],
  ['a bracket closed by a brace', '[1}', 'unexpected_byte', 2],
  ['a brace closed by a bracket', '{"a":1]', 'unexpected_byte', 6],
  ['an array that stays open', '[[1]', 'unexpected_end', 4],
  ['an object that stays open', '{"a":1', 'unexpected_end', 6],
  ['a second value', '{}{}', 'trailing_bytes', 2],
  ['a NUL after the value', '1\u0000', 'trailing_bytes', 1],
  ['a comment', '/* */1', 'unexpected_byte', 0],
  ['a no-break space', '\u00a01', 'unexpected_byte', 0],
  ['a form feed', '\f1', 'unexpected_byte', 0],
  ['a vertical tab after the value', '1\u000b', 'trailing_bytes', 1],
  ['a duplicate name', '{"a":1,"a":1}', 'duplicate_member', 7],
  ['a duplicate name by an escape', '{"a":1,"\\u0061":2}', 'duplicate_member', 7],
  ['a duplicate name, the first one escaped', '{"\\u0061":1,"a":2}', 'duplicate_member', 12],
  ['a duplicate name by an escaped pair', '{"😀":1,"\\ud83d\\uDE00":2}', 'duplicate_member', 10],
  ['a duplicate name of one lone surrogate', '{"\\ud800":1,"\\uD800":2}', 'duplicate_member', 12],
  ['a duplicate name by an escaped slash', '{"/":1,"\\/":2}', 'duplicate_member', 7],
  ['a duplicate empty name', '{"":1,"":2}', 'duplicate_member', 6],
  ['a duplicate name deep inside', '[{"x":[{"b":1,"c":{"d":{}},"b":2}]}]', 'duplicate_member', 27],
  ['a duplicate of __proto__', '{"__proto__":1,"__proto__":2}', 'duplicate_member', 15],
  ['65 arrays', '['.repeat(65) + ']'.repeat(65), 'too_deep', 64],
  ['65 objects', `${'{"a":'.repeat(64)}{}${'}'.repeat(64)}`, 'too_deep', 320],
];

describe('a document that is accepted', () => {
  test.each(VALID)('%s', (_name, text) => {
    expect(scanJson(bytesOf(text), nothing)).toMatchObject({ ok: true });
  });
});

describe('a document that is refused', () => {
  test.each(INVALID)('%s', (_name, text, fault, offset) => {
    expect(scanJson(bytesOf(text), nothing)).toEqual({ ok: false, fault, offset });
  });

  test('any valid one with its last byte missing, where a number does not end it', () => {
    const cut = VALID.map(([, text]) => text.trimEnd()).filter((text) => !/[0-9]$/.test(text));
    for (const text of cut) {
      expect(scanJson(Buffer.from(text).subarray(0, -1), nothing)).toMatchObject({ ok: false });
    }
  });
});

describe('many names in one object', () => {
  const names = Array.from({ length: 2_000 }, (_, index) => `"${index}"`);

  test('are accepted when they differ', () => {
    const text = `{${names.map((name) => `${name}:1`).join(',')}}`;
    expect(scanJson(bytesOf(text), nothing)).toMatchObject({ ok: true });
  });

  test.each([0, 31, 32, 33, 1_999])('are refused when name %i comes again at the end', (repeated) => {
    const text = `{${[...names, `"\\u0030${names[repeated]!.slice(1)}`, names[repeated]!].map((name) => `${name}:1`).join(',')}}`;
    expect(scanJson(bytesOf(text), nothing)).toMatchObject({ ok: false, fault: 'duplicate_member' });
  });

  test('do not leak from an inner object that outgrew the lists into the outer one', () => {
    const inner = `{${names.map((name) => `${name}:1`).join(',')}}`;
    expect(scanJson(bytesOf(`{"a":${inner},"0":${inner},"1":1}`), nothing)).toMatchObject({ ok: true });
    expect(scanJson(bytesOf(`{"a":${inner},"0":1,"a":1}`), nothing)).toMatchObject({
      fault: 'duplicate_member',
    });
  });

  test('are told apart when their hashes collide', () => {
    // 31 * 'A' + 'a' is 31 * 'B' + 'B'.
    expect(scanJson(bytesOf('{"Aa":1,"BB":2,"AaAa":3,"AaBB":4,"BBAa":5,"BBBB":6}'), nothing).ok).toBe(true);
    expect(scanJson(bytesOf('{"Aa":1,"BB":2,"Aa":3}'), nothing).ok).toBe(false);
  });
});
