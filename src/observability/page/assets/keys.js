/** Keys that are elsewhere, or that change by themselves: key sets, sources, the schedule, keys in memory. Each has a card where there are any. */
import { el, facts, foreign, visible } from './dom.js';
import { utc } from './format.js';

/** @typedef {{ identity: string, url: string, fault?: string, kids: string[], counts_until?: string, refused: { kid: string, reason: string }[] }} KeySet */
/** @typedef {{ kid: string, source: string, state: string, reason?: string }} SourceKey */
/** @typedef {{ directory: string, next_rotation: string | null, waits_for: string | null, faults: { tenant: string, reason: string }[] }} Schedule */
/** @typedef {{ domain: string, failing: boolean, keys: { kid: string, not_after: string }[] }} Delegation */

/** More are in `/status`, those that are worst off first. */
const MAX_LISTED = 20;

/**
 * @param {Readonly<Record<string, unknown>>} status
 * @returns {[string, HTMLElement][]}
 */
export function keyCards(status) {
  const sets = /** @type {{ count: number, sets: KeySet[] } | undefined} */ (status['key_sets']);
  const sources = /** @type {{ count: number, keys: SourceKey[] } | undefined} */ (status['key_sources']);
  const schedule = /** @type {Schedule | undefined} */ (status['key_rotation']);
  const memory = /** @type {{ count: number, domains: Delegation[] } | undefined} */ (status['delegation']);
  return [
    ...card('Key sets', sets && list(sets.sets.map(keySet), sets.count)),
    ...card('Keys in sources', sources && list(sources.keys.map(sourceKey), sources.count)),
    ...card('Feedback keys on schedule', schedule && scheduleFacts(schedule)),
    ...card('Keys in memory', memory && list(memory.domains.map(delegation), memory.count)),
  ];
}

/**
 * @param {string} title
 * @param {HTMLElement | undefined} body
 * @returns {[string, HTMLElement][]}
 */
function card(title, body) {
  return body === undefined ? [] : [[title, body]];
}

/** @param {readonly HTMLElement[]} items @param {number} total */
function list(items, total) {
  const shown = items.slice(0, MAX_LISTED);
  const left = total - shown.length;
  return el(
    'ul',
    { class: 'plain' },
    ...shown,
    left > 0 ? el('li', { class: 'quiet' }, `and ${left} more: /status`) : undefined,
  );
}

/** @param {KeySet} set */
function keySet({ identity, url, fault, kids, counts_until: until, refused }) {
  return el(
    'li',
    {},
    el('strong', {}, visible(identity), ' '),
    kids.length === 0
      ? el('span', { class: 'bad' }, 'no key counts')
      : el('span', {}, 'counts: ', foreign(kids.join(', '))),
    fault === undefined ? undefined : el('p', { class: 'bad' }, 'its server ', visible(fault)),
    fault === undefined || kids.length === 0 || until === undefined
      ? undefined
      : el('p', {}, `without another fetch until ${utc(Date.parse(until))}`),
    ...refused.map(({ kid, reason }) => el('p', { class: 'bad' }, `${visible(kid)} ${visible(reason)}`)),
    el('p', { class: 'quiet' }, foreign(url)),
  );
}

/** @param {SourceKey} key */
function sourceKey({ kid, source, state, reason }) {
  return el(
    'li',
    {},
    el('strong', {}, visible(kid), ' '),
    el('span', { class: 'quiet' }, 'in ', foreign(source), ': '),
    state === 'up'
      ? 'signed when it was asked last'
      : el(
          'span',
          { class: 'bad' },
          state === 'untested' ? 'was not tested yet' : 'does not sign: ',
          visible(reason ?? ''),
        ),
  );
}

/** @param {Schedule} schedule */
function scheduleFacts({ directory, next_rotation: next, waits_for: waitsFor, faults }) {
  return facts([
    ['next key signs', next === null ? undefined : utc(Date.parse(next))],
    ['waits for', waitsFor === null ? undefined : el('span', { class: 'bad' }, visible(waitsFor))],
    ...faults
      .slice(0, MAX_LISTED)
      .map(
        ({ tenant, reason }) =>
          /** @type {[string, HTMLElement]} */ ([
            visible(tenant),
            el('span', { class: 'bad' }, visible(reason)),
          ]),
      ),
    ['directory', foreign(directory)],
  ]);
}

/** @param {Delegation} domain */
function delegation({ domain, failing, keys }) {
  return el(
    'li',
    {},
    el('strong', {}, visible(domain), ' '),
    failing ? el('span', { class: 'bad' }, 'its root key vouches for no further key') : undefined,
    ...keys.map(({ kid, not_after: end }) =>
      el('p', {}, foreign(kid), el('span', { class: 'quiet' }, ` until ${utc(Date.parse(end))}`)),
    ),
  );
}
