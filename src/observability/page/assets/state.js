/** Health with its remedies, the stores and logs, the workers, reloads and ends: facts of `/status`, named for people. */
import { byId, el, facts, foreign, keyed, setText, visible } from './dom.js';
import { ago, count, day, span, utc, words } from './format.js';
import { keyCards } from './keys.js';
import { inCode } from './refusals.js';

/** @typedef {import('./types.js').Overview} Overview */
/** @typedef {Readonly<Record<string, unknown>>} Facts */

const DAY_MS = 86_400_000;

/** @param {Overview['health']} health */
export function showHealth({ components }) {
  const unwell = components.filter(({ fault, note }) => fault !== undefined || note !== undefined);
  byId('health').hidden = unwell.length === 0;
  keyed(
    byId('components'),
    unwell.map(({ name, fault, note, remedy }) => ({
      key: `${name} ${fault} ${note}`,
      make: () =>
        el(
          'li',
          { class: fault === undefined ? 'warn' : 'bad' },
          el('p', {}, el('strong', {}, words(name)), ': ', visible(fault ?? note)),
          remedy === undefined ? undefined : el('p', { class: 'next' }, ...inCode(remedy)),
        ),
    })),
  );
}

/** @param {Overview} overview */
export function showState({ status, live, atMs }) {
  const { nonces, audit_log: auditLog, access_log: accessLog, workers, configuration, policies } = status;
  const generation = record(configuration)?.['generation'];
  /** @type {[string, HTMLElement][]} */
  const cards = [
    ['Nonce store', nonceFacts(record(nonces))],
    ['Audit', auditFacts(record(auditLog), atMs)],
    [
      'Access log',
      record(accessLog) === undefined
        ? notConfigured('Envoy reports to no access log service here.')
        : genericFacts(record(accessLog) ?? {}, atMs),
    ],
    [
      'Configuration',
      facts([
        ['file', optional(record(configuration)?.['file'])],
        ['generation', generation === undefined ? undefined : String(generation)],
        ['policies', Array.isArray(policies) ? foreign(policies.join(', ')) : undefined],
        ['identities', live === undefined ? undefined : count(live.identities)],
      ]),
    ],
    ...keyCards(status),
    ...(Array.isArray(workers)
      ? [/** @type {[string, HTMLElement]} */ (['Workers', workerList(workers)])]
      : []),
  ];
  keyed(
    byId('cards'),
    cards.map(([title, body]) => ({
      key: title,
      make: () => el('article', {}, el('h3', {}, title), el('div', {})),
      update: (card) => {
        const place = /** @type {Element} */ (card.lastElementChild);
        if (place.textContent !== body.textContent || place.childElementCount === 0)
          place.replaceChildren(body);
      },
    })),
  );
}

/** @param {unknown} value @returns {Facts | undefined} */
function record(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? /** @type {Facts} */ (value)
    : undefined;
}

/** @param {unknown} value */
function optional(value) {
  return value === undefined || value === null ? undefined : foreign(value);
}

/** @param {string} text */
function notConfigured(text) {
  return el('p', { class: 'quiet' }, text);
}

/** @param {Facts | undefined} nonces */
function nonceFacts(nonces) {
  if (nonces === undefined) return notConfigured('No worker has answered.');
  const { store, entries, maxEntries, floorSeconds, clockSteps, unhealthy, ...more } = nonces;
  const share = Number(entries) / Number(maxEntries);
  return facts([
    ['kind', optional(store)],
    ['state', unhealthy === undefined ? 'serves' : el('span', { class: 'bad' }, visible(unhealthy))],
    [
      'remembered',
      Number.isFinite(share)
        ? `${count(Number(entries))} of ${count(Number(maxEntries))} (${(share * 100).toFixed(1)} %)`
        : undefined,
    ],
    ['refuses up to', Number(floorSeconds) > 0 ? utc(Number(floorSeconds) * 1000) : undefined],
    ['clock steps', String(clockSteps ?? 0)],
    ...pairsOf(more, 0),
  ]);
}

/** @param {Facts | undefined} audit @param {number} nowMs */
function auditFacts(audit, nowMs) {
  if (audit === undefined) return notConfigured('No audit log that proves itself is configured (audit.log).');
  return genericFacts(audit, nowMs);
}

/** Whatever a part tells of itself. @param {Facts} all @param {number} nowMs */
function genericFacts(all, nowMs) {
  return facts(pairsOf(all, nowMs));
}

/**
 * @param {Facts} all
 * @param {number} nowMs
 * @param {string} [prefix]
 * @returns {[string, import('./dom.js').Child][]}
 */
function pairsOf(all, nowMs, prefix = '') {
  return Object.entries(all).flatMap(([name, value]) => {
    const label = `${prefix}${words(name)}`;
    if (value === undefined || value === null) return [];
    const inner = record(value);
    if (inner !== undefined) return pairsOf(inner, nowMs, `${label} `);
    if (Array.isArray(value) && value.some((one) => record(one) !== undefined))
      return value.flatMap((one, at) =>
        pairsOf(
          withoutName(record(one) ?? {}),
          nowMs,
          `${label} ${visible(record(one)?.['name'] ?? at + 1)} `,
        ),
      );
    return [/** @type {[string, import('./dom.js').Child]} */ ([timeless(label), shown(name, value, nowMs)])];
  });
}

/** @param {Facts} all */
function withoutName(all) {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'name'));
}

/** The unit is in the value. @param {string} label */
function timeless(label) {
  return label.replace(/ (at ms|ms|seconds|bytes)$/, '');
}

/** @param {string} name @param {unknown} value @param {number} nowMs */
function shown(name, value, nowMs) {
  if (typeof value === 'number') {
    if (/(At|Since|Unsealed)Ms$|_at_ms$/.test(name) && value > 1e11)
      return `${utc(value)} (${ago(value, nowMs)})`;
    if (/Seconds$|_seconds$/.test(name)) return span(value);
    if (/Bytes$|_bytes$/.test(name)) return `${count(value)} bytes`;
    return count(value);
  }
  if (name === 'fault') return el('span', { class: 'bad' }, visible(value));
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return foreign(Array.isArray(value) ? value.join(', ') : value);
}

/** @param {readonly unknown[]} workers */
function workerList(workers) {
  return el(
    'ul',
    { class: 'plain' },
    ...workers.map((one) => {
      const { worker, pid, serving, reason, replacements, configuration } = record(one) ?? {};
      const generation = record(configuration)?.['generation'];
      const about = [
        pid === undefined ? undefined : `pid ${pid}`,
        generation === undefined ? undefined : `configuration ${generation}`,
        Number(replacements) > 0 ? `replaced ${replacements} times` : undefined,
      ];
      return el(
        'li',
        {},
        el('strong', {}, `${worker} `),
        serving === true ? 'serves' : el('span', { class: 'bad' }, visible(reason ?? 'does not serve')),
        el('span', { class: 'quiet' }, ` ${about.filter((part) => part !== undefined).join(', ')}`),
      );
    }),
  );
}

/** @param {Overview} overview */
export function showReloads({ live, atMs }) {
  const reloads = live?.reloads ?? [];
  const items = reloads.map((reload) => ({
    key: `${reload.at} ${reload.outcome}`,
    make: () => {
      const lines = reload.outcome === 'refused' ? reload.problems : (reload.changes ?? []);
      return el(
        'li',
        { class: 'reload' },
        el('time', { datetime: reload.at, title: utc(Date.parse(reload.at)) }),
        el('span', { class: `chip ${reload.outcome}` }, reload.outcome),
        el('span', { class: 'quiet' }, `by ${reload.causes.join(', ')}`),
        lines.length === 0
          ? el('p', { class: 'quiet' }, 'Nothing is different.')
          : el('ul', { class: 'plain' }, ...lines.map((line) => el('li', {}, foreign(line)))),
      );
    },
    update: (/** @type {Element} */ item) =>
      setText(/** @type {Element} */ (item.querySelector('time')), ago(Date.parse(reload.at), atMs)),
  }));
  const none = {
    key: 'none',
    make: () => el('li', { class: 'quiet' }, 'None since the start: what was loaded then is in force.'),
  };
  keyed(byId('reloads-list'), items.length === 0 ? [none] : items);
}

/** @param {Overview} overview */
export function showEnds({ live, atMs }) {
  const ends = live?.ends ?? [];
  const none = {
    key: 'none',
    make: () => el('li', { class: 'quiet' }, 'Nothing that is in force has an end.'),
  };
  const items = ends.map(({ kind, owner, name, endMs }) => ({
    key: `${kind} ${owner} ${name} ${endMs}`,
    make: () =>
      el(
        'li',
        {},
        el('span', { class: 'when' }),
        el('span', {}, words(kind), ' of ', foreign(owner)),
        foreign(name, 'hash'),
      ),
    update: (/** @type {Element} */ item) => {
      const when = /** @type {Element} */ (item.firstElementChild);
      const left = endMs - atMs;
      setText(when, left <= 0 ? `ended ${day(endMs)}` : `${day(endMs)}, in ${span(left / 1000)}`);
      when.className = `when ${left <= 0 ? 'bad' : left < 30 * DAY_MS ? 'warn' : ''}`;
    },
  }));
  keyed(byId('ends-list'), items.length === 0 ? [none] : items);
}
