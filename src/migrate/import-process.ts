/** The part of an environment that says how the process behaves: window, store, limit. */
import { MAX_PER_MINUTE, MAX_RETENTION_SECONDS, MAX_SKEW_SECONDS } from '../config/schema/schema-common.js';
import type { ImportContext } from './import-context.js';
import { readStores, type ImportedStore } from './import-stores.js';

/** What was read; unusable when the context has problems. */
export interface ImportedProcess {
  readonly skewSeconds: number;
  /** What the gateway kept nonces for; checked against the window. */
  readonly retentionSeconds: number;
  readonly nonces: ImportedStore;
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
  const skewSeconds = context.integer('VV_TG_ALLOWED_CLOCK_SKEW_SECONDS', {
    min: 0,
    max: MAX_SKEW_SECONDS,
    fallback: 30,
  });
  const retentionSeconds = context.integer('VV_TG_NONCE_TTL_SECONDS', {
    min: 1,
    max: MAX_RETENTION_SECONDS,
    fallback: 120,
  });
  const needed = 2 * skewSeconds + 1;
  if (retentionSeconds < needed)
    context.problem(
      'VV_TG_NONCE_TTL_SECONDS',
      `leaves seconds in which a request can be replayed: a skew of ${skewSeconds} s needs ${needed} s, and this is ${retentionSeconds} s`,
      `set it to at least ${needed}, or lower VV_TG_ALLOWED_CLOCK_SKEW_SECONDS`,
    );
  const perMinute = context.integer('VV_TG_RATE_LIMIT_PER_MINUTE', {
    min: 0,
    max: MAX_PER_MINUTE,
    fallback: 120,
  });
  if (perMinute === 0) context.note('VV_TG_RATE_LIMIT_PER_MINUTE', 'is 0, which is no limit here');
  return { skewSeconds, retentionSeconds, nonces: readStores(context), perMinute };
}
