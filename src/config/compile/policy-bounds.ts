/** What bounds the requests of one policy: time, size and rate. */
import type { Freshness, RateLimit } from '../../verify/snapshot.js';
import type { ContractParts } from './body-contract.js';
import type { LoadContext } from './context.js';
import { formatPath, quote, type ConfigurationPath } from '../document/findings.js';
import { defaultRateLimitGroup } from './profiles.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { PolicyInput } from '../schema/policy.js';

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
