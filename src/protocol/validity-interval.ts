/** A span of Unix milliseconds in which something may be used: `notBeforeMs` ≤ now < `notAfterMs`. */
export interface ValidityInterval {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Whether something may be used at a moment, in Unix milliseconds. */
export function isValidAt({ notBeforeMs, notAfterMs }: ValidityInterval, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}
