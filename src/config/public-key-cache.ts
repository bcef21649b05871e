/** Public keys that were judged already. The proof of prime order takes two milliseconds a key, and a reload has them all. */
import { parsePublicKey, type PublicKeyResult } from '../crypto/public-key.js';

/** For a load, or for all loads of one file. Holds the keys of the last load that had any, and of the present one. */
export class PublicKeyCache {
  #present = new Map<string, PublicKeyResult>();
  #former: ReadonlyMap<string, PublicKeyResult> = new Map();

  /** From here on only keys that are asked for again are kept. */
  beginLoad(): void {
    if (this.#present.size === 0) return;
    this.#former = this.#present;
    this.#present = new Map();
  }

  /** What `parsePublicKey` says. Equal texts give the same result, which nobody can change. */
  parse(encoded: string | Buffer): PublicKeyResult {
    const text = typeof encoded === 'string' ? `text ${encoded}` : `file ${encoded.toString('latin1')}`;
    const result = this.#present.get(text) ?? this.#former.get(text) ?? parsePublicKey(encoded);
    this.#present.set(text, result);
    return result;
  }
}
