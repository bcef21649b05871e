/** A span of Unix milliseconds in which something may be used: `notBeforeMs` ≤ now < `notAfterMs`. */
export interface ValidityInterval {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Whether something may be used at a moment, in Unix milliseconds. */
export function isValidAt({ notBeforeMs, notAfterMs }: ValidityInterval, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}

/** Of several the one that begins last, and of those the last in the list; undefined of none. */
export function latestOf<Interval extends ValidityInterval>(
  intervals: readonly Interval[],
): Interval | undefined {
  return intervals.reduce<Interval | undefined>(
    (latest, one) => (latest === undefined || one.notBeforeMs >= latest.notBeforeMs ? one : latest),
    undefined,
  );
}
