/** Policies: each compiled by its kind, from a profile, from pointers, or as a declared pass-through. */
import type { Policy, SignedPolicy, Snapshot } from '../../verify/snapshot.js';
import { quoteText } from '../../json/escape-text.js';
import type { PolicyInput } from '../schema/policy.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { buildContract, genericContract } from './json-body.js';
import { answerOf, freshnessOf, maxBodyBytesOf, rateLimitOf } from './policy-settings.js';
import { defaultEvents, defaultRateLimitGroup, profiles, type Profile } from './profiles.js';
import { compileMatch, noteInnerRoutes, refuseHidden, type PlacedPolicy } from './routes.js';

/** All policies by name, in the order of the file; faults are noted. */
export function compilePolicies(input: ConfigurationInput, load: LoadContext): Map<string, Policy> {
  const policies = new Map<string, Policy>();
  const placed: PlacedPolicy[] = [];
  input.policies.forEach((entry, index) => {
    const node = load.at('policies', index);
    const policy = compilePolicy(entry, input, node);
    if (policies.has(entry.name))
      node.at('name').problem(`repeats ${quoteText(entry.name)}`, 'give each policy a name of its own');
    if (policy === undefined) return;
    policies.set(entry.name, policy);
    placed.push({ policy, node });
  });
  refuseHidden(placed);
  noteInnerRoutes(placed, policies);
  const { retentionSeconds } = input.nonces;
  if (retentionSeconds !== undefined && !placed.some(({ policy }) => policy.kind === 'signed' && policy.once))
    load
      .at('nonces', 'retentionSeconds')
      .warn(
        'has no effect: it is held against the windows of policies that take a request once, and there is none',
      );
  if (input.policies.length === 0)
    load.at('policies').problem('has no policy, so every request would be refused', 'add a policy');
  return policies;
}

/** The keys that each kind of policy takes, besides `name`. */
const keysOfKind = {
  profile: ['profile', 'schemaVersions', 'once', 'freshness', 'maxBodyBytes', 'rateLimit', 'answer'],
  passThrough: ['passThrough', 'match', 'rawPaths'],
  own: ['match', 'rawPaths', 'freshness', 'maxBodyBytes', 'rateLimit', 'body', 'answer'],
} as const;

type PolicyKind = keyof typeof keysOfKind;
const kindLabels = { profile: 'a profile', passThrough: 'a pass-through', own: 'a policy of your own' };

function compilePolicy(
  entry: PolicyInput,
  input: ConfigurationInput,
  node: ConfigurationNode,
): Policy | undefined {
  const { name, profile, passThrough, rawPaths } = entry;
  refuseForeignKeys(entry, profile ? 'profile' : passThrough ? 'passThrough' : 'own', node);
  if (profile !== undefined) return profilePolicy(entry, profiles[profile], input, node);
  const match = compileMatch(entry, node);
  if (match === undefined) return undefined;
  if (rawPaths !== undefined)
    node
      .at('rawPaths')
      .warn(
        `${quoteText(name)} takes paths such as ${match.path}..;/, which can reach every route of the application, signed ones too: ${rawPaths.reason}`,
      );
  const shared = { name, match, events: defaultEvents, ...(rawPaths && { takesRawPaths: true as const }) };
  if (passThrough === undefined) return ownPolicy(entry, shared, input, node);
  return passThroughPolicy(passThrough.reason, shared, node);
}

function refuseForeignKeys(entry: PolicyInput, kind: PolicyKind, node: ConfigurationNode): void {
  const allowed = new Set<string>(['name', ...keysOfKind[kind]]);
  const label = kindLabels[kind];
  for (const key of Object.keys(entry))
    if (!allowed.has(key))
      node
        .at(key)
        .problem(`has no place in ${label}`, `remove it; ${label} takes ${[...allowed].join(', ')}`);
}

/** What policies with a route of their own have in common. */
type RoutedPolicy = Pick<Policy, 'name' | 'match' | 'events' | 'takesRawPaths'>;

function passThroughPolicy(reason: string, shared: RoutedPolicy, node: ConfigurationNode): Policy {
  const { kind, path } = shared.match;
  if (kind === 'prefix' && path === '/')
    node
      .at('match', 'pathPrefix')
      .problem(
        'would let every path through unchecked',
        'name the paths that need it; a pass-through is never the default',
      );
  node.warn(`${quoteText(shared.name)} lets ${path} through unchecked: ${reason}`);
  return { kind: 'pass_through', ...shared, reason };
}

function profilePolicy(
  entry: PolicyInput,
  profile: Profile,
  input: ConfigurationInput,
  node: ConfigurationNode,
): SignedPolicy {
  checkProfileKeys(entry, node);
  const once = profile.signature === 'headers' || (entry.once ?? false);
  const parts = profile.contract(entry.schemaVersions);
  return {
    kind: 'signed',
    name: entry.name,
    match: profile.match,
    events: profile.events,
    signature: profile.signature,
    once,
    freshness: freshnessOf(entry, input, once, node),
    maxBodyBytes: maxBodyBytesOf(entry, input, node),
    body: buildContract(parts),
    rateLimit: rateLimitOf(entry, input, profile.rateLimitGroup, parts),
    answer: answerOf(entry, input, parts.roles.operator !== undefined, node),
    remembersExecution: input.feedback !== undefined && entry.profile === 'federation.execution-graph',
  };
}

function checkProfileKeys(entry: PolicyInput, node: ConfigurationNode): void {
  const isTelemetry = entry.profile === 'federation.telemetry';
  if (isTelemetry && entry.schemaVersions === undefined)
    node.warn(`${quoteText(entry.name)} takes any schema version`);
  if (!isTelemetry && entry.schemaVersions !== undefined)
    node.at('schemaVersions').problem('is fixed by this profile', 'remove it');
  if (entry.profile === 'federation.verify') {
    if (entry.once !== true && entry.freshness !== undefined)
      node.at('freshness').problem('has no effect while bundles may be old', 'add once: true, or remove it');
  } else if (entry.once !== undefined) {
    node.at('once').problem('is no choice here: every signed request counts once', 'remove it');
  }
}

function ownPolicy(
  entry: PolicyInput,
  shared: RoutedPolicy,
  input: ConfigurationInput,
  node: ConfigurationNode,
): SignedPolicy | undefined {
  const parts = entry.body && genericContract(entry.body.json, node.at('body', 'json'));
  const freshness = freshnessOf(entry, input, true, node);
  const maxBodyBytes = maxBodyBytesOf(entry, input, node);
  if (entry.body !== undefined && parts === undefined) return undefined;
  return {
    kind: 'signed',
    ...shared,
    signature: 'headers',
    once: true,
    freshness,
    maxBodyBytes,
    body: parts && buildContract(parts),
    rateLimit: rateLimitOf(entry, input, defaultRateLimitGroup, parts),
    answer: answerOf(entry, input, parts?.roles.operator !== undefined, node),
    remembersExecution: false,
  };
}

/** Warns where a policy asks for an operator and nobody is mapped: it would refuse every request. */
export function warnAboutOperators({ operators, policies }: Snapshot, load: LoadContext): void {
  if (operators.size > 0) return;
  for (const policy of policies.values())
    if (policy.kind === 'signed' && policy.body?.roles.operator !== undefined)
      load
        .at('operators')
        .warn(`no operator is mapped to a tenant: ${quoteText(policy.name)} will refuse every request`);
}
