/** One request: what the process itself remembers of it at once, and what its records say as soon as they were read. */
import { ask } from './ask.js';
import { byId, el, facts, foreign, visible } from './dom.js';
import { utc } from './format.js';
import { inCode, sentence, who } from './refusals.js';

/** @typedef {import('./types.js').Why} Why */
/** @typedef {import('./types.js').Refusal} Refusal */

/** The search itself gives up after twenty seconds. */
const PATIENCE_MILLISECONDS = 25_000;
let asked = 0;

/** @param {string} id */
export async function showWhy(id) {
  const mine = ++asked;
  const panel = byId('why');
  const body = byId('why-body');
  const input = /** @type {HTMLInputElement} */ (byId('request-id'));
  input.value = id;
  byId('why-title').replaceChildren('Why ', foreign(id, 'id'));
  body.replaceChildren(el('p', { class: 'quiet' }, 'Reading the records…'));
  panel.hidden = false;
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: 'nearest' });
  let answer;
  try {
    answer = await ask('page/why.json', { id }, PATIENCE_MILLISECONDS);
  } catch (error) {
    if (mine === asked)
      body.replaceChildren(el('p', { class: 'bad' }, `No answer: ${String(error)}. Ask again in a moment.`));
    return;
  }
  if (mine === asked) body.replaceChildren(...content(answer));
}

/** Closes it, and forgets what is still on its way. */
export function hideWhy() {
  asked++;
  byId('why').hidden = true;
}

/** @param {Why} why */
function content(why) {
  const { outcome, kept, text, note, reason, remedy, id, details } = why;
  const parts = [];
  if (outcome === 'found') parts.push(...told(text ?? ''));
  else if (kept !== undefined) parts.push(remembered(kept));
  if (outcome === 'nothing' && kept === undefined)
    parts.push(el('p', {}, 'Nothing is recorded under this id.'));
  if (outcome === 'nothing' && kept !== undefined)
    parts.push(
      el('p', { class: 'quiet' }, 'This is what the process remembers; its records were not found.'),
    );
  if (outcome === 'busy')
    parts.push(el('p', {}, 'Another search of the records is under way: ask again when it is over.'));
  if (outcome === 'failed')
    parts.push(el('p', { class: 'bad' }, visible(reason), '. ', ...inCode(remedy ?? '')));
  if (note !== undefined) parts.push(el('p', { class: 'quiet' }, visible(note)));
  if (details !== undefined)
    parts.push(
      el(
        'details',
        {},
        el('summary', {}, 'The records themselves'),
        el(
          'pre',
          { tabindex: 0, 'aria-label': 'Records as JSON' },
          visibleLines(JSON.stringify(details, null, 2)),
        ),
      ),
    );
  parts.push(
    el('p', { class: 'quiet' }, 'On the command line: ', el('code', {}, `countersign why ${visible(id)}`)),
  );
  return parts;
}

/** @param {Refusal} refusal */
function remembered(refusal) {
  const {
    atMs,
    code,
    status,
    why,
    next,
    detail,
    method,
    path,
    policy,
    envoyRequestId,
    certificateSha256,
    firstDecisionId,
    passed,
  } = refusal;
  const optional = (/** @type {unknown} */ value) => (value === undefined ? undefined : foreign(value));
  const became = passed ? 'would have been refused' : 'was refused';
  return el(
    'div',
    { class: 'told' },
    el('p', { class: 'lead' }, `The request ${became} as ${code} (HTTP ${status ?? '?'}), at ${utc(atMs)}.`),
    passed ? el('p', {}, 'Report-only let it pass: it went on to the application.') : undefined,
    facts([
      ['request', foreign(`${method ?? '?'} ${path ?? '?'}`)],
      ['policy', optional(policy)],
      ['identity', who(refusal)],
      ['certificate', optional(certificateSha256)],
      ['why', why === undefined ? undefined : sentence(why)],
      ['in detail', optional(detail)],
      ['first copy', firstDecisionId === undefined ? undefined : linkToWhy(firstDecisionId)],
      ['next', next === undefined ? undefined : el('span', {}, ...inCode(next))],
      ['Envoy’s request id', optional(envoyRequestId)],
    ]),
  );
}

/** @param {string} id */
function linkToWhy(id) {
  return el('a', { href: `#why=${encodeURIComponent(id)}` }, id);
}

const FACT = /^ +([^:]{1,40}): +(.*)$/;

/** The text of the command: a sentence a paragraph, and its facts indented below it. @param {string} text */
function told(text) {
  /** @type {HTMLElement[]} */
  const parts = [];
  /** @type {[string, import('./dom.js').Child][]} */
  let pairs = [];
  const flush = () => {
    if (pairs.length > 0) parts.push(facts(pairs));
    pairs = [];
  };
  for (const line of text.split('\n')) {
    const fact = FACT.exec(line);
    // A sentence with facts below it is a heading of theirs.
    if (fact !== null && pairs.length === 0) parts.at(-1)?.classList.add('lead');
    if (fact !== null)
      pairs.push([
        fact[1] ?? '',
        fact[1] === 'next' || fact[1] === 'why'
          ? el('span', {}, ...inCode(visible(fact[2])))
          : foreign(fact[2]),
      ]);
    else if (line.trim() !== '') {
      flush();
      parts.push(el('p', { class: 'say' }, visible(line.trim())));
    }
  }
  flush();
  return [el('div', { class: 'told' }, ...parts)];
}

/** @param {string} text */
function visibleLines(text) {
  return text.split('\n').map(visible).join('\n');
}
