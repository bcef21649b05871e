/** The options by which `audit query` and `audit export` choose records. */
import type { Command } from 'commander';
import type { FilterField, RecordFilter } from '../audit/read/record-filter.js';
import type { CliWorld } from './command.js';
import { collecting, wholeNumber } from './option-values.js';
import { pointOfTime } from './time-value.js';

/** As commander gives them. */
export interface FilterOptions {
  readonly since?: number;
  readonly until?: number;
  readonly id?: readonly string[];
  readonly identity?: readonly string[];
  readonly claimedIdentity?: readonly string[];
  readonly tenant?: readonly string[];
  readonly operator?: readonly string[];
  readonly policy?: readonly string[];
  readonly code?: readonly string[];
  readonly wouldRefuse?: readonly string[];
  readonly event?: readonly string[];
  readonly nonceHash?: readonly string[];
  readonly limit?: number;
}

const VALUE = /^[^\x00-\x1f\x7f]{1,512}$/;

/** Adds them to a command. */
export function addFilterOptions(command: Command, world: CliWorld): Command {
  const time = pointOfTime(() => world.nowMs());
  const values = collecting(VALUE);
  return command
    .option('--since <time>', 'from this time on: RFC 3339, a day, or so long ago (2h, 7d)', time)
    .option('--until <time>', 'before this time, in the same forms', time)
    .option('--id <id>', 'of this request: our id, the x-request-id of Envoy, or copies that name it', values)
    .option('--identity <name>', 'of this identity', values)
    .option('--claimed-identity <name>', 'that claim this identity, which was not proven', values)
    .option('--tenant <id>', 'of this tenant', values)
    .option('--operator <id>', 'of this operator', values)
    .option('--policy <name>', 'judged by this policy', values)
    .option('--code <code>', 'with this code, such as allow or replayed_nonce', values)
    .option(
      '--would-refuse <code>',
      'let pass by report-only, which would have been refused with this code',
      values,
    )
    .option('--event <name>', 'with this event', values)
    .option('--nonce-hash <hash>', 'all that came with this nonce, as a record names it', values)
    .option('--limit <count>', 'stop after so many records', wholeNumber(1, Number.MAX_SAFE_INTEGER));
}

/** What they say. */
export function filterOf(options: FilterOptions): RecordFilter {
  const fields = new Map<FilterField, readonly string[]>();
  const add = (field: FilterField, values: readonly string[] | undefined): void => {
    if (values !== undefined) fields.set(field, values);
  };
  add('identity', options.identity);
  add('claimed_identity', options.claimedIdentity);
  add('tenant', options.tenant);
  add('operator', options.operator);
  add('policy', options.policy);
  add('code', options.code);
  add('would_refuse', options.wouldRefuse);
  add('event', options.event);
  add('nonce_hash', options.nonceHash);
  return {
    ...(options.since === undefined ? {} : { sinceMs: options.since }),
    ...(options.until === undefined ? {} : { untilMs: options.until }),
    ...(options.id === undefined ? {} : { ids: options.id }),
    fields,
  };
}
