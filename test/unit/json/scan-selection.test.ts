import { type SelectionOptions, compileSelection, scanJson } from '../../../src/json/scan.js';

function scan(text: string, options: Partial<SelectionOptions>) {
  const result = scanJson(
    Buffer.from(text),
    compileSelection({ pointers: [], closedObjects: [], ...options }),
  );
  if (!result.ok) throw new Error(result.fault);
  return result;
}

function select(text: string, ...pointers: string[]) {
  const result = scan(text, { pointers });
  return pointers.map((_, index) => result.get(index));
}

describe('a selected value', () => {
  test.each([
    ['a string', '"x"', { type: 'string', value: 'x' }],
    ['an integer', '12', { type: 'integer', lexeme: '12' }],
    ['minus zero as an integer', '-0', { type: 'integer', lexeme: '-0' }],
    ['a number with a fraction as a float', '1.0', { type: 'float', lexeme: '1.0' }],
    ['a number with an exponent as a float', '-1E2', { type: 'float', lexeme: '-1E2' }],
    ['true', 'true', { type: 'boolean', value: true }],
    ['false', 'false', { type: 'boolean', value: false }],
    ['null', 'null', { type: 'null' }],
    ['an object by its type', '{"b":1}', { type: 'object' }],
    ['an array by its type', '[1]', { type: 'array' }],
  ])('is %s', (_name, text, value) => {
    expect(select(`{"a": ${text} }`, '/a')).toEqual([value]);
    expect(select(text, '')).toEqual([value]);
  });

  test.each([
    ['ASCII', '"plain text"'],
    ['escapes', '"a\\n\\"\\\\\\/\\b\\f\\r\\tz"'],
    ['non-ASCII text', '"é漢😀"'],
    ['escapes next to non-ASCII text', '"é\\u00e9漢\\n😀\\ud83d\\ude00"'],
    ['an escape at the very end', '"x\\u0041"'],
    ['lone surrogates', '"\\ud800x\\udc00\\ude00\\ud83d"'],
    ['a lone high surrogate before an astral character', '"\\ud83d😀"'],
  ])('keeps %s as JSON.parse does', (_name, text) => {
    expect(select(`[0]`, '')).toEqual([{ type: 'array' }]);
    expect(select(`{"a":${text}}`, '/a')).toEqual([{ type: 'string', value: JSON.parse(text) as string }]);
  });

  test('is read from a view into a larger buffer', () => {
    const whole = new TextEncoder().encode('garbage{"a":"é","b":7}garbage');
    const result = scanJson(
      whole.subarray(7, -7),
      compileSelection({ pointers: ['/a', '/b'], closedObjects: [] }),
    );
    expect(result.ok && [result.get(0), result.get(1)]).toEqual([
      { type: 'string', value: 'é' },
      { type: 'integer', lexeme: '7' },
    ]);
  });
});

describe('a document', () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `"n${index}":${index}`).join();
  const text = `{"o":{${names(3)}},"many":{${names(40)},"deep":[{"o":{${names(40)},"\\u0061":1}}]},"a":"x"}`;
  const selection = compileSelection({
    pointers: ['/a', '/o/n1', '/many/deep'],
    closedObjects: [{ pointer: '/o', members: ['n0', 'n1', 'n2'] }],
  });
  const judge = (bytes: Buffer) => {
    const result = scanJson(bytes, selection);
    return result.ok ? [0, 1, 2].map((index) => result.get(index)) : result;
  };

  test('is judged as the first one is, wherever the one before it was refused', () => {
    const bytes = Buffer.from(text);
    const found = judge(bytes);
    expect(found).toEqual([
      { type: 'string', value: 'x' },
      { type: 'integer', lexeme: '1' },
      { type: 'array' },
    ]);
    const twice = judge(Buffer.from('{"o":{"n0":1,"n0":2}}'));
    expect(twice).toMatchObject({ ok: false, fault: 'duplicate_member' });
    for (let length = 0; length < bytes.length; length += 1) {
      expect(judge(bytes.subarray(0, length))).toMatchObject({ ok: false });
      expect(judge(Buffer.from('{"n0":1,"deep":[{"n1":2}],"many":{"n0":1}}'))).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(judge(Buffer.from('{"o":{"n0":1,"n0":2}}'))).toEqual(twice);
      expect(judge(bytes)).toEqual(found);
    }
  });

  test('leaves what was found in the one before it as it was', () => {
    const first = scanJson(Buffer.from('{"a":"first"}'), selection);
    const second = scanJson(Buffer.from('{"a":"second"}'), selection);
    expect([first, second].map((each) => each.ok && each.get(0))).toEqual([
      { type: 'string', value: 'first' },
      { type: 'string', value: 'second' },
    ]);
  });
});

describe('a pointer', () => {
  const text = '{"a":{"b":{"c":1},"x":2},"":{"":3},"m~n":4,"s/t":5,"😀":6,"arr":[{"b":7}],"0":{"b":8},"b":9}';

  test('goes through object members to any depth', () => {
    expect(select(text, '/a/b/c', '/a/x', '/b', '/0/b')).toMatchObject([
      { lexeme: '1' },
      { lexeme: '2' },
      { lexeme: '9' },
      { lexeme: '8' },
    ]);
  });

  test('names empty members, tildes, slashes and astral characters', () => {
    expect(select(text, '//', '/m~0n', '/s~1t', '/😀')).toMatchObject([
      { lexeme: '3' },
      { lexeme: '4' },
      { lexeme: '5' },
      { lexeme: '6' },
    ]);
  });

  test('never matches an element of an array, or anything in one', () => {
    expect(select(text, '/arr/0', '/arr/0/b', '/arr/b', '/arr/-')).toEqual(Array(4).fill(undefined));
    expect(select('[{"a":1},{"b":2}]', '/a', '/0/a', '/b')).toEqual(Array(3).fill(undefined));
  });

  test('finds a member whose name is spelt with escapes', () => {
    expect(select('{"\\u0061":{"\\ud83d\\ude00":1}}', '/a/😀')).toMatchObject([{ lexeme: '1' }]);
  });

  test('is undefined where the document has no such member, or a value that is no object on the way', () => {
    expect(select('{"a":1,"b":{"cc":2}}', '/a/b', '/b/c', '/c', '/b/cc/d')).toEqual(Array(4).fill(undefined));
  });

  test('may be given twice, and may go through another', () => {
    expect(select('{"a":{"b":1}}', '/a', '/a/b', '/a', '')).toMatchObject([
      { type: 'object' },
      { lexeme: '1' },
      { type: 'object' },
      { type: 'object' },
    ]);
  });

  test('has no value at an index that was never given', () => {
    expect(scan('{"a":1}', { pointers: ['/a'] }).get(1)).toBeUndefined();
  });

  test.each(['a', 'a/b', '/~', '/a~2b', '#/a'])('is a defect when it is not RFC 6901: %s', (pointer) => {
    expect(() => compileSelection({ pointers: [pointer], closedObjects: [] })).toThrow(TypeError);
  });
});

describe('a closed object', () => {
  const closed = (pointer: string, ...members: string[]) => ({ closedObjects: [{ pointer, members }] });

  test('takes its declared members, all or some', () => {
    expect(scan('{"a":1,"b":{"x":1}}', closed('', 'a', 'b', 'c')).unknownMember).toBeUndefined();
    expect(scan('{}', closed('', 'a')).unknownMember).toBeUndefined();
  });

  test('is named by its pointer when it holds another member, which is not', () => {
    expect(scan('{"a":1,"evil":2}', closed('', 'a')).unknownMember).toBe('');
    expect(scan('{"o":{"in/n~er":{"evil":1}}}', closed('/o/in~1n~0er', 'a')).unknownMember).toBe(
      '/o/in~1n~0er',
    );
  });

  test('does not take a selected member that is not declared', () => {
    expect(scan('{"a":1}', { pointers: ['/a'], ...closed('', 'b') }).unknownMember).toBe('');
  });

  test('does not take names that only a plain object would know', () => {
    for (const name of ['__proto__', 'constructor', 'toString', '']) {
      expect(scan(`{"${name}":1}`, closed('', 'a')).unknownMember).toBe('');
    }
  });

  test('leaves objects inside it open, and objects of that name elsewhere', () => {
    expect(scan('{"a":{"any":1},"b":{"a":{"any":2}}}', closed('', 'a', 'b')).unknownMember).toBeUndefined();
    expect(scan('[{"evil":1}]', closed('', 'a')).unknownMember).toBeUndefined();
  });

  test('is the first of several in the order of the document', () => {
    const closedObjects = ['/x', '/y'].map((pointer) => ({ pointer, members: [] }));
    expect(scan('{"y":{"a":1},"x":{"a":1}}', { closedObjects }).unknownMember).toBe('/y');
  });
});

describe('the root', () => {
  test.each([
    ['{}', true],
    [' {"a":[]} ', true],
    ['[{}]', false],
    ['"{}"', false],
    ['1', false],
  ])('of %s is an object: %s', (text, isObject) => {
    expect(scan(text, {}).rootIsObject).toBe(isObject);
  });
});
