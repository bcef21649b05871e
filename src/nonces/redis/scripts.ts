/**
 * What is decided inside Redis: every script is one atomic step, and touches keys of one slot alone.
 * docs/adr/0004-redis.md tells why each of them looks the way it does.
 *
 * The keys of a shard: `state` (hash: lineage, run, epoch, floor, past, future), `session:<verifier>` (the
 * generation that may claim), `n:<nonce key>` (a claim), `held` and `held:<identity>` (hash: how many claims are
 * remembered, by the second of their timestamps).
 */
import { redisScript } from '../../storage/redis/script.js';
import { CLAIM, SETTLE, WITHDRAW } from './claim-scripts.js';
import { RATE_LIMIT_SCRIPTS } from '../../rate-limits/redis-scripts.js';
import { ATTACH, LOOK } from './state-scripts.js';

/** All scripts of the nonce store by name. */
export const REDIS_SCRIPTS = {
  attach: redisScript(ATTACH),
  claim: redisScript(CLAIM),
  withdraw: redisScript(WITHDRAW),
  settle: redisScript(SETTLE),
  look: redisScript(LOOK),
  ...RATE_LIMIT_SCRIPTS,
} as const;
