/** What has ended, or soon will. */
import type { LoadContext } from './context.js';
import type { ConfigurationPath } from '../document/findings.js';

/** Long enough to get a certificate from somebody else. */
const soonMilliseconds = 14 * 24 * 3_600_000;

/** Warns of an end that has come, or comes within 14 days. `what` begins the sentence: `this key`. */
export function warnOfEnd(
  notAfterMs: number,
  what: string,
  path: ConfigurationPath,
  { findings, nowMs }: LoadContext,
): void {
  if (notAfterMs <= nowMs) findings.warn(path, `${what} has expired`);
  else if (notAfterMs - nowMs < soonMilliseconds)
    findings.warn(path, `${what} ends within 14 days, at ${new Date(notAfterMs).toISOString()}`);
}
