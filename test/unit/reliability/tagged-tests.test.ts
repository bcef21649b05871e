import { taggedTestsOf } from '../../support/tagged-tests.js';

const read = (...lines: string[]) => taggedTestsOf('some.test.ts', lines.join('\n'));

describe('what a test file says of faults', () => {
  it('is read from the comment above a test, with its title and line', () => {
    const { tests } = read("import 'x';", '', '// Fault: one, two', "test('is refused', () => undefined);");
    expect(tests).toEqual([
      { file: 'some.test.ts', line: 4, title: 'is refused', faults: ['one', 'two'], isSet: false },
    ]);
  });

  it('holds for every test of a describe, beside what a test says itself', () => {
    const { tests } = read(
      '// Fault: one',
      "describe('a store', () => {",
      "  it('a', f);",
      '  // Fault: two',
      "  it('b', f);",
      '});',
      "it('c', f);",
    );
    expect(tests.map(({ title, faults }) => [title, faults])).toEqual([
      ['a store: a', ['one']],
      ['a store: b', ['one', 'two']],
      ['c', []],
    ]);
  });

  it.each([
    ['a table', "test.each([1])('%s falls', f);", '%s falls'],
    ['a table of a tagged template', "test.each`a`('falls', f);", 'falls'],
    ['a title with places for values', 'test(`${COUNT} falls`, f);', '${COUNT} falls'],
    ['a title that is made elsewhere', 'test(title, f);', 'title'],
  ])('is read of %s', (_which, line, title) => {
    expect(read('// Fault: one', line).tests).toMatchObject([{ title, faults: ['one'] }]);
  });

  it('is read inside of functions that describe a suite for others', () => {
    const { tests } = read(
      'export function suite(open: Open) {',
      '  for (const each of all) {',
      '    // Fault: one',
      "    it('falls', f);",
      '  }',
      '}',
    );
    expect(tests).toMatchObject([{ title: 'falls', faults: ['one'] }]);
  });

  it.each(['test.skip', 'test.only', 'it.todo', 'test.failing', 'test.skip.each([1])'])(
    'tells of a test that is set by %s',
    (call) => {
      expect(read(`${call}('falls', f);`).tests).toMatchObject([{ isSet: true }]);
    },
  );

  it('tells of a test inside of a describe that is skipped', () => {
    const { tests } = read("describe.skip('a', () => {", "  test('b', f);", '});');
    expect(tests).toMatchObject([{ title: 'a: b', isSet: true }]);
  });

  it('takes nothing out of texts and other comments, and finds tags that stand above no test', () => {
    const file = read('// Fault: one', 'const text = 1;', "test('// Fault: two', f);", '// Fault: three');
    expect(file.tests).toMatchObject([{ faults: [] }]);
    expect(file.strayLines).toEqual([1, 4]);
  });

  it('is all that a file has, where it says so', () => {
    expect([read('// Faults: every test', "test('a', f);").wantsAll, read("test('a', f);").wantsAll]).toEqual(
      [true, false],
    );
  });
});
