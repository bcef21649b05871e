/** The list that is looked at first when somebody says "I get a 401": what was refused, when, to whom, why, and what next. */
import { afterTyping, ask } from './ask.js';
import { byId, el, foreign, keyed, setText } from './dom.js';
import { ago, count, utc } from './format.js';

/** @typedef {import('./types.js').Refusal} Refusal */
/** @typedef {import('./types.js').RefusalList} RefusalList */

const NEWEST = '15';
const ALL = '400';
let showsAll = false;

/** Asks for those that the filter wants, and shows them. */
export async function refreshRefusals() {
  const code = /** @type {HTMLSelectElement} */ (byId('refusals-code')).value;
  const find = /** @type {HTMLInputElement} */ (byId('refusals-find')).value;
  /** @type {RefusalList} */
  const list = await ask('page/refusals.json', { code, find, limit: showsAll ? ALL : NEWEST });
  showCodes(list.codes, code);
  show(list);
}

/** @param {() => void} refresh */
export function wireRefusals(refresh) {
  byId('refusals-filter').addEventListener('submit', (event) => event.preventDefault());
  byId('refusals-code').addEventListener('change', refresh);
  byId('refusals-find').addEventListener('input', afterTyping(refresh));
  byId('refusals-more').addEventListener('click', () => {
    showsAll = !showsAll;
    refresh();
  });
}

/** Of a link in the legend. @param {string} code */
export function filterByCode(code) {
  const select = /** @type {HTMLSelectElement} */ (byId('refusals-code'));
  if (![...select.options].some(({ value }) => value === code))
    select.append(el('option', { value: code }, code));
  select.value = code;
}

/** @param {Readonly<Record<string, number>>} codes @param {string} chosen */
function showCodes(codes, chosen) {
  const select = byId('refusals-code');
  // An open list of choices is left alone.
  if (document.activeElement === select) return;
  const known = Object.entries(codes).sort(([, a], [, b]) => b - a);
  if (chosen !== '' && !Object.hasOwn(codes, chosen)) known.push([chosen, 0]);
  keyed(select, [
    { key: '', make: () => el('option', { value: '' }, 'All') },
    ...known.map(([code, number]) => ({
      key: code,
      make: () => el('option', { value: code }),
      update: (/** @type {Element} */ option) => setText(option, `${code} (${count(number)})`),
    })),
  ]);
  /** @type {HTMLSelectElement} */ (select).value = chosen;
}

/** @param {RefusalList} list */
function show({ kept, matching, refusals }) {
  const nowMs = Date.now();
  const isAll = refusals.length === matching;
  setText(
    byId('refusals-count'),
    kept === 0
      ? 'none since the start'
      : `${isAll ? count(matching) : `${count(refusals.length)} of ${count(matching)}`}${matching === kept ? '' : ` of ${count(kept)} kept`}`,
  );
  const list = byId('refusals-list');
  list.classList.toggle('none', refusals.length === 0);
  if (refusals.length === 0) {
    const text =
      kept === 0 ? 'Nothing was refused since this process started.' : 'None of those that are kept matches.';
    keyed(list, [{ key: text, make: () => el('li', { class: 'quiet' }, text) }]);
  } else
    keyed(
      list,
      refusals.map((refusal) => ({
        key: `${refusal.decisionId} ${refusal.atMs}`,
        make: () => item(refusal),
        update: (one) =>
          setText(/** @type {Element} */ (one.querySelector('time')), ago(refusal.atMs, nowMs)),
      })),
    );
  const more = byId('refusals-more');
  more.hidden = isAll && !showsAll;
  setText(more, showsAll ? 'Show the newest only' : 'Show all that are kept');
}

/** @param {Refusal} refusal */
function item(refusal) {
  const { atMs, code, status, why, next, decisionId, passed } = refusal;
  return el(
    'li',
    { class: passed ? 'refusal passed' : 'refusal' },
    el('time', { datetime: new Date(atMs).toISOString(), title: utc(atMs) }, ''),
    el(
      'p',
      { class: 'what' },
      el('span', { class: 'status' }, String(status ?? '–')),
      ' ',
      el('a', { href: `#why=${encodeURIComponent(decisionId)}` }, code),
      ' ',
      passed ? el('span', { class: 'let-pass' }, 'let pass by report-only') : undefined,
      who(refusal),
    ),
    el(
      'div',
      { class: 'reason' },
      el(
        'p',
        {},
        sentence(why ?? 'This version has no words for it'),
        refusal.detail === undefined ? undefined : ' ',
        refusal.detail === undefined ? undefined : foreign(refusal.detail, 'quiet'),
      ),
      next === undefined ? undefined : el('p', { class: 'next' }, 'Next: ', ...inCode(next)),
      el('p', { class: 'request quiet' }, foreign(`${refusal.method ?? '?'} ${refusal.path ?? '?'}`)),
    ),
  );
}

/** @param {Refusal} refusal */
export function who({ identity, claimedIdentity, kid, claimedKid }) {
  const name = identity ?? claimedIdentity;
  if (name === undefined) return el('span', { class: 'who quiet' }, 'nobody named');
  const key = kid ?? claimedKid;
  return el(
    'span',
    { class: 'who' },
    foreign(name),
    identity === undefined ? el('span', { class: 'quiet' }, ' (claimed)') : undefined,
    key === undefined ? undefined : el('span', { class: 'quiet' }, ' key ', foreign(key)),
  );
}

/** With a capital and a full stop. @param {string} text */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** What is between backticks is code. @param {string} text */
export function inCode(text) {
  return sentence(text)
    .split('`')
    .map((part, at) => (at % 2 === 1 ? el('code', {}, part) : part));
}
