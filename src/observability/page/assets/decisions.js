/** The figures and charts of the last quarter of an hour. */
import { drawChart } from './chart.js';
import { byId, el, keyed, setText } from './dom.js';
import { count, rate } from './format.js';

/** @typedef {import('./types.js').Overview} Overview */
/** @typedef {import('./types.js').CodeSeries} CodeSeries */

const PASSED = ['allow', 'pass_through'];
/** Report-only let it pass: counted apart, as it is neither. */
const REPORTED = 'would_refuse';
/** Reasons with a colour of their own; the others share one. */
const SHOWN_REASONS = 6;
const MINUTE_SLOTS = 12;

/** A reason keeps its colour while the page is open. @type {Map<string, number>} */
const colours = new Map();

/** @param {readonly string[]} codes the most frequent first */
function colourOf(codes) {
  const free = Array.from({ length: SHOWN_REASONS }, (_, at) => at);
  for (const code of colours.keys()) if (!codes.includes(code)) colours.delete(code);
  for (const code of codes)
    if (!colours.has(code)) {
      const taken = new Set(colours.values());
      colours.set(code, free.find((one) => !taken.has(one)) ?? 0);
    }
  return colours;
}

/** @param {readonly number[]} counts @param {number} [slots] the last ones; all by default */
function sum(counts, slots = counts.length) {
  return counts.slice(-slots).reduce((all, one) => all + one, 0);
}

/** @param {readonly (readonly number[])[]} lists */
function added(lists) {
  const length = Math.max(0, ...lists.map((one) => one.length));
  return Array.from({ length }, (_, at) => lists.reduce((all, one) => all + (one[at] ?? 0), 0));
}

/** @param {Overview} overview */
export function showDecisions({ live, slotSeconds, status }) {
  if (live === undefined) return;
  const entries = Object.entries(live.decisions);
  const passed = added(entries.filter(([code]) => PASSED.includes(code)).map(([, counts]) => counts));
  const reasons = entries
    .filter(([code]) => !PASSED.includes(code) && code !== REPORTED)
    .sort(([one, a], [other, b]) => sum(b) - sum(a) || one.localeCompare(other));
  const refused = added(reasons.map(([, counts]) => counts));
  const reported = live.decisions[REPORTED] ?? [];
  showFigures({ passed, reported, refused, status });
  drawChart(
    byId('chart-requests'),
    [
      { name: 'passed', label: 'let through', counts: passed, colour: 'c-passed' },
      ...reportedSeries(reported),
      { name: 'refused', label: 'refused', counts: refused, colour: 'c-refused' },
    ],
    { slotSeconds, what: 'Requests' },
  );
  drawChart(byId('chart-refusals'), reasonSeries(reasons), { slotSeconds, what: 'Refusals' });
  showAnswers(live.answers, slotSeconds);
}

/** Nothing where there was none, as nearly always. @param {readonly number[]} counts */
function reportedSeries(counts) {
  if (sum(counts) === 0) return [];
  return [{ name: 'reported', label: 'let pass by report-only', counts, colour: 'c-reported' }];
}

/** @param {readonly (readonly [string, readonly number[]])[]} reasons */
function reasonSeries(reasons) {
  const shown = reasons.slice(0, SHOWN_REASONS);
  const chosen = colourOf(shown.map(([code]) => code));
  const series = shown.map(([code, counts]) => ({
    name: code,
    label: code,
    counts,
    colour: `c${chosen.get(code) ?? 0}`,
    href: `#refusals=${code}`,
  }));
  const rest = reasons.slice(SHOWN_REASONS);
  if (rest.length === 0) return series;
  const others = {
    name: 'others',
    label: `${rest.length} others`,
    counts: added(rest.map(([, counts]) => counts)),
    colour: 'c-other',
  };
  return [...series, others];
}

/** @param {CodeSeries} answers @param {number} slotSeconds */
function showAnswers(answers, slotSeconds) {
  const entries = Object.entries(answers).filter(([code]) => code !== 'local_reply');
  byId('answers').hidden = entries.length === 0;
  if (entries.length === 0) return;
  const withheld = entries.filter(([code]) => code !== 'signed').sort(([, a], [, b]) => sum(b) - sum(a));
  drawChart(
    byId('chart-answers'),
    [
      { name: 'signed', label: 'signed', counts: answers['signed'] ?? [], colour: 'c-passed' },
      ...withheld
        .slice(0, SHOWN_REASONS)
        .map(([code, counts], at) => ({ name: code, label: answerLabel(code), counts, colour: `c${at}` })),
    ],
    { slotSeconds, what: 'Answers' },
  );
}

/** @param {string} code */
function answerLabel(code) {
  return code === 'unsigned' ? 'passed unsigned (report-only)' : `withheld: ${code}`;
}

/**
 * @param {{ passed: readonly number[], reported: readonly number[], refused: readonly number[], status: Overview['status'] }} numbers
 */
function showFigures({ passed, reported, refused, status }) {
  const every = added([passed, reported, refused]);
  const minute = sum(every, MINUTE_SLOTS);
  const refusedMinute = sum(refused, MINUTE_SLOTS);
  const nonces = /** @type {{ entries?: number, maxEntries?: number } | undefined} */ (status['nonces']);
  const configuration = /** @type {{ generation?: number } | undefined} */ (status['configuration']);
  /** @type {readonly (readonly [string, string, string?])[]} */
  const figures = [
    ['in the last minute', `${rate(minute / 60)}/s`],
    [
      'refused, last minute',
      minute === 0 ? '–' : `${rate((refusedMinute / minute) * 100)} %`,
      refusedMinute > 0 ? 'bad' : '',
    ],
    ['let through, 15 min', count(sum(passed))],
    ...reportedFigure(sum(reported)),
    ['refused, 15 min', count(sum(refused)), sum(refused) > 0 ? 'bad' : ''],
    ['nonces remembered', nonces?.entries === undefined ? '–' : count(nonces.entries)],
    ['configuration', configuration?.generation === undefined ? '–' : `no. ${configuration.generation}`],
  ];
  keyed(
    byId('figures'),
    figures.map(([name, value, kind]) => ({
      key: name,
      make: () => el('li', {}, el('strong', {}), el('span', { class: 'quiet' }, name)),
      update: (item) => {
        const strong = /** @type {Element} */ (item.firstElementChild);
        setText(strong, value);
        strong.className = kind ?? '';
      },
    })),
  );
  byId('decisions').classList.toggle('empty', sum(every) === 0);
}

/** @param {number} number @returns {readonly (readonly [string, string, string?])[]} */
function reportedFigure(number) {
  return number === 0 ? [] : [['let pass by report-only, 15 min', count(number), 'bad']];
}
