/** Points of time on a command line: RFC 3339, a day, or so long ago. */
import { InvalidArgumentError } from 'commander';

const RELATIVE = /^([1-9][0-9]{0,5})(s|m|h|d|w)$/;
const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
/** RFC 3339 §5.6; what zone a time without one is of, nobody can know. */
const DATE_TIME =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const DURATION = /^(0|[1-9][0-9]{0,5})(s|m|h|d)$/;

/** A parser for commander: a time span in milliseconds, written as in the configuration. */
export function duration(text: string): number {
  const [, count, unit = ''] = DURATION.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (UNIT_MS[unit] ?? 0);
  throw new InvalidArgumentError('It must be a number with its unit, such as 90s, 15m, 12h or 14d.');
}

/** A parser for commander: Unix milliseconds. `nowMs` is asked where the text is relative. */
export function pointOfTime(nowMs: () => number): (text: string) => number {
  return (text) => {
    const [, count, unit = ''] = RELATIVE.exec(text) ?? [];
    if (count !== undefined) return nowMs() - Number(count) * (UNIT_MS[unit] ?? 0);
    const timeMs = DAY.test(text) ? Date.parse(`${text}T00:00:00Z`) : dateTime(text);
    if (!Number.isNaN(timeMs)) return timeMs;
    throw new InvalidArgumentError(
      'It must be a time with its zone (2026-11-29T08:00:00Z), a day in UTC (2026-11-29), or so long ago (90s, 15m, 2h, 7d, 4w).',
    );
  };
}

/** A parser for commander: Unix milliseconds of a moment that was read off another clock, so none that ours would tell. */
export function clockReading(text: string): number {
  const timeMs = dateTime(text);
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new InvalidArgumentError('It must be what another clock says, with its zone (2026-11-29T08:00:00Z).');
}

/** NaN for what is none. */
function dateTime(text: string): number {
  return DATE_TIME.test(text) ? Date.parse(text.toUpperCase().replace(' ', 'T')) : NaN;
}
