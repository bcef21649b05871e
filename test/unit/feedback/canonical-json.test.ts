import { canonicalize, canonicalizeMember } from '../../../src/feedback/canonical-json.js';
import { pythonFloat } from '../../../src/feedback/canonical-scalars.js';
import type { JsonFault } from '../../../src/json/faults.js';

function canonical(text: string): string {
  const result = canonicalize(Buffer.from(text));
  if (!result.ok) throw new Error(`${result.fault} at ${result.offset}`);
  return Buffer.from(result.canonical).toString('latin1');
}

describe('canonicalize', () => {
  test.each([
    ['drops white space', ' { "a" : [ 1 , 2 , { } , [ ] ] } \n', '{"a":[1,2,{},[]]}'],
    ['sorts names at every depth', '[{"b":{"d":1,"c":2},"a":3}]', '[{"a":3,"b":{"c":2,"d":1}}]'],
    ['puts a name before those that it begins', '{"ab":1,"a":2,"":3}', '{"":3,"a":2,"ab":1}'],
    ['sorts by code point, not by UTF-16 unit', '{"😀":1,"\uffff":2}', '{"\\uffff":2,"\\ud83d\\ude00":1}'],
    [
      'sorts an escaped pair as its character, and lone surrogates below it',
      '{"\\ud83d\\ude00":1,"\\ue000":2,"\\udc00":3,"\\ud800":4}',
      '{"\\ud800":4,"\\udc00":3,"\\ue000":2,"\\ud83d\\ude00":1}',
    ],
    ['sorts by the unescaped name', '{"\\u0062":1,"a":2,"\\u0063":3}', '{"a":2,"b":1,"c":3}'],
    ['sorts capitals first', '{"a":1,"B":2,"_":3,"1":4}', '{"1":4,"B":2,"_":3,"a":1}'],
    ['keeps the order of elements', '[3,1,2]', '[3,1,2]'],
    ['escapes every character above ASCII', '"é漢😀\u2028"', '"\\u00e9\\u6f22\\ud83d\\ude00\\u2028"'],
    ['escapes DEL', '"a\u007fb"', '"a\\u007fb"'],
    ['writes hex digits in lower case', '"\\u00E9\\uABCD"', '"\\u00e9\\uabcd"'],
    ['uses the short escapes that there are', '"\\u0008\\u0009\\u000a\\u000c\\u000d"', '"\\b\\t\\n\\f\\r"'],
    ['writes other control characters in hex', '"\\u0000\\u001F\\u000b"', '"\\u0000\\u001f\\u000b"'],
    ['does not escape a slash', '"\\/a\\u002f"', '"/a/"'],
    ['unescapes what is printable ASCII', '"\\u0041\\u0020\\u007e"', '"A ~"'],
    ['escapes quotes and backslashes, however they came', '"\\"\\u0022\\\\\\u005c"', '"\\"\\"\\\\\\\\"'],
    ['keeps lone surrogates', '"\\ud800x\\uDC00\\ud83d"', '"\\ud800x\\udc00\\ud83d"'],
    ['keeps an integer beyond 2^53 exact', '12345678901234567890123', '12345678901234567890123'],
    ['prints minus zero as the integer that it is', '[-0,0,-1]', '[0,0,-1]'],
    ['keeps literals', '[true,false,null]', '[true,false,null]'],
  ])('%s', (_name, text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  test('keeps an integer of 4,300 digits exact', () => {
    const digits = '-9'.padEnd(4301, '8');
    expect(canonical(` ${digits} `)).toBe(digits);
  });

  test('sorts many members', () => {
    const names = Array.from({ length: 500 }, (_, index) => `"${String(index).padStart(4, '0')}"`);
    const text = `{${names
      .toReversed()
      .map((name) => `${name}: {"b":${name},"a":[]}`)
      .join(' , ')}}`;
    expect(canonical(text)).toBe(`{${names.map((name) => `${name}:{"a":[],"b":${name}}`).join(',')}}`);
  });

  test('makes room for text that grows', () => {
    expect(canonical(JSON.stringify('\u007f'.repeat(5_000)))).toBe(`"${'\\u007f'.repeat(5_000)}"`);
    expect(canonical(`[${Array(5_000).fill('1e15').join()}]`)).toBe(
      `[${Array(5_000).fill('1000000000000000.0').join()}]`,
    );
  });

  test.each<[string, string, JsonFault, number]>([
    ['duplicate names, by an escape', '{"a":1,"\\u0061":2}', 'duplicate_member', 7],
    ['NaN', '[NaN]', 'invalid_literal', 1],
    ['Infinity', 'Infinity', 'invalid_literal', 0],
    ['a float that overflows', '[1e309]', 'float_overflow', 1],
    ['an integer over 4,300 digits', '1'.repeat(4301), 'integer_too_long', 0],
    ['a byte-order mark', '\ufeff{}', 'byte_order_mark', 0],
    ['depth over 64', '['.repeat(65) + ']'.repeat(65), 'too_deep', 64],
    ['nothing', '', 'empty', 0],
    ['a second value', '1 2', 'trailing_bytes', 2],
    ['an object that stays open', '{"a":1', 'unexpected_end', 6],
  ])('refuses %s', (_name, text, fault, offset) => {
    expect(canonicalize(Buffer.from(text))).toEqual({ ok: false, fault, offset });
    expect(canonicalizeMember(Buffer.from(text), '/a')).toEqual({ ok: false, fault, offset });
  });

  test('refuses invalid UTF-8', () => {
    expect(canonicalize(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))).toMatchObject({
      fault: 'invalid_utf8',
    });
  });
});

describe('a float', () => {
  test.each([
    ['1.0', '1.0'],
    ['1e0', '1.0'],
    ['-0.0', '-0.0'],
    ['0e5', '0.0'],
    ['-1e-400', '-0.0'],
    ['1e5', '100000.0'],
    ['100.50', '100.5'],
    ['0.100', '0.1'],
    ['5.000', '5.0'],
    ['1e-7', '1e-07'],
    ['1.5E-7', '1.5e-07'],
    ['-0.00001', '-1e-05'],
    ['0.0001', '0.0001'],
    ['0.00012345', '0.00012345'],
    ['1e15', '1000000000000000.0'],
    ['9999999999999998.0', '9999999999999998.0'],
    ['1e16', '1e+16'],
    ['10000000000000000.0', '1e+16'],
    ['123456789012345678.0', '1.2345678901234568e+17'],
    ['1e22', '1e+22'],
    ['1e100', '1e+100'],
    ['5e-324', '5e-324'],
    ['-2.2250738585072014e-308', '-2.2250738585072014e-308'],
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['0.30000000000000004', '0.30000000000000004'],
    ['0.1000000000000000055511151231257827', '0.1'],
    ['999999999999.999', '999999999999.999'],
    ['-99999999999.9990', '-99999999999.999'],
  ])('%s is printed as %s', (lexeme, expected) => {
    expect(canonical(lexeme)).toBe(expected);
    expect(canonical(` [ ${lexeme} , 0 ] `)).toBe(`[${expected},0]`);
    expect(pythonFloat(Number(lexeme))).toBe(expected);
  });
});

describe('canonicalizeMember', () => {
  const text = Buffer.from(
    '{"x":{"data":[0]}, "data" : [ {"b":1,"a":2.50} ] ,"s":"\\u0041","e":{"data":{"d":null}}}',
  );

  function member(pointer: string, document = text) {
    const result = canonicalizeMember(document, pointer);
    if (!result.ok) throw new Error(result.fault);
    if (result.member === undefined) return undefined;
    const { canonical: bytes, start, end } = result.member;
    return [Buffer.from(bytes).toString('latin1'), document.toString('utf8', start, end)];
  }

  test.each([
    ['/data', '[{"a":2.5,"b":1}]', '[ {"b":1,"a":2.50} ]'],
    ['/x/data', '[0]', '[0]'],
    ['/s', '"A"', '"\\u0041"'],
    ['/e/data/d', 'null', 'null'],
    ['/e', '{"data":{"d":null}}', '{"data":{"d":null}}'],
  ])('%s is the value of that member alone, with its place', (pointer, expected, source) => {
    expect(member(pointer)).toEqual([expected, source]);
  });

  test('the empty pointer is the whole value', () => {
    expect(member('', Buffer.from(' [1, 2] '))).toEqual(['[1,2]', '[1, 2]']);
    expect(member('', Buffer.from('7'))).toEqual(['7', '7']);
  });

  test.each([
    ['/nothing', '{"a":1}'],
    ['/a/b', '{"a":1,"b":2}'],
    ['/a/b', '{"a":{},"c":{"b":1}}'],
    ['/a/b', '{"a":[{"b":1}]}'],
    ['/a/b', '{"x":{"a":{"b":1}}}'],
    ['/a/b', '{"a":{"x":{"b":1}}}'],
    ['/data', '[{"data":1}]'],
    ['/0', '[1]'],
    ['/data', '"data"'],
  ])('%s is in %s not', (pointer, document) => {
    expect(member(pointer, Buffer.from(document))).toBeUndefined();
  });

  test('a name spelt with escapes is found', () => {
    expect(member('/data', Buffer.from('{"\\u0064ata":1}'))).toEqual(['1', '1']);
  });

  test('a fault after the member is a failure all the same', () => {
    expect(canonicalizeMember(Buffer.from('{"data":[1],"x":01}'), '/data')).toMatchObject({ ok: false });
    expect(canonicalizeMember(Buffer.from('{"data":[1],"data":[1]}'), '/data')).toMatchObject({
      fault: 'duplicate_member',
    });
    expect(canonicalizeMember(Buffer.from('{"data":[1]}x'), '/data')).toMatchObject({
      fault: 'trailing_bytes',
    });
  });

  test('a pointer that is not RFC 6901 is a defect', () => {
    expect(() => canonicalizeMember(text, 'data')).toThrow(TypeError);
  });
});
