import { existsSync, readFileSync } from 'node:fs';
import type { StrictVerifier } from '../../../src/crypto/ed25519.js';
import { parsePublicKey, type PublicKeyResult } from '../../../src/crypto/public-key.js';
import { fromHex, verifiers } from './support.js';

/** Shared by the projects of the continuous integration; see strict-verdicts.test.ts for what is proven anywhere. */
const folder = new URL('../../../../shared/vectors/', import.meta.url);
const isPresent = existsSync(folder);
if (!isPresent) process.stderr.write('public Ed25519 suites skipped: ../shared/vectors is not there\n');

interface Speccheck {
  readonly message: string;
  readonly pub_key: string;
  readonly signature: string;
}

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: 'valid' | 'invalid';
    }[];
  }[];
}

function readSuite(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
}

const loaded = new Map<string, PublicKeyResult>();

/** Loads a key once for all engines, as a server does. */
function load(hex: string): PublicKeyResult {
  const result = loaded.get(hex) ?? parsePublicKey(fromHex(hex));
  loaded.set(hex, result);
  return result;
}

/** The whole verdict, as a server gives it: the key is loaded, then the signature verified. */
function verdict(verifier: StrictVerifier, key: string, message: string, signature: string): boolean {
  const result = load(key);
  return result.ok && verifier.verify(result.key, fromHex(message), fromHex(signature));
}

(isPresent ? describe : describe.skip).each(
  verifiers.map((verifier) => ({ name: verifier.engineName, verifier })),
)('the public suites over $name', ({ verifier }) => {
  it('refuses all twelve cases of ed25519-speccheck', () => {
    const cases = readSuite('ed25519-speccheck.json') as readonly Speccheck[];
    const accepted = cases.map((c) => verdict(verifier, c.pub_key, c.message, c.signature));
    expect(accepted).toEqual(new Array<boolean>(12).fill(false));
  });

  it('agrees with every verdict of Wycheproof', () => {
    const { testGroups } = readSuite('wycheproof-ed25519.json') as Wycheproof;
    const mismatches = testGroups.flatMap(({ publicKey, tests }) =>
      tests.filter((t) => verdict(verifier, publicKey.pk, t.msg, t.sig) !== (t.result === 'valid')),
    );
    expect(testGroups.flatMap(({ tests }) => tests)).toHaveLength(151);
    expect(mismatches.map(({ tcId }) => tcId)).toEqual([]);
  });
});
