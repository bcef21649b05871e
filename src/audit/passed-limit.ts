/** Which limit a refused request has passed, by the name of its setting, so that a record says what to look at. */
import type { DecisionFacts } from '../verify/decision.js';
import type { Refusal } from '../verify/refusal.js';
import type { SignedPolicy } from '../verify/snapshot.js';

/** A setting of the configuration and its value. */
export interface PassedLimit {
  readonly name:
    | 'freshness.pastSkewSeconds'
    | 'freshness.futureSkewSeconds'
    | 'maxBodyBytes'
    | 'rateLimit.perMinute'
    | 'nonces.maxEntries'
    | 'nonces.maxEntriesPerIdentity';
  readonly value: number;
}

/** Bounds of the process that a request may meet. */
export interface NonceBounds {
  readonly maxEntries: number;
  readonly maxEntriesPerIdentity: number;
}

/** Undefined where the refusal is about no limit, or about one that no setting states. */
export function passedLimit(
  { code }: Refusal,
  { policy, skewSeconds }: DecisionFacts,
  nonces: NonceBounds,
): PassedLimit | undefined {
  if (code === 'nonce_store_full') return { name: 'nonces.maxEntries', value: nonces.maxEntries };
  if (code === 'nonce_quota_exceeded')
    return { name: 'nonces.maxEntriesPerIdentity', value: nonces.maxEntriesPerIdentity };
  if (policy?.kind !== 'signed') return undefined;
  if (code === 'body_too_large') return { name: 'maxBodyBytes', value: policy.maxBodyBytes };
  if (code === 'timestamp_outside_window') return edgeOf(policy, skewSeconds ?? 0);
  if (code !== 'rate_limited' || policy.rateLimit === undefined) return undefined;
  return { name: 'rateLimit.perMinute', value: policy.rateLimit.perMinute };
}

function edgeOf({ freshness }: SignedPolicy, skewSeconds: number): PassedLimit {
  return skewSeconds > 0
    ? { name: 'freshness.futureSkewSeconds', value: freshness.futureSkewSeconds }
    : { name: 'freshness.pastSkewSeconds', value: freshness.pastSkewSeconds };
}
