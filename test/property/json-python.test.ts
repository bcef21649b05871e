import { compileSelection, scanJson } from '../../src/json/scan.js';
import { Chance, DocumentSource, seed } from './json-documents.js';
import { askPython } from './json-oracle.js';

const nothing = compileSelection({ pointers: [], closedObjects: [] });
const chance = new Chance(seed);
const source = new DocumentSource(chance);

/** Bytes that matter to the grammar, or that make UTF-8 invalid. */
const TELLING = Buffer.from('{}[]",:\\/ue.+-0129tfn \n\t\u0000\u001f\u007fNI');

function mutate(text: Buffer): Buffer {
  const at = chance.below(text.length + 1);
  const byte = chance.below(3) === 0 ? chance.below(256) : (TELLING[chance.below(TELLING.length)] ?? 0);
  switch (chance.below(4)) {
    case 0:
      return Buffer.concat([text.subarray(0, at), text.subarray(at + 1)]);
    case 1:
      return Buffer.concat([text.subarray(0, at), Buffer.of(byte), text.subarray(at)]);
    case 2:
      return Buffer.concat([text.subarray(0, at), Buffer.of(byte), text.subarray(at + 1)]);
    default: {
      const from = chance.below(text.length + 1);
      return Buffer.concat([
        text.subarray(0, at),
        text.subarray(from, from + chance.below(12)),
        text.subarray(at),
      ]);
    }
  }
}

/**
 * The oracle itself refuses what the contract refuses beyond `json.loads`: depth over 64, floats that overflow,
 * duplicates. It is given text decoded from strict UTF-8, so a byte-order mark is refused by both.
 */
function disagreements(texts: readonly Buffer[]): string[] {
  const answers = askPython(texts);
  return texts
    .filter((text, index) => scanJson(text, nothing).ok !== (answers[index] !== undefined))
    .map((text) => JSON.stringify(text.toString('latin1')));
}

describe(`the verdict of python3 (JSON_SEED=${seed})`, () => {
  test('is ours on 10,000 generated documents, all of them accepted', () => {
    const texts = Array.from({ length: 10_000 }, () => Buffer.from(source.document()));
    expect(texts.filter((text) => !scanJson(text, nothing).ok)).toEqual([]);
    expect(disagreements(texts)).toEqual([]);
  });

  test('is ours on 30,000 documents with one to three mutations', () => {
    const texts = Array.from({ length: 30_000 }, () => {
      let text: Buffer = Buffer.from(source.document());
      for (let left = 1 + chance.below(3); left > 0; left -= 1) text = mutate(text);
      return text;
    });
    expect(disagreements(texts)).toEqual([]);
  });

  test('is ours on what JSON leaves open, named in docs/wire-contract.md', () => {
    const texts = [
      '['.repeat(64) + ']'.repeat(64), '['.repeat(65) + ']'.repeat(65), '{"a":'.repeat(65) + '1' + '}'.repeat(65),
      '1e999', '-1e999', '1e308', '1.8e308', `${'9'.repeat(309)}.0`, `${'9'.repeat(308)}.0`, '0e99999',
      '7'.repeat(4300), `-${'7'.repeat(4300)}`, '7'.repeat(4301), `1.${'7'.repeat(5000)}`,
      '\ufeff1', '{"a":1,"\\u0061":2}', '{"\\ud83d\\ude00":1,"😀":2}', '{"\\ud800":1,"\\udc00":2}',
      'NaN', '[Infinity]', '[-Infinity]', '"\\ud800"', '"\u007f"', '""', '1\u00a0', '\u000b1', '1\u0000',
    ].map((text) => Buffer.from(text)); // prettier-ignore
    expect(disagreements(texts)).toEqual([]);
  });
});
