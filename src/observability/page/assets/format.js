/** Numbers, times and spans as people read them. */

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SMALL = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const TENTHS = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** @param {number} value */
export function count(value) {
  return WHOLE.format(value);
}

/** @param {number} perSecond */
export function rate(perSecond) {
  if (perSecond === 0) return '0';
  return (perSecond >= 100 ? WHOLE : perSecond >= 1 ? TENTHS : SMALL).format(perSecond);
}

const UNITS = /** @type {const} */ ([
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
]);

/**
 * `3 d 4 h`, `12 s`: the two largest units.
 * @param {number} seconds
 */
export function span(seconds) {
  let left = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [size, unit] of UNITS) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) parts.push(`${whole} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

/** @param {number} atMs @param {number} nowMs */
export function ago(atMs, nowMs) {
  return nowMs - atMs < 1_000 ? 'now' : `${span((nowMs - atMs) / 1_000)} ago`;
}

/**
 * UTC, to the second.
 * @param {number} atMs
 */
export function utc(atMs) {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime())
    ? 'an unknown time'
    : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** @param {number} atMs */
export function day(atMs) {
  return utc(atMs).slice(0, 10);
}

/**
 * `last_reload` and `oldestUnsealedMs` as words.
 * @param {string} name
 */
export function words(name) {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
}
