/** What a policy says besides its route: time, size and rate of its requests, and what becomes of the answer. */
import type { Freshness, RateLimit, SignedPolicy } from '../../verify/snapshot.js';
import { formatPath } from '../document/findings.js';
import { quoteText } from '../../json/escape-text.js';
import type { PolicyInput } from '../schema/policy.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { ConfigurationNode } from './context.js';
import type { ContractParts } from './json-body.js';
import { defaultRateLimitGroup } from './profiles.js';

/** The window, held against the retention that the file promises (docs/security-requirements.md#17). */
export function freshnessOf(
  entry: PolicyInput,
  input: ConfigurationInput,
  once: boolean,
  node: ConfigurationNode,
): Freshness {
  const freshness = {
    pastSkewSeconds: entry.freshness?.pastSkewSeconds ?? input.freshness.pastSkewSeconds,
    futureSkewSeconds: entry.freshness?.futureSkewSeconds ?? input.freshness.futureSkewSeconds,
  };
  const needed = freshness.pastSkewSeconds + freshness.futureSkewSeconds + 1;
  const retention = input.nonces.retentionSeconds;
  if (once && retention !== undefined && retention < needed) {
    const window = `the window of policy ${quoteText(entry.name)} (${formatPath(node.path)})`;
    node.load
      .at('nonces', 'retentionSeconds')
      .problem(
        `is ${retention} s, and ${window} needs ${needed} s: a request could be replayed after its nonce is forgotten`,
        `set it to at least ${needed}, leave it out, or narrow the window`,
      );
  }
  return freshness;
}

/** The largest body of the policy, which no policy can put above the ceiling of the file. */
export function maxBodyBytesOf(
  { maxBodyBytes }: PolicyInput,
  { limits }: ConfigurationInput,
  node: ConfigurationNode,
): number {
  const own = maxBodyBytes ?? limits.maxBodyBytes;
  if (own > limits.maxBodyBytes)
    node
      .at('maxBodyBytes')
      .problem(
        `is more than limits.maxBodyBytes (${limits.maxBodyBytes}), so Envoy would never send it`,
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
  node: ConfigurationNode,
): SignedPolicy['answer'] {
  const isFeedback = entry.profile === feedbackProfile;
  if (!(entry.answer?.signed ?? isFeedback)) return 'as_is';
  const answer = node.at('answer');
  if (entry.profile !== undefined && !isFeedback)
    answer.problem('cannot be signed: it is no feedback', 'remove it');
  else if (!hasOperator)
    answer.problem(
      'cannot be signed: the body names no operator, and so no tenant to sign for',
      'add body.json.operator, or say signed: false',
    );
  else if (input.feedback === undefined)
    (entry.answer === undefined ? node : answer).problem(
      `${quoteText(entry.name)} signs its answers, and the file has no key for that`,
      'add feedback: { keys: [{ kid, privateKeyFile }] } (`countersign keygen` makes a key), or say answer: { signed: false } here',
    );
  // Of a policy of one's own: what is signed is a body that answers a body.
  if (entry.match?.methods.every((method) => method === 'HEAD' || method === 'GET') === true)
    answer.problem(
      'cannot be signed: a GET or HEAD has no body that could name its operator, so every such request would be refused',
      'name methods with a body, such as POST, or say signed: false',
    );
  return 'signed_feedback';
}
