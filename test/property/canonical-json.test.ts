import { canonicalize, canonicalizeMember } from '../../src/feedback/canonical-json.js';
import { DocumentSource, Chance, seed } from './json-documents.js';
import { doubleLexemes } from './json-doubles.js';
import { askPython } from './json-oracle.js';

const chance = new Chance(seed);
const source = new DocumentSource(chance);

function ours(text: Uint8Array): string | undefined {
  const result = canonicalize(text);
  return result.ok ? Buffer.from(result.canonical).toString('latin1') : undefined;
}

/** The texts that are refused or whose canonical form is not python3's, with both; three at most, to be readable. */
function differences(texts: readonly Buffer[]) {
  const theirs = askPython(texts);
  return texts
    .map((text, index) => ({ text: text.toString('latin1'), ours: ours(text), theirs: theirs[index] }))
    .filter((one) => one.ours === undefined || one.ours !== one.theirs)
    .slice(0, 3);
}

/** Batches keep the child's input and output small. */
function inBatches(count: number, size: number, make: () => Buffer): ReturnType<typeof differences> {
  const found = [];
  for (let done = 0; done < count && found.length === 0; done += size) {
    found.push(...differences(Array.from({ length: size }, make)));
  }
  return found;
}

describe(`canonicalize, against python3 (JSON_SEED=${seed})`, () => {
  test('prints the same for 100,000 generated documents, and refuses none', () => {
    expect(inBatches(100_000, 20_000, () => Buffer.from(source.document()))).toEqual([]);
  }, 120_000);

  test('prints the same for 1,000,000 doubles, of random bits and of telling ones', () => {
    const lexemes = doubleLexemes(chance);
    const make = () =>
      Buffer.from(`[${Array.from({ length: 1_000 }, () => lexemes.next().value).join(',')}]`);
    expect(inBatches(1_000, 250, make)).toEqual([]);
  }, 120_000);

  test('prints the same for canonical text that it is given again', () => {
    for (let left = 2_000; left > 0; left -= 1) {
      const once = ours(Buffer.from(source.document()));
      expect(once).toBeDefined();
      expect(ours(Buffer.from(once ?? ''))).toBe(once);
    }
  });
});

describe('canonicalizeMember', () => {
  test('prints a member as canonicalize prints its value alone, and says where that stands', () => {
    for (let left = 2_000; left > 0; left -= 1) {
      const value = source.document();
      const text = Buffer.from(`{"x": ${source.document()},"y":{"data":0,"z":${value}}, "data":[{"z":1}] }`);
      const result = canonicalizeMember(text, '/y/z');
      if (!result.ok || result.member === undefined) throw new Error(`not found: ${text.toString()}`);
      const { canonical, start, end } = result.member;
      expect(Buffer.from(canonical).toString('latin1')).toBe(ours(Buffer.from(value)));
      expect(text.toString('utf8', start, end)).toBe(value.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''));
    }
  });
});
