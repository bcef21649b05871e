/** The page: asks every two seconds while somebody looks, says when nobody answers, and follows the address. */
import { ask } from './ask.js';
import { showDecisions } from './decisions.js';
import { byId, setText } from './dom.js';
import { span } from './format.js';
import { refreshIdentities, wireIdentities } from './identities.js';
import { filterByCode, refreshRefusals, wireRefusals } from './refusals.js';
import { showEnds, showHealth, showReloads, showState } from './state.js';
import { hideWhy, showWhy } from './why.js';

/** @typedef {import('./types.js').Overview} Overview */

const POLL_MILLISECONDS = 2_000;
/** Identities change with the configuration, and with time. */
const IDENTITIES_MILLISECONDS = 60_000;

let isPaused = false;
/** @type {number | undefined} */
let awaySinceMs;
let identitiesOf = '';
let identitiesAtMs = 0;

async function refresh() {
  /** @type {Overview} */
  let overview;
  try {
    overview = await ask('page/overview.json');
    await refreshRefusals();
  } catch (error) {
    away(error);
    return;
  }
  back();
  show(overview);
  await refreshIdentitiesIfDue(overview);
}

/** @param {Overview} overview */
function show(overview) {
  const { health, version, node, pid, uptimeSeconds } = overview;
  const notes = health.components.filter(({ note }) => note !== undefined).length;
  verdict(
    health.ready ? (notes > 0 ? 'noted' : 'well') : 'unwell',
    health.ready ? (notes > 0 ? 'Serves, with notes' : 'Serves') : 'Does not serve',
  );
  setText(byId('process'), `${version} · Node ${node} · pid ${pid} · up ${span(uptimeSeconds)}`);
  showReportOnly(health);
  showHealth(health);
  showDecisions(overview);
  showState(overview);
  showReloads(overview);
  showEnds(overview);
}

/** Said above everything else: what is not enforced now. @param {Overview['health']} health */
function showReportOnly({ components }) {
  const note = components.find(({ name }) => name === 'report_only')?.note;
  const banner = byId('report-only');
  banner.hidden = note === undefined;
  if (note !== undefined) setText(banner, `REPORT-ONLY: ${note}`);
}

/** @param {Overview} overview */
async function refreshIdentitiesIfDue({ status, pid }) {
  const configuration = /** @type {{ generation?: number } | undefined} */ (status['configuration']);
  const of = `${pid} ${configuration?.generation}`;
  if (of === identitiesOf && Date.now() - identitiesAtMs < IDENTITIES_MILLISECONDS) return;
  identitiesOf = of;
  identitiesAtMs = Date.now();
  await refreshIdentities().catch(() => (identitiesOf = ''));
}

/** @param {string} state @param {string} text */
function verdict(state, text) {
  const place = byId('verdict');
  place.dataset['state'] = state;
  setText(place, text);
  document.title = state === 'well' ? 'countersign' : `${text} – countersign`;
}

/** @param {unknown} error */
function away(error) {
  awaySinceMs ??= Date.now();
  verdict('away', 'Away');
  const notice = byId('away');
  notice.hidden = false;
  const how =
    error instanceof Error && error.message.startsWith('HTTP')
      ? `It answers with ${error.message}`
      : 'Nobody answers';
  // The first sentence is said once; what counts up is not said again and again.
  setText(
    notice,
    `${how} on this port. What is shown is as old as that. It is asked again every two seconds.`,
  );
  document.body.classList.add('stale');
}

function back() {
  awaySinceMs = undefined;
  byId('away').hidden = true;
  document.body.classList.remove('stale');
}

/** `#why=ID`, `#refusals=CODE`; everything else is a section's name. */
function follow() {
  const [what, value = ''] = location.hash.slice(1).split('=', 2);
  if (what === 'why' && value !== '') void showWhy(decoded(value));
  else hideWhy();
  if (what !== 'refusals' || value === '') return;
  filterByCode(decoded(value));
  void refreshRefusals().catch(away);
  byId('refusals').scrollIntoView();
  byId('refusals-code').focus({ preventScroll: true });
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wire() {
  wireRefusals(() => void refreshRefusals().catch(away));
  wireIdentities(() => void refreshIdentities().catch(away));
  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    const id = /** @type {HTMLInputElement} */ (byId('request-id')).value.trim();
    const hash = `#why=${encodeURIComponent(id)}`;
    if (id === '') return;
    if (location.hash === hash) follow();
    else location.hash = hash;
  });
  byId('why-close').addEventListener('click', () => {
    history.pushState(null, '', location.pathname);
    hideWhy();
    byId('request-id').focus();
  });
  const pause = byId('pause');
  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', String(isPaused));
    setText(pause, isPaused ? 'Go on' : 'Pause');
  });
  wireTheme();
  addEventListener('hashchange', follow);
}

function wireTheme() {
  const select = /** @type {HTMLSelectElement} */ (byId('theme'));
  select.value = document.documentElement.dataset['theme'] ?? 'auto';
  select.addEventListener('change', () => {
    if (select.value === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = select.value;
    try {
      localStorage.setItem('theme', select.value);
    } catch {
      // A browser that keeps nothing: it holds for this page.
    }
  });
}

/** One question after the other; none while nobody looks. */
async function poll() {
  if (!isPaused && !document.hidden) await refresh();
  setTimeout(() => void poll(), POLL_MILLISECONDS);
}

wire();
follow();
void poll();
