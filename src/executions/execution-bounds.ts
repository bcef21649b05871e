/** How much is kept, and for how long; a wrong number is met before anything is opened. */

/** Bounds of a store. Every number is a whole one. */
export interface ExecutionBounds {
  /** Pairs that are kept for one tenant. */
  readonly maxPerTenant: number;
  /** Pairs that are kept in all; at least `maxPerTenant`. */
  readonly maxInAll: number;
  /** How long after it was last submitted a pair is known. */
  readonly retentionSeconds: number;
}

/** A store that cannot be opened as configured; `message` names the setting or the path, and the remedy. */
export class ExecutionStoreError extends Error {
  override readonly name = 'ExecutionStoreError';
}

const MAX_PAIRS = 100_000_000;
/** Ten years. */
const MAX_RETENTION_SECONDS = 315_360_000;

/** Throws `ExecutionStoreError` on a number outside its bounds. */
export function checkExecutionBounds({ maxPerTenant, maxInAll, retentionSeconds }: ExecutionBounds): void {
  bounded('maxPerTenant', maxPerTenant, 1, MAX_PAIRS);
  bounded('maxInAll', maxInAll, maxPerTenant, MAX_PAIRS);
  bounded('retentionSeconds', retentionSeconds, 1, MAX_RETENTION_SECONDS);
}

function bounded(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new ExecutionStoreError(
    `execution store: ${name} is ${value}; give a whole number from ${least} to ${most}`,
  );
}
