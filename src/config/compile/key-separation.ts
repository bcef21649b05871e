/** Keeping feedback keys apart: from the keys of requests (docs/security-requirements.md#4), and from each other. */
import type { FeedbackKey } from '../../feedback/feedback-key.js';
import type { Identity } from '../../verify/snapshot.js';
import { formatPath, quote, type ConfigurationPath, type Findings } from '../document/findings.js';

interface Known {
  readonly fingerprint: string;
  readonly path: ConfigurationPath;
}

/**
 * Judges the keys of all domains, one after the other. An id names one key in the whole file: the published keyring
 * is one list, and so is the record. One key under one id may stand in two domains, as while a tenant moves to keys
 * of its own; under another id it is worth a warning.
 */
export class KeySeparation {
  readonly #findings: Findings;
  /** Fingerprint of a request key to its identity. */
  readonly #requestKeys: ReadonlyMap<string, string>;
  readonly #byKid = new Map<string, Known>();
  readonly #kidOf = new Map<string, string>();

  constructor(identities: ReadonlyMap<string, Identity>, findings: Findings) {
    this.#findings = findings;
    this.#requestKeys = new Map(
      [...identities.values()].flatMap(({ name, keys }) =>
        keys.map((key) => [key.publicKey.fingerprint, name] as const),
      ),
    );
  }

  /** Looks at the next key. */
  add({ kid, publicKey: { fingerprint } }: FeedbackKey, path: ConfigurationPath): void {
    const owner = this.#requestKeys.get(fingerprint);
    if (owner !== undefined)
      this.#findings.problem(
        [...path, 'privateKeyFile'],
        `is the key that ${quote(owner)} signs its requests with: who can query could forge the answers`,
        'make a key for feedback alone, with `countersign keygen`',
      );
    const namesake = this.#byKid.get(kid);
    if (namesake !== undefined && namesake.fingerprint !== fingerprint)
      this.#findings.problem(
        [...path, 'kid'],
        `${quote(kid)} is another key at ${formatPath(namesake.path)}`,
        'give each key an id of its own, over all signing domains',
      );
    const alias = this.#kidOf.get(fingerprint);
    if (alias !== undefined && alias !== kid)
      this.#findings.warn([...path, 'privateKeyFile'], `is the same key as ${quote(alias)}`);
    this.#byKid.set(kid, namesake ?? { fingerprint, path });
    this.#kidOf.set(fingerprint, alias ?? kid);
  }
}
