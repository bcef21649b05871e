/**
 * When an old key or pin ends as a new one begins, so that at no moment there is none: the rules of the commands that
 * rotate. Pure; a rotation that would leave a gap is a fault.
 */
import { isValidAt, type ValidityInterval } from '../protocol/validity-interval.js';
import { CliFault, ExitCode } from './command.js';
import { isoTime } from './text.js';

/** A key or a pin as the configuration has it, in the order of its list. */
export interface DatedEntry extends ValidityInterval {
  /** As a sentence names it: `key k1`. */
  readonly what: string;
}

/** An entry, by its place in the list, that gets an earlier end than it has. */
export interface EndedEntry {
  readonly index: number;
  readonly what: string;
  readonly notAfterMs: number;
}

/** When the new one begins, and when those before it end. Unix milliseconds. */
export interface Handover {
  readonly beginMs: number;
  readonly endMs: number;
}

/** Those that have no earlier end; what has ended already stays as it is. */
export function endedBy(
  entries: readonly DatedEntry[],
  { endMs }: Handover,
  nowMs: number,
): readonly EndedEntry[] {
  return entries.flatMap(({ what, notAfterMs }, index) =>
    nowMs < notAfterMs && endMs < notAfterMs ? [{ index, what, notAfterMs: endMs }] : [],
  );
}

/** Throws while an earlier rotation is under way: another one would take away what was announced. */
export function refusePending(entries: readonly DatedEntry[], nowMs: number): void {
  const pending = entries.find(({ notBeforeMs, notAfterMs }) => nowMs < notBeforeMs && nowMs < notAfterMs);
  if (pending === undefined) return;
  throw new CliFault(
    `a rotation is under way: ${pending.what} begins at ${isoTime(pending.notBeforeMs)}`,
    'run this again after that, or take that entry out of the configuration first',
    ExitCode.refused,
  );
}

/** Throws where something counts now, and nothing would until the new one begins. Where nothing counts now, there is nothing to keep. */
export function refuseGap(entries: readonly DatedEntry[], { beginMs, endMs }: Handover, nowMs: number): void {
  const ends = entries.map((entry) => ({ ...entry, notAfterMs: Math.min(entry.notAfterMs, endMs) }));
  const reached = reachOf(ends, nowMs);
  if (reached === undefined || beginMs <= reached.notAfterMs) return;
  throw new CliFault(
    `${reached.what} ends at ${isoTime(reached.notAfterMs)}, before the new one begins at ${isoTime(beginMs)}: nothing would count in between`,
    'let the new one begin earlier, or keep the old one for longer',
    ExitCode.refused,
  );
}

/** The last of a chain of entries, beginning with those that count now, each of which begins before the one before it has ended. */
function reachOf(entries: readonly DatedEntry[], nowMs: number): DatedEntry | undefined {
  let last: DatedEntry | undefined;
  for (let atMs = nowMs; ;) {
    const next = entries
      .filter((entry) => isValidAt(entry, atMs))
      .reduce<DatedEntry | undefined>(
        (longest, entry) =>
          longest !== undefined && entry.notAfterMs <= longest.notAfterMs ? longest : entry,
        undefined,
      );
    if (next === undefined) return last;
    if (!Number.isFinite(next.notAfterMs)) return next;
    [last, atMs] = [next, next.notAfterMs];
  }
}

/** The validity that two optional texts of a configuration say, which the loader has taken. */
export function spanOfTexts({
  notBefore,
  notAfter,
}: {
  readonly notBefore?: string;
  readonly notAfter?: string;
}): ValidityInterval {
  return {
    notBeforeMs: notBefore === undefined ? Number.NEGATIVE_INFINITY : Date.parse(notBefore),
    notAfterMs: notAfter === undefined ? Number.POSITIVE_INFINITY : Date.parse(notAfter),
  };
}
