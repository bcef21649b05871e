/** The part of an environment that says how the process behaves: window, store, limit. */
import type { ImportContext } from './import-context.js';

/** What was read; unusable when the context has problems. */
export interface ImportedProcess {
  readonly skewSeconds: number;
  /** What the gateway kept nonces for; checked against the window. */
  readonly retentionSeconds: number;
  readonly store: 'lmdb' | 'memory';
  /** 0: no limit. */
  readonly perMinute: number;
}

/** Refuses an environment that switches a proof off: there is nothing here that it could become. */
export function refuseUnsignedMode(context: ImportContext): void {
  const remedy = 'set it to 1 and give every producer what it needs; there is no mode without proof here';
  if (!context.isOn('VV_TG_REQUIRE_MTLS', true))
    context.problem(
      'VV_TG_REQUIRE_MTLS',
      'is off, and a caller without a pinned certificate is nobody here',
      remedy,
    );
  if (!context.isOn('VV_TG_REQUIRE_PAYLOAD_SIGNATURE', true))
    context.problem(
      'VV_TG_REQUIRE_PAYLOAD_SIGNATURE',
      'is off, and an unsigned request is always refused here',
      remedy,
    );
}

/** Reads window, store and limit. */
export function readProcess(context: ImportContext): ImportedProcess {
  const skewSeconds = context.integer('VV_TG_ALLOWED_CLOCK_SKEW_SECONDS', { min: 0, max: 300, fallback: 30 });
  const retentionSeconds = context.integer('VV_TG_NONCE_TTL_SECONDS', { min: 1, max: 86_400, fallback: 120 });
  const needed = 2 * skewSeconds + 1;
  if (retentionSeconds < needed)
    context.problem(
      'VV_TG_NONCE_TTL_SECONDS',
      `leaves seconds in which a request can be replayed: a skew of ${skewSeconds} s needs ${needed} s, and this is ${retentionSeconds} s`,
      `set it to at least ${needed}, or lower VV_TG_ALLOWED_CLOCK_SKEW_SECONDS`,
    );
  const perMinute = context.integer('VV_TG_RATE_LIMIT_PER_MINUTE', { min: 0, max: 1_000_000, fallback: 120 });
  if (perMinute === 0) context.note('VV_TG_RATE_LIMIT_PER_MINUTE', 'is 0, which is no limit here');
  const store = readStore(context);
  noteRateLimitBackend(context);
  if (context.has('VV_TG_REDIS_URL'))
    context.note('VV_TG_REDIS_URL', 'is not carried over: this build has no Redis store yet');
  return { skewSeconds, retentionSeconds, store, perMinute };
}

function readStore(context: ImportContext): 'lmdb' | 'memory' {
  const name = 'VV_TG_NONCE_BACKEND';
  const backend = context.value(name)?.toLowerCase();
  if (backend === 'memory') {
    context.note(
      name,
      'is memory: nonces are forgotten at a restart, so the first seconds after one are refused; lmdb remembers',
    );
    return 'memory';
  }
  if (backend === 'redis')
    context.note(
      name,
      'is redis, which this build does not have yet: lmdb is chosen, shared by the workers of one machine and not by several machines',
    );
  else if (backend !== undefined)
    context.problem(name, 'is neither redis nor memory', 'set one of the two, or remove it');
  return 'lmdb';
}

function noteRateLimitBackend(context: ImportContext): void {
  const name = 'VV_TG_RATE_LIMIT_BACKEND';
  const backend = context.value(name)?.toLowerCase();
  if (backend === 'redis') context.note(name, 'is redis: here every process counts for itself');
  else if (backend !== undefined && backend !== 'memory')
    context.problem(name, 'is neither redis nor memory', 'set one of the two, or remove it');
}
