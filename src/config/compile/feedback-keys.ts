/** The private keys of the signing domains: read, and kept apart from request keys (docs/security-requirements.md#4) and from each other. */
import { FeedbackKey } from '../../feedback/feedback-key.js';
import type { Identity } from '../../verify/snapshot.js';
import { formatPath, quote, type ConfigurationPath, type Findings } from '../document/findings.js';
import type { FeedbackKeyInput } from '../schema/feedback.js';
import { warnOfEnd, type LoadContext } from './context.js';

/** A key and where it stands in the file. */
export interface PlacedKey {
  readonly key: FeedbackKey;
  readonly path: ConfigurationPath;
}

/** The usable keys of one domain; every fault of the others is noted under `path`. */
export function compileFeedbackKeys(
  inputs: readonly FeedbackKeyInput[],
  path: ConfigurationPath,
  context: LoadContext,
): readonly PlacedKey[] {
  const seen = new Set<string>();
  return inputs.flatMap((input, index) => {
    const place = [...path, index];
    const isRepeated = seen.has(input.kid);
    if (isRepeated)
      context.findings.problem(
        [...place, 'kid'],
        `repeats ${quote(input.kid)}`,
        'give each key an id of its own',
      );
    seen.add(input.kid);
    const key = compileKey(input, place, context);
    return key === undefined || isRepeated ? [] : [{ key, path: place }];
  });
}

function compileKey(
  input: FeedbackKeyInput,
  path: ConfigurationPath,
  context: LoadContext,
): FeedbackKey | undefined {
  const validity = context.validity(input, path);
  warnOfEnd(validity.notAfterMs, 'this key', [...path, 'notAfter'], context);
  const privateKey = context.readPrivateKey(input.privateKeyFile, [...path, 'privateKeyFile']);
  return privateKey === undefined ? undefined : new FeedbackKey(input.kid, privateKey, validity);
}

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
