/** One signing key as a file has it: its private half in a file, or a key of a source, pinned by its public half. */
import {
  LocalFeedbackKey,
  RemoteFeedbackKey,
  type FeedbackKey,
  type KeyReference,
} from '../../feedback/feedback-key.js';
import { quoteText } from '../../json/escape-text.js';
import type { ValidityInterval } from '../../protocol/validity-interval.js';
import { isTransitKeyName } from '../../keys/vault/limits.js';
import type { SigningKeyInput } from '../schema/keys.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { ConfigurationNode } from './context.js';
import { publicKeyAt } from './keys.js';

/** The sources as the file has them: what a reference is held against, whether or not the source itself is sound. */
type Sources = ConfigurationInput['keys']['sources'];

type NamedKeyInput = SigningKeyInput & { readonly kid: string };

/** What a key is compiled with. */
interface KeySurroundings {
  readonly validity: ValidityInterval;
  readonly sources: Sources;
}

/** A key with its id and validity; undefined with the problems noted. */
export function compileSigningKey(
  input: NamedKeyInput,
  surroundings: KeySurroundings,
  node: ConfigurationNode,
): FeedbackKey | undefined {
  const { kid, privateKeyFile, source } = input;
  if ((privateKeyFile === undefined) === (source === undefined)) {
    node.problem(
      source === undefined ? 'has no key' : 'has two keys',
      'give either privateKeyFile, or source, key and publicKey',
    );
    return undefined;
  }
  if (privateKeyFile === undefined) return remoteKey(input, surroundings, node);
  for (const member of ['key', 'version', 'publicKey'] as const)
    if (input[member] !== undefined)
      node.at(member).problem('is for the key of a source', 'remove it, or name the source');
  const privateKey = node.at('privateKeyFile').readPrivateKey(privateKeyFile);
  return privateKey && new LocalFeedbackKey(kid, privateKey, surroundings.validity);
}

function remoteKey(
  input: NamedKeyInput,
  { validity, sources }: KeySurroundings,
  node: ConfigurationNode,
): FeedbackKey | undefined {
  const reference = referenceOf(input, sources, node);
  const pin = node.at('publicKey');
  if (input.publicKey === undefined)
    pin.problem('is missing', 'pin its public half: every signature is verified with it before it leaves');
  const publicKey = input.publicKey === undefined ? undefined : publicKeyAt(input.publicKey, pin);
  if (reference === undefined || publicKey === undefined) return undefined;
  return new RemoteFeedbackKey(input.kid, publicKey, reference, validity);
}

function referenceOf(
  { source = '', key, version }: SigningKeyInput,
  sources: Sources,
  node: ConfigurationNode,
): KeyReference | undefined {
  const settings = Object.hasOwn(sources, source) ? sources[source] : undefined;
  if (settings === undefined) {
    const known = Object.keys(sources).join(', ');
    node
      .at('source')
      .problem(
        `${quoteText(source)} is the name of no source`,
        known === '' ? 'add it to keys.sources' : `name one of keys.sources: ${known}`,
      );
  }
  if (key === undefined) node.at('key').problem('is missing', 'give its label or name in the source');
  if (settings?.kind === 'pkcs11' && version !== undefined)
    node.at('version').problem('is for a key of a vault: a token has none', 'remove it');
  if (settings?.kind === 'vault' && version === undefined)
    node.at('version').problem('is missing', 'say which one publicKey belongs to, such as 1');
  if (settings?.kind === 'vault' && key !== undefined && !isTransitKeyName(key))
    node
      .at('key')
      .problem(
        `${quoteText(key)} cannot be the name of a Transit key`,
        'begin and end it with a letter, a digit or an underscore',
      );
  return settings === undefined || key === undefined ? undefined : { source, key, version };
}
