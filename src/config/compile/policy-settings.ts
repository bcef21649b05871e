/** What a policy says besides its route: time, size and rate of its requests, and what becomes of the answer. */
import type { Freshness, RateLimit, SignedPolicy } from '../../verify/snapshot.js';
import { formatPath, quote, type ConfigurationPath } from '../document/findings.js';
import type { PolicyInput } from '../schema/policy.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { LoadContext } from './context.js';
import type { ContractParts } from './json-body.js';
import { defaultRateLimitGroup } from './profiles.js';

/** The window, held against the retention that the file promises (docs/security-requirements.md#17). */
export function freshnessOf(
  entry: PolicyInput,
  input: ConfigurationInput,
  once: boolean,
  path: ConfigurationPath,
  context: LoadContext,
): Freshness {
  const freshness = {
    pastSkewSeconds: entry.freshness?.pastSkewSeconds ?? input.freshness.pastSkewSeconds,
    futureSkewSeconds: entry.freshness?.futureSkewSeconds ?? input.freshness.futureSkewSeconds,
  };
  const needed = freshness.pastSkewSeconds + freshness.futureSkewSeconds + 1;
  const retention = input.nonces.retentionSeconds;
  if (once && retention !== undefined && retention < needed) {
    const window = `the window of policy ${quote(entry.name)} (${formatPath(path)})`;
    context.findings.problem(
      ['nonces', 'retentionSeconds'],
      `is ${retention} s, and ${window} needs ${needed} s: a request could be replayed after its nonce is forgotten`,
      `set it to at least ${needed}, leave it out, or narrow the window`,
    );
  }
  return freshness;
}

/** The largest body of the policy, which no policy can put above the ceiling of the file. */
export function maxBodyBytesOf(
  entry: PolicyInput,
  input: ConfigurationInput,
  path: ConfigurationPath,
  context: LoadContext,
): number {
  const ceiling = input.limits.maxBodyBytes;
  const own = entry.maxBodyBytes ?? ceiling;
  if (own > ceiling)
    context.findings.problem(
      [...path, 'maxBodyBytes'],
      `is more than limits.maxBodyBytes (${ceiling}), so Envoy would never send it`,
      'raise limits.maxBodyBytes, or lower this',
    );
  return own;
}

/**
 * A limit of a policy's own is counted in a group of its own. Where a body has no operator, the identity is
 * counted instead, in another group, so that an operator and an identity of one name stay two.
 */
export function rateLimitOf(
  entry: PolicyInput,
  input: ConfigurationInput,
  group: string,
  parts: ContractParts | undefined,
): RateLimit | undefined {
  const limit = entry.rateLimit ?? input.rateLimit;
  if (limit === undefined || limit === false || limit.perMinute === 0) return undefined;
  const shared = entry.rateLimit === undefined || group !== defaultRateLimitGroup;
  const counted = shared ? group : `policy:${entry.name}`;
  return {
    group: parts?.roles.operator === undefined ? `${counted}:identity` : counted,
    perMinute: limit.perMinute,
  };
}

/** The profile whose answers are feedback. */
const feedbackProfile = 'federation.feedback-query';

/**
 * The answer of a signed policy: signed where the file says so, and with the feedback profile where it does not say
 * otherwise. `hasOperator` is whether the body names one, since without an operator there is no verified tenant.
 */
export function answerOf(
  entry: PolicyInput,
  input: ConfigurationInput,
  hasOperator: boolean,
  path: ConfigurationPath,
  context: LoadContext,
): SignedPolicy['answer'] {
  const isFeedback = entry.profile === feedbackProfile;
  if (!(entry.answer?.signed ?? isFeedback)) return 'as_is';
  const { findings } = context;
  if (entry.profile !== undefined && !isFeedback)
    findings.problem([...path, 'answer'], 'cannot be signed: it is no feedback', 'remove it');
  else if (!hasOperator)
    findings.problem(
      [...path, 'answer'],
      'cannot be signed: the body names no operator, and so no tenant to sign for',
      'add body.json.operator, or say signed: false',
    );
  else if (input.feedback === undefined)
    findings.problem(
      entry.answer === undefined ? path : [...path, 'answer'],
      `${quote(entry.name)} signs its answers, and the file has no key for that`,
      'add feedback: { keys: [{ kid, privateKeyFile }] } (`countersign keygen` makes a key), or say answer: { signed: false } here',
    );
  refuseMethodsWithoutBody(entry, path, findings);
  return 'signed_feedback';
}

/** Of a policy of one's own: what is signed is a body that answers a body. */
function refuseMethodsWithoutBody(
  { match }: PolicyInput,
  path: ConfigurationPath,
  findings: LoadContext['findings'],
): void {
  const methods = match?.methods ?? [];
  if (methods.length === 0 || methods.some((method) => method !== 'HEAD' && method !== 'GET')) return;
  findings.problem(
    [...path, 'answer'],
    'cannot be signed: a GET or HEAD has no body that could name its operator, so every such request would be refused',
    'name methods with a body, such as POST, or say signed: false',
  );
}
