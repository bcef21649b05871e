/** The identities, a page at a time, each opened to its keys and pins. */
import { afterTyping, ask } from './ask.js';
import { byId, el, foreign, keyed, setText } from './dom.js';
import { count, day, span } from './format.js';

/** @typedef {import('./types.js').Identity} Identity */
/** @typedef {import('./types.js').IdentityPage} IdentityPage */

const STATES = new Map([
  ['usable', 'usable'],
  ['ending', 'ends soon'],
  ['unusable', 'no valid key, pin or name'],
  ['revoked', 'revoked'],
]);
const PER_PAGE = 25;
let from = 0;
let asked = 0;

/** Asks for the page that is looked at, and shows it. */
export async function refreshIdentities() {
  const mine = ++asked;
  const state = /** @type {HTMLSelectElement} */ (byId('identities-state')).value;
  const find = /** @type {HTMLInputElement} */ (byId('identities-find')).value;
  /** @type {IdentityPage} */
  const page = await ask('page/identities.json', { state, find, from: String(from) });
  if (mine === asked) show(page);
}

/** @param {() => void} refresh */
export function wireIdentities(refresh) {
  const anew = () => {
    from = 0;
    refresh();
  };
  const turn = (/** @type {number} */ by) => () => {
    from = Math.max(0, from + by);
    refresh();
  };
  byId('identities-filter').addEventListener('submit', (event) => event.preventDefault());
  byId('identities-state').addEventListener('change', anew);
  byId('identities-find').addEventListener('input', afterTyping(anew));
  byId('identities-before').addEventListener('click', turn(-PER_PAGE));
  byId('identities-next').addEventListener('click', turn(PER_PAGE));
}

/** @param {IdentityPage} page */
function show({ total, matching, from: first, identities }) {
  const last = first + identities.length;
  const range = matching === 0 ? 'none' : `${count(first + 1)}–${count(last)} of ${count(matching)}`;
  setText(byId('identities-count'), matching === total ? range : `${range}, ${count(total)} in all`);
  /** @type {HTMLButtonElement} */ (byId('identities-before')).disabled = first === 0;
  /** @type {HTMLButtonElement} */ (byId('identities-next')).disabled = last >= matching;
  const nowMs = Date.now();
  const list = byId('identities-list');
  if (identities.length === 0) {
    keyed(list, [
      {
        key: 'none',
        make: () => el('p', { class: 'quiet' }, total === 0 ? 'No identity is configured.' : 'None matches.'),
      },
    ]);
    return;
  }
  keyed(
    list,
    identities.map((identity) => ({
      key: `${identity.name}\n${JSON.stringify(identity)}`,
      make: () => row(identity, nowMs),
    })),
  );
}

/** @param {Identity} identity @param {number} nowMs */
function row({ name, state, keys, pins, names, operators, attestations }, nowMs) {
  const proofs = [...pins, ...names];
  const lasts = Math.min(
    ...[keys, proofs].map((all) =>
      Math.max(
        -Infinity,
        ...all.filter(({ isValid }) => isValid).map(({ notAfterMs }) => notAfterMs ?? Infinity),
      ),
    ),
  );
  const end = state === 'revoked' || !Number.isFinite(lasts) ? '' : `until ${day(lasts)}`;
  const bound = (/** @type {number | undefined} */ number, /** @type {string} */ what) =>
    number === undefined ? `any ${what}` : `${count(number)} ${what}${number === 1 ? '' : 's'}`;
  return el(
    'details',
    { class: 'identity' },
    el(
      'summary',
      {},
      foreign(name),
      el('span', { class: `chip ${state}` }, STATES.get(state) ?? state),
      el(
        'span',
        { class: 'quiet' },
        [
          `${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`,
          `${pins.length} ${pins.length === 1 ? 'pin' : 'pins'}`,
          ...(names.length === 0 ? [] : [`${names.length} ${names.length === 1 ? 'name' : 'names'}`]),
        ].join(', '),
      ),
      el('span', { class: 'quiet end' }, end),
    ),
    el(
      'ul',
      { class: 'plain' },
      ...keys.map((key) => keyItem(key, nowMs)),
      ...pins.map((pin) => pinItem(pin, nowMs)),
      ...names.map((one) => nameItem(one, nowMs)),
      el('li', { class: 'quiet' }, `${bound(operators, 'operator')}; ${bound(attestations, 'attestation')}`),
    ),
  );
}

/** @param {Identity['keys'][number]} key @param {number} nowMs */
function keyItem(key, nowMs) {
  return el(
    'li',
    {},
    el('span', { class: 'kind' }, 'key '),
    foreign(key.kid),
    el('span', { class: 'quiet' }, ` ${key.purposes.join(', ')} · ${keyValidity(key, nowMs)}`),
    key.keySet === undefined
      ? undefined
      : el('span', { class: 'quiet' }, ' · of the key set ', foreign(key.keySet)),
    el('br'),
    foreign(key.sha256, 'hash'),
  );
}

/** What has no end of its own and does not count is of a set that is away. @param {Identity['keys'][number]} key @param {number} nowMs */
function keyValidity(key, nowMs) {
  const isAway = key.keySet !== undefined && !key.isValid && (key.notAfterMs ?? Infinity) > nowMs;
  return isAway && (key.notBeforeMs ?? 0) <= nowMs
    ? 'its set was not fetched for too long'
    : validity(key, nowMs);
}

/** @param {Identity['pins'][number]} pin @param {number} nowMs */
function pinItem(pin, nowMs) {
  return el(
    'li',
    {},
    el('span', { class: 'kind' }, `pin of ${pin.kind === 'spki' ? 'a public key' : 'a certificate'} `),
    el('span', { class: 'quiet' }, validity(pin, nowMs)),
    el('br'),
    foreign(pin.sha256, 'hash'),
  );
}

/** @param {Identity['names'][number]} one @param {number} nowMs */
function nameItem(one, nowMs) {
  const by = one.authority === undefined ? 'on the word of the mesh' : `under ${one.authority}`;
  return el(
    'li',
    {},
    el('span', { class: 'kind' }, `name ${by} `),
    el('span', { class: 'quiet' }, validity(one, nowMs)),
    el('br'),
    foreign(one.name, 'hash'),
  );
}

/** @param {{ notBeforeMs?: number, notAfterMs?: number, isValid: boolean }} interval @param {number} nowMs */
function validity({ notBeforeMs, notAfterMs, isValid }, nowMs) {
  if (isValid)
    return notAfterMs === undefined
      ? 'valid, without an end'
      : `valid until ${day(notAfterMs)} (${span((notAfterMs - nowMs) / 1000)} left)`;
  if (notBeforeMs !== undefined && notBeforeMs > nowMs) return `not before ${day(notBeforeMs)}`;
  return `ended ${notAfterMs === undefined ? '' : day(notAfterMs)}`;
}
