/** JSON texts: our canonical form is python3's, or there is none (docs/wire-contract.md#canonical-json). */
import { canonicalize } from '../../../src/feedback/canonical-json.js';
import { DocumentSource } from '../../property/json-documents.js';
import { askPython } from '../../property/json-oracle.js';
import { mutate } from '../mutate.js';
import type { Target } from '../target.js';

function ours(text: Buffer): string | undefined {
  const result = canonicalize(text);
  return result.ok ? Buffer.from(result.canonical).toString('latin1') : undefined;
}

function difference(text: Buffer, theirs: string | undefined): string | undefined {
  try {
    const own = ours(text);
    if (own === undefined || own === theirs) return undefined;
    return `printed ${own.slice(0, 200)}, and python3 ${theirs === undefined ? 'refuses' : theirs.slice(0, 200)}`;
  } catch (error) {
    return `threw ${String(error)}`;
  }
}

export function canonicalTarget(): Target {
  return {
    name: 'canonical-json',
    make: (chance, corpus) => {
      const text = Buffer.from(new DocumentSource(chance).document());
      return chance.below(3) === 0 ? text : mutate(chance, text, corpus);
    },
    check: (inputs) => {
      const theirs = askPython(inputs);
      return Promise.resolve(inputs.map((text, index) => difference(text, theirs[index])));
    },
  };
}
