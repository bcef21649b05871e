/** Admissions of this process that are not answered yet, by nonce: a copy of one waits for what becomes of it. */
import type { Refusal } from './refusal.js';

/** What became of an admission: answered with an allow, given back after it was won, or refused. */
export type Ending = 'stands' | 'undone' | Refusal;

/** One admission, from before its claim until it is answered. */
export class PendingAdmission {
  #ending: Ending | undefined;
  #ended: Promise<Ending> | undefined;
  #wake: ((ending: Ending) => void) | undefined;

  /** Resolves with what became of it. Nothing is made for the many that nobody waits for. */
  ended(): Promise<Ending> {
    if (this.#ending !== undefined) return Promise.resolve(this.#ending);
    return (this.#ended ??= new Promise((resolve) => (this.#wake = resolve)));
  }

  /** Only the first ending counts. */
  end(ending: Ending): void {
    this.#ending ??= ending;
    this.#wake?.(this.#ending);
  }
}

export class PendingAdmissions {
  readonly #byNonce = new Map<string, PendingAdmission>();

  find(key: Buffer): PendingAdmission | undefined {
    return this.#byNonce.size > 0 ? this.#byNonce.get(nameOf(key)) : undefined;
  }

  /** For a nonce of which `find` has just found none; the returned function ends it. */
  begin(key: Buffer): (ending: Ending) => void {
    const name = nameOf(key);
    const begun = new PendingAdmission();
    this.#byNonce.set(name, begun);
    return (ending) => {
      if (this.#byNonce.get(name) === begun) this.#byNonce.delete(name);
      begun.end(ending);
    };
  }
}

function nameOf(key: Buffer): string {
  return key.toString('latin1');
}
