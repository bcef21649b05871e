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

/**
 * Holds the keys of all domains against the keys of requests and against each other. An id names one key in the whole
 * file: the published keyring is one list, and so is the record. One key under one id may stand in two domains, as while
 * a tenant moves to keys of its own; under another id it is worth a warning.
 */
export function judgeKeySeparation(
  placed: readonly PlacedKey[],
  identities: ReadonlyMap<string, Identity>,
  findings: Findings,
): void {
  const requestKeys = new Map(
    [...identities.values()].flatMap(({ name, keys }) =>
      keys.map((key) => [key.publicKey.fingerprint, name] as const),
    ),
  );
  const byKid = new Map<string, PlacedKey>();
  const kidOf = new Map<string, string>();
  for (const { key, path } of placed) {
    const { fingerprint } = key.publicKey;
    const owner = requestKeys.get(fingerprint);
    if (owner !== undefined)
      findings.problem(
        [...path, 'privateKeyFile'],
        `is the key that ${quote(owner)} signs its requests with: who can query could forge the answers`,
        'make a key for feedback alone, with `countersign keygen`',
      );
    const namesake = byKid.get(key.kid) ?? { key, path };
    if (namesake.key.publicKey.fingerprint !== fingerprint)
      findings.problem(
        [...path, 'kid'],
        `${quote(key.kid)} is another key at ${formatPath(namesake.path)}`,
        'give each key an id of its own, over all signing domains',
      );
    const otherKid = kidOf.get(fingerprint) ?? key.kid;
    if (otherKid !== key.kid)
      findings.warn([...path, 'privateKeyFile'], `is the same key as ${quote(otherKid)}`);
    byKid.set(key.kid, namesake);
    kidOf.set(fingerprint, otherKid);
  }
}
