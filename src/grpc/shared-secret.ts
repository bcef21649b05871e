/** A secret that each call carries in its metadata, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http2';

/** Longer than any secret of ours: what is longer is not even hashed. */
const MAX_SHOWN_CHARACTERS = 1_024;

/** Of these secrets one has to be shown; two while they rotate. */
export class SharedSecret {
  readonly #header: string;
  readonly #hashes: readonly Buffer[];

  /** `header` in lower case. */
  constructor(header: string, secrets: readonly string[]) {
    this.#header = header;
    this.#hashes = secrets.map(hash);
  }

  /** Whether the call carries one of them, once: http2 joins what comes twice by a comma. */
  isShownBy(headers: IncomingHttpHeaders): boolean {
    const shown = headers[this.#header];
    if (typeof shown !== 'string' || shown.length > MAX_SHOWN_CHARACTERS) return false;
    const hashed = hash(shown);
    let isOne = false;
    for (const own of this.#hashes) isOne = timingSafeEqual(own, hashed) || isOne;
    return isOne;
  }
}

/** Of equal length, whatever was shown. */
function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
