/**
 * What is decided inside Redis: every script is one atomic step, and touches keys of one slot alone.
 * docs/adr/0004-redis.md tells why each of them looks the way it does.
 *
 * The keys of a shard: `state` (hash: lineage, run, epoch, floor, past, future), `session:<verifier>` (the
 * generation that may claim), `n:<nonce key>` (a claim), `held` and `held:<identity>` (hash: how many claims are
 * remembered, by the second of their timestamps).
 */
import { createHash } from 'node:crypto';
import { CLAIM, SETTLE, WITHDRAW } from '../../nonces/redis/claim-scripts.js';
import { RELEASE, RESERVE } from '../../rate-limits/redis-scripts.js';
import { ATTACH, LOOK } from './state-scripts.js';

/** A script with the name by which Redis knows it once it is loaded. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/** All scripts of the nonce store by name. */
export const REDIS_SCRIPTS = {
  attach: redisScript(ATTACH),
  claim: redisScript(CLAIM),
  withdraw: redisScript(WITHDRAW),
  settle: redisScript(SETTLE),
  look: redisScript(LOOK),
  reserve: redisScript(RESERVE),
  release: redisScript(RELEASE),
} as const;

/** A script with its name, from its text. */
export function redisScript(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
