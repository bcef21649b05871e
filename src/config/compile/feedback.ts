/** The `feedback` section: its private keys, read and kept apart from request keys (docs/security-requirements.md#4) and from each other, and what cannot be signed. */
import type { FeedbackKey } from '../../feedback/feedback-key.js';
import { maxAnswerBytesFor, maxSigningInputBytes } from '../../feedback/envelope.js';
import {
  activeKeyOf,
  type FeedbackSettings,
  type KeyChoice,
  type SigningDomain,
} from '../../feedback/feedback-settings.js';
import type { Identity, Policy } from '../../verify/snapshot.js';
import { formatPath } from '../document/findings.js';
import { quoteText } from '../../json/escape-text.js';
import type { FeedbackInput, FeedbackKeyInput, SigningDomainInput } from '../schema/feedback.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { RotationSettings } from '../settings.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { durationMs } from '../schema/rotation.js';
import { maxMessageBytesOf } from './key-sources.js';
import { readRotatedKeys } from './rotation.js';
import { compileSigningKey } from './signing-keys.js';

/** What the section is held against. */
interface FeedbackSurroundings {
  readonly input: ConfigurationInput;
  readonly identities: ReadonlyMap<string, Identity>;
  readonly policies: ReadonlyMap<string, Policy>;
  /** Where keys are made on schedule. */
  readonly rotation: RotationSettings | undefined;
}

type Sources = ConfigurationInput['keys']['sources'];

/** A key and where it stands in the file. */
interface PlacedKey {
  readonly key: FeedbackKey;
  readonly node: ConfigurationNode;
  /** It signs answers; a root key signs short documents alone. */
  readonly signsAnswers: boolean;
}

/** The settings, or undefined when the file has no such section; faults are noted. */
export function compileFeedback(
  surroundings: FeedbackSurroundings,
  load: LoadContext,
): FeedbackSettings | undefined {
  const { rotation } = surroundings;
  const { feedback } = surroundings.input;
  if (feedback === undefined) return undefined;
  const node = load.at('feedback');
  const tenants = node.at('tenants');
  const placed: PlacedKey[] = [];
  const { sources } = surroundings.input.keys;
  const shared = { placed, rotation, sources };
  const defaultDomain = compileDomain(feedback, node, { ...shared, tenant: undefined });
  const tenantDomains = Object.entries(feedback.tenants).map(
    ([tenant, domain]) => [tenant, compileDomain(domain, tenants.at(tenant), { ...shared, tenant })] as const,
  );
  judgeMessageBytes(placed, feedback.maxAnswerBytes, sources);
  judgeKeySeparation(placed, surroundings.identities);
  judgeReferences(placed);
  const mapped = new Set(Object.values(surroundings.input.operators));
  for (const [tenant] of tenantDomains)
    if (!mapped.has(tenant)) tenants.at(tenant).warn('no operator is mapped to this tenant');
  checkUse(feedback, surroundings, node);
  return {
    defaultDomain,
    tenantDomains: new Map(tenantDomains),
    adjustmentSchemaVersions: new Set(feedback.adjustmentSchemaVersions),
    maxAnswerBytes: feedback.maxAnswerBytes,
    executions: feedback.executions,
  };
}

/** What a domain is compiled with, and for whom; its keys are added to `placed`. */
interface DomainSurroundings extends Pick<FeedbackSurroundings, 'rotation'> {
  readonly placed: PlacedKey[];
  readonly sources: Sources;
  readonly tenant: string | undefined;
}

/** Between these a lifetime is neither a burden to the root's source nor as good as none. */
const LEAST_LIFETIME_MILLISECONDS = 60_000;
const MOST_LIFETIME_MILLISECONDS = 90 * 86_400_000;

function compileDomain(
  input: SigningDomainInput,
  node: ConfigurationNode,
  surroundings: DomainSurroundings,
): SigningDomain {
  const { delegation } = input;
  if (delegation === undefined) return compileChoice(input, node, { ...surroundings, signsAnswers: true });
  const lifetimeMs = durationMs(delegation.lifetime);
  if (lifetimeMs < LEAST_LIFETIME_MILLISECONDS || lifetimeMs > MOST_LIFETIME_MILLISECONDS)
    node.at('delegation', 'lifetime').problem('is not between 60s and 90d', 'give 24h, for instance');
  // A schedule makes keys that sign answers; keys in memory are renewed by themselves.
  const roots = compileChoice(input, node, {
    ...surroundings,
    rotation: undefined,
    signsAnswers: false,
  });
  return { keys: [], activeKid: undefined, delegation: { roots, lifetimeMs } };
}

function compileChoice(
  { keys: inputs, activeKid }: SigningDomainInput,
  node: ConfigurationNode,
  { placed, rotation, sources, tenant, signsAnswers }: DomainSurroundings & Pick<PlacedKey, 'signsAnswers'>,
): KeyChoice {
  const named = compileKeys(inputs, sources, node.at('keys'));
  const isRotated = rotation !== undefined && activeKid === undefined;
  if (inputs.length === 0 && !isRotated)
    node
      .at('keys')
      .problem(
        `must have at least 1 entries${rotation === undefined ? '' : ', as what activeKid names is not rotated'}`,
        'name private keys that sign, or have them made with keys.rotation',
      );
  const rotated = isRotated ? readRotatedKeys(tenant, rotation, node.load) : [];
  // A list that cannot be read may have ended any of the others: none of them signs.
  const keys = rotated === undefined ? [] : [...named, ...rotated];
  placed.push(...keys.map((key) => ({ ...key, signsAnswers })));
  const domain = { keys: keys.map(({ key }) => key), activeKid };
  if (named.length === inputs.length) judgeSigning(domain, inputs, node, isRotated);
  return domain;
}

function judgeSigning(
  domain: KeyChoice,
  inputs: readonly FeedbackKeyInput[],
  node: ConfigurationNode,
  isRotated: boolean,
): void {
  const { activeKid } = domain;
  const named = node.at(activeKid === undefined ? 'keys' : 'activeKid');
  if (activeKid !== undefined && !inputs.some(({ kid }) => kid === activeKid))
    named.problem(
      `${quoteText(activeKid)} is the id of none of the keys`,
      `name one of them: ${inputs.map(({ kid }) => kid).join(', ')}`,
    );
  else if (activeKeyOf(domain, node.load.nowMs) === undefined)
    named.warn(
      `${activeKid === undefined ? 'no key is' : `${quoteText(activeKid)} is not`} valid now: no answer can be signed${isRotated ? ' before the start makes one' : ''}`,
    );
}

/** The usable keys of one domain; every fault of the others is noted. */
function compileKeys(
  inputs: readonly FeedbackKeyInput[],
  sources: Sources,
  node: ConfigurationNode,
): readonly Omit<PlacedKey, 'signsAnswers'>[] {
  const seen = new Set<string>();
  return inputs.flatMap((input, index) => {
    const own = node.at(index);
    const isRepeated = seen.has(input.kid);
    if (isRepeated)
      own.at('kid').problem(`repeats ${quoteText(input.kid)}`, 'give each key an id of its own');
    seen.add(input.kid);
    const key = compileKey(input, sources, own);
    return key === undefined || isRepeated ? [] : [{ key, node: own }];
  });
}

function compileKey(
  input: FeedbackKeyInput,
  sources: Sources,
  node: ConfigurationNode,
): FeedbackKey | undefined {
  const validity = node.validity(input);
  node.at('notAfter').warnOfEnd(validity.notAfterMs, 'this key');
  return compileSigningKey(input, { validity, sources }, node);
}

/** A source that cannot sign the largest answer would withhold it when it comes: told now, as it can be known now. */
function judgeMessageBytes(placed: readonly PlacedKey[], maxAnswerBytes: number, sources: Sources): void {
  const needed = maxSigningInputBytes(maxAnswerBytes);
  for (const { key, node } of placed.filter(({ signsAnswers }) => signsAnswers)) {
    const source = key.kind === 'remote' ? sources[key.reference.source] : undefined;
    const most = source === undefined ? needed : maxMessageBytesOf(source);
    if (most < needed)
      node
        .at('source')
        .problem(
          `signs at most ${most} bytes, and an answer of feedback.maxAnswerBytes (${maxAnswerBytes}) may come to ${needed} when it is signed`,
          `set feedback.maxAnswerBytes to ${maxAnswerBytesFor(most)} or less, raise maxMessageBytes where the source signs more, or have it vouch for keys in memory ("delegation")`,
        );
  }
}

/**
 * Holds the keys of all domains against the keys of requests and against each other. An id names one key in the whole
 * file: the published keyring is one list, and so is the record. One key under one id may stand in two domains, as while
 * a tenant moves to keys of its own; under another id it is worth a warning.
 */
function judgeKeySeparation(placed: readonly PlacedKey[], identities: ReadonlyMap<string, Identity>): void {
  const requestKeys = new Map(
    [...identities.values()].flatMap(({ name, keys }) =>
      keys.map((key) => [key.publicKey.fingerprint, name] as const),
    ),
  );
  const byKid = new Map<string, Pick<PlacedKey, 'key' | 'node'>>();
  const kidOf = new Map<string, string>();
  for (const { key, node } of placed) {
    const { fingerprint } = key.publicKey;
    const file = node.at(key.kind === 'local' ? 'privateKeyFile' : 'publicKey');
    const owner = requestKeys.get(fingerprint);
    if (owner !== undefined)
      file.problem(
        `is the key that ${quoteText(owner)} signs its requests with: who can query could forge the answers`,
        'make a key for feedback alone, with `countersign keygen`',
      );
    const namesake = byKid.get(key.kid) ?? { key, node };
    if (namesake.key.publicKey.fingerprint !== fingerprint)
      node
        .at('kid')
        .problem(
          `${quoteText(key.kid)} is another key at ${formatPath(namesake.node.path)}`,
          'give each key an id of its own, over all signing domains',
        );
    const otherKid = kidOf.get(fingerprint) ?? key.kid;
    if (otherKid !== key.kid) file.warn(`is the same key as ${quoteText(otherKid)}`);
    byKid.set(key.kid, namesake);
    kidOf.set(fingerprint, otherKid);
  }
}

/** One version of a key of a source has one public half: of two pins for it one would withhold every answer. */
function judgeReferences(placed: readonly PlacedKey[]): void {
  const pinned = new Map<string, Pick<PlacedKey, 'key' | 'node'>>();
  for (const { key, node } of placed) {
    if (key.kind !== 'remote') continue;
    const { source, key: name, version } = key.reference;
    const reference = JSON.stringify([source, name, version ?? null]);
    const first = pinned.get(reference) ?? { key, node };
    pinned.set(reference, first);
    if (first.key.publicKey.fingerprint !== key.publicKey.fingerprint)
      node
        .at('publicKey')
        .problem(
          `is another one than ${formatPath(first.node.path)} pins for the same key of the same source`,
          'name the key, or the version of it, that belongs to this public half',
        );
  }
}

function checkUse(
  { executions }: FeedbackInput,
  { input, policies }: FeedbackSurroundings,
  node: ConfigurationNode,
): void {
  const signed = [...policies.values()].filter((policy) => policy.kind === 'signed');
  if (!signed.some(({ answer }) => answer === 'signed_feedback')) node.warn('no policy signs its answers');
  if (!executions.required) return;
  const required = node.at('executions', 'required');
  if (!signed.some(({ remembersExecution }) => remembersExecution))
    required.problem(
      'is true, and no policy takes execution graphs: every adjustment would be refused',
      'add a policy with profile: federation.execution-graph, or set it to false',
    );
  if (input.nonces.store === 'memory')
    required.warn(
      'executions are kept in memory, so after a restart adjustments are refused until their graphs come again',
    );
}
