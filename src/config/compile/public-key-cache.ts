/** Public keys that were judged already: judging one takes up to 0.2 ms, of 20,000 some seconds, and a reload has them all. */
import { parsePublicKey, type PublicKeyResult } from '../../crypto/public-key.js';

const KEY_BYTES = 32;

/** For a load, or for all loads of one file. Holds the keys of the last load that had any, and of the present one. */
export class PublicKeyCache {
  readonly #judged: ReadonlySet<string>;
  #present = new Map<string, PublicKeyResult>();
  #former: ReadonlyMap<string, PublicKeyResult> = new Map();

  /** `judged`: what {@link judgedKeys} of an earlier cache gave, whose keys are sound without another proof. */
  constructor(judged: Uint8Array = new Uint8Array()) {
    const count = Math.floor(judged.length / KEY_BYTES);
    const keys = Array.from({ length: count }, (_, at) => nameOf(judged.subarray(at * KEY_BYTES)));
    this.#judged = new Set(keys);
  }

  /** From here on only keys that are asked for again are kept. */
  beginLoad(): void {
    if (this.#present.size === 0) return;
    this.#former = this.#present;
    this.#present = new Map();
  }

  /** What `parsePublicKey` says. Equal texts give the same result, which nobody can change. */
  parse(encoded: string | Buffer): PublicKeyResult {
    const text = typeof encoded === 'string' ? `text ${encoded}` : `file ${encoded.toString('latin1')}`;
    const known = this.#present.get(text) ?? this.#former.get(text);
    const result = known ?? parsePublicKey(encoded, (raw) => this.#judged.has(nameOf(raw)));
    this.#present.set(text, result);
    return result;
  }

  /** The sound keys of the present load or, if it had none, of the one before: 32 bytes each, one after the other. */
  judgedKeys(): Uint8Array {
    const results = this.#present.size > 0 ? this.#present : this.#former;
    return Buffer.concat([...results.values()].flatMap((result) => (result.ok ? [result.key.raw] : [])));
  }
}

function nameOf(raw: Uint8Array): string {
  return Buffer.from(raw.buffer, raw.byteOffset, KEY_BYTES).toString('latin1');
}
