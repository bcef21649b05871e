import fc from 'fast-check';
import { type SelectedValue, compileSelection, scanJson } from '../../src/json/scan.js';

const nothing = compileSelection({ pointers: [], closedObjects: [] });

function pointerTo(...names: string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** What `JSON.parse` makes of a selected value, arrays and objects by their type alone. */
function plain(value: SelectedValue | undefined): unknown {
  switch (value?.type) {
    case undefined:
      return undefined;
    case 'string':
    case 'boolean':
      return value.value;
    case 'integer':
    case 'float':
      return Number(value.lexeme);
    case 'null':
      return null;
    case 'object':
    case 'array':
      return value.type;
  }
}

function typeOnly(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? 'array' : 'object';
}

/** Any UTF-16, lone surrogates included: `JSON.stringify` writes those as escapes. */
const anyString = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
const anyValue = fc.jsonValue().map((value) => value as unknown);
const anyObject = fc.dictionary(anyString, fc.oneof(anyValue, anyString), { noNullPrototype: false });

describe('scanJson', () => {
  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof scanJson(bytes, nothing).ok).toBe('boolean');
      }),
      { numRuns: 2_000 },
    );
  });

  test('gives an offset within the text, or its end, for whatever it refuses', () => {
    const almostJson = fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\u0e.-1tfnx \u0001é')) });
    fc.assert(
      fc.property(almostJson, (text) => {
        const bytes = Buffer.from(text);
        const result = scanJson(bytes, nothing);
        if (!result.ok) expect(result.offset >= 0 && result.offset <= bytes.length).toBe(true);
        else expect(() => void JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 5_000 },
    );
  });

  test('extracts what JSON.parse would, from the whole object and one level down', () => {
    fc.assert(
      fc.property(anyObject, anyObject, (outer, inner) => {
        const document = { ...outer, inner };
        const names = Object.keys(document);
        const innerNames = Object.keys(inner);
        const pointers = [
          ...names.map((name) => pointerTo(name)),
          ...innerNames.map((name) => pointerTo('inner', name)),
        ];
        const text = Buffer.from(JSON.stringify(document));
        const result = scanJson(text, compileSelection({ pointers, closedObjects: [] }));
        if (!result.ok) throw new Error(result.fault);
        const found = pointers.map((_, index) => plain(result.get(index)));
        const parsed = JSON.parse(text.toString()) as Record<string, unknown> & {
          inner: Record<string, unknown>;
        };
        const expected = [
          ...names.map((name) => parsed[name]),
          ...innerNames.map((name) => parsed.inner[name]),
        ];
        expect(found).toEqual(expected.map(typeOnly));
      }),
    );
  });

  test('refuses an object of any size as soon as one name comes again, however it is spelt', () => {
    const names = fc.uniqueArray(anyString, { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(names, fc.nat(), fc.boolean(), (all, choice, isEscaped) => {
        const again = all[choice % all.length] ?? '';
        const spelt = isEscaped
          ? `"${again
              .split('')
              .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
              .join('')}"`
          : JSON.stringify(again);
        const members = [...all.map((name) => JSON.stringify(name)), spelt].map((name) => `${name}:0`);
        const whole = Buffer.from(`{${members.slice(0, -1).join(',')}}`);
        const repeated = Buffer.from(`{${members.join(',')}}`);
        expect(scanJson(whole, nothing).ok).toBe(true);
        expect(scanJson(repeated, nothing)).toMatchObject({ ok: false, fault: 'duplicate_member' });
      }),
    );
  });
});
