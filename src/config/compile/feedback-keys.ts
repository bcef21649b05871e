/** The private keys of a signing domain. */
import { FeedbackKey } from '../../feedback/feedback-key.js';
import type { LoadContext } from './context.js';
import { warnOfEnd } from './expiry.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import type { FeedbackKeyInput } from '../schema/feedback.js';

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
