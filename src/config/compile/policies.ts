/** Policies: each compiled by its kind, from a profile, from pointers, or as a declared pass-through. */
import type { Policy, RouteMatch, SignedPolicy, Snapshot } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import type { PolicyInput } from '../schema/policy.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { LoadContext } from './context.js';
import { buildContract, genericContract } from './json-body.js';
import { answerOf, freshnessOf, maxBodyBytesOf, rateLimitOf } from './policy-settings.js';
import { defaultEvents, defaultRateLimitGroup, profiles, type Profile } from './profiles.js';
import { compileMatch, noteInnerRoutes, refuseHidden } from './routes.js';

/** All policies by name, in the order of the file; faults are noted. */
export function compilePolicies(input: ConfigurationInput, context: LoadContext): Map<string, Policy> {
  const policies = new Map<string, Policy>();
  const placed: { readonly policy: Policy; readonly path: ConfigurationPath }[] = [];
  input.policies.forEach((entry, index) => {
    const path = ['policies', index];
    const policy = compilePolicy(entry, input, path, context);
    if (policies.has(entry.name))
      context.findings.problem(
        [...path, 'name'],
        `repeats ${quote(entry.name)}`,
        'give each policy a name of its own',
      );
    if (policy === undefined) return;
    policies.set(entry.name, policy);
    placed.push({ policy, path });
  });
  refuseHidden(placed, context.findings);
  noteInnerRoutes(placed, policies, context.findings);
  const { retentionSeconds } = input.nonces;
  if (retentionSeconds !== undefined && !placed.some(({ policy }) => policy.kind === 'signed' && policy.once))
    context.findings.warn(
      ['nonces', 'retentionSeconds'],
      'has no effect: it is held against the windows of policies that take a request once, and there is none',
    );
  if (input.policies.length === 0)
    context.findings.problem(
      ['policies'],
      'has no policy, so every request would be refused',
      'add a policy',
    );
  return policies;
}

/** The keys that each kind of policy takes, besides `name`. */
const keysOfKind = {
  profile: ['profile', 'schemaVersions', 'once', 'freshness', 'maxBodyBytes', 'rateLimit', 'answer'],
  passThrough: ['passThrough', 'match', 'rawPaths'],
  own: ['match', 'rawPaths', 'freshness', 'maxBodyBytes', 'rateLimit', 'body', 'answer'],
} as const;

function compilePolicy(
  entry: PolicyInput,
  input: ConfigurationInput,
  path: ConfigurationPath,
  context: LoadContext,
): Policy | undefined {
  const kind =
    entry.profile !== undefined ? 'profile' : entry.passThrough !== undefined ? 'passThrough' : 'own';
  refuseForeignKeys(entry, kind, path, context);
  if (entry.profile !== undefined) return profilePolicy(entry, profiles[entry.profile], input, path, context);
  const match = compileMatch(entry, path, context.findings);
  if (match === undefined) return undefined;
  if (entry.rawPaths !== undefined)
    context.findings.warn(
      [...path, 'rawPaths'],
      `${quote(entry.name)} takes paths such as ${match.path}..;/, which can reach every route of the application, signed ones too: ${entry.rawPaths.reason}`,
    );
  if (entry.passThrough !== undefined)
    return passThroughPolicy(entry, entry.passThrough.reason, match, path, context);
  return ownPolicy(entry, match, input, path, context);
}

function refuseForeignKeys(
  entry: PolicyInput,
  kind: keyof typeof keysOfKind,
  path: ConfigurationPath,
  context: LoadContext,
): void {
  const allowed = new Set<string>(['name', ...keysOfKind[kind]]);
  const label = { profile: 'a profile', passThrough: 'a pass-through', own: 'a policy of your own' }[kind];
  for (const key of Object.keys(entry)) {
    if (allowed.has(key)) continue;
    context.findings.problem(
      [...path, key],
      `has no place in ${label}`,
      `remove it; ${label} takes ${[...allowed].join(', ')}`,
    );
  }
}

function passThroughPolicy(
  { name, rawPaths }: PolicyInput,
  reason: string,
  match: RouteMatch,
  path: ConfigurationPath,
  context: LoadContext,
): Policy {
  if (match.kind === 'prefix' && match.path === '/')
    context.findings.problem(
      [...path, 'match', 'pathPrefix'],
      'would let every path through unchecked',
      'name the paths that need it; a pass-through is never the default',
    );
  context.findings.warn(path, `${quote(name)} lets ${match.path} through unchecked: ${reason}`);
  return { kind: 'pass_through', name, match, events: defaultEvents, reason, ...rawPathsOf(rawPaths) };
}

function rawPathsOf(input: PolicyInput['rawPaths']): Pick<Policy, 'takesRawPaths'> {
  return input === undefined ? {} : { takesRawPaths: true };
}

function profilePolicy(
  entry: PolicyInput,
  profile: Profile,
  input: ConfigurationInput,
  path: ConfigurationPath,
  context: LoadContext,
): SignedPolicy {
  checkProfileKeys(entry, path, context);
  const once = profile.signature === 'headers' || (entry.once ?? false);
  const parts = profile.contract(entry.schemaVersions);
  return {
    kind: 'signed',
    name: entry.name,
    match: profile.match,
    events: profile.events,
    signature: profile.signature,
    once,
    freshness: freshnessOf(entry, input, once, path, context),
    maxBodyBytes: maxBodyBytesOf(entry, input, path, context),
    body: buildContract(parts),
    rateLimit: rateLimitOf(entry, input, profile.rateLimitGroup, parts),
    answer: answerOf(entry, input, parts.roles.operator !== undefined, path, context),
    remembersExecution: input.feedback !== undefined && entry.profile === 'federation.execution-graph',
  };
}

function checkProfileKeys(entry: PolicyInput, path: ConfigurationPath, context: LoadContext): void {
  const isTelemetry = entry.profile === 'federation.telemetry';
  if (isTelemetry && entry.schemaVersions === undefined)
    context.findings.warn(path, `${quote(entry.name)} takes any schema version`);
  if (!isTelemetry && entry.schemaVersions !== undefined)
    context.findings.problem([...path, 'schemaVersions'], 'is fixed by this profile', 'remove it');
  if (entry.profile === 'federation.verify') {
    if (entry.once !== true && entry.freshness !== undefined)
      context.findings.problem(
        [...path, 'freshness'],
        'has no effect while bundles may be old',
        'add once: true, or remove it',
      );
  } else if (entry.once !== undefined) {
    context.findings.problem(
      [...path, 'once'],
      'is no choice here: every signed request counts once',
      'remove it',
    );
  }
}

function ownPolicy(
  entry: PolicyInput,
  match: RouteMatch,
  input: ConfigurationInput,
  path: ConfigurationPath,
  context: LoadContext,
): SignedPolicy | undefined {
  const parts =
    entry.body === undefined
      ? undefined
      : genericContract(entry.body.json, [...path, 'body', 'json'], context.findings);
  const shared = {
    freshness: freshnessOf(entry, input, true, path, context),
    maxBodyBytes: maxBodyBytesOf(entry, input, path, context),
  };
  if (entry.body !== undefined && parts === undefined) return undefined;
  return {
    kind: 'signed',
    name: entry.name,
    match,
    events: defaultEvents,
    ...rawPathsOf(entry.rawPaths),
    signature: 'headers',
    once: true,
    ...shared,
    body: parts === undefined ? undefined : buildContract(parts),
    rateLimit: rateLimitOf(entry, input, defaultRateLimitGroup, parts),
    answer: answerOf(entry, input, parts?.roles.operator !== undefined, path, context),
    remembersExecution: false,
  };
}

/** Warns where a policy asks for an operator and nobody is mapped: it would refuse every request. */
export function warnAboutOperators(snapshot: Snapshot, context: LoadContext): void {
  if (snapshot.operators.size > 0) return;
  for (const policy of snapshot.policies.values()) {
    if (policy.kind === 'signed' && policy.body?.roles.operator !== undefined)
      context.findings.warn(
        ['operators'],
        `no operator is mapped to a tenant: ${quote(policy.name)} will refuse every request`,
      );
  }
}
