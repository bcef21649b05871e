/** Stacked columns over the last quarter of an hour, as plain SVG, with a legend that says the same in words and numbers. */
import { el, svg, setText } from './dom.js';
import { count, rate, span } from './format.js';

/**
 * @typedef {{ name: string, label: string, counts: readonly number[], colour: string, href?: string }} Series
 */

/** Slots of five seconds in one column: what is narrower cannot be told apart on a telephone. */
const SLOTS_PER_COLUMN = 3;
const WIDTH = 600;
const HEIGHT = 120;
const GAP = 2;

/** @param {number} highest */
function ceiling(highest) {
  if (highest <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= highest) ?? 10;
  return step * power;
}

/** @param {Series} series */
function columnsOf({ counts }) {
  const columns = [];
  for (let slot = 0; slot < counts.length; slot += SLOTS_PER_COLUMN)
    columns.push(counts.slice(slot, slot + SLOTS_PER_COLUMN).reduce((sum, one) => sum + one, 0));
  return columns;
}

/**
 * @param {HTMLElement} place
 * @param {readonly Series[]} series from the axis upwards
 * @param {{ slotSeconds: number, what: string }} options
 */
export function drawChart(place, series, { slotSeconds, what }) {
  const seconds = slotSeconds * SLOTS_PER_COLUMN;
  const columns = series.map(columnsOf);
  const length = Math.max(60, ...columns.map((one) => one.length));
  const sums = Array.from({ length }, (_, at) => columns.reduce((sum, one) => sum + (one[at] ?? 0), 0));
  const top = ceiling(Math.max(...sums) / seconds);
  const picture = svg('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    role: 'img',
    'aria-label': summary(series, what),
  });
  drawGrid(picture);
  drawBars(picture, series, columns, { length, full: top * seconds });
  const readout = el('p', { class: 'readout quiet', 'aria-hidden': true }, '\u00a0');
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * length);
    const at = Math.min(length - 1, Math.max(0, place));
    setText(readout, readoutText(series, columns, { at, length, seconds }));
  });
  picture.addEventListener('pointerleave', () => setText(readout, '\u00a0'));
  const axis = axisOf(top);
  const below = timesOf((length * seconds) / 60);
  // What is pointed at stays until the pointer moves on.
  const hovered = place.matches(':hover') ? place.querySelector('.readout')?.textContent : undefined;
  if (hovered) setText(readout, hovered);
  const plot = el('div', { class: 'plot' }, axis, picture);
  const old = place.querySelector('.legend');
  const legend = el('ul', { class: 'legend' });
  if (old !== null && document.activeElement !== null && old.contains(document.activeElement)) {
    // The legend has the focus: only its numbers move.
    refreshLegend(old, series);
    place.replaceChildren(plot, below, readout, old);
    return;
  }
  for (const one of series) legend.append(legendItem(one));
  place.replaceChildren(plot, below, readout, legend);
}

/** @param {SVGElement} picture */
function drawGrid(picture) {
  for (const part of [0.5, 1])
    picture.append(
      svg('line', {
        x1: 0,
        x2: WIDTH,
        y1: HEIGHT * (1 - part) + 0.5,
        y2: HEIGHT * (1 - part) + 0.5,
        class: 'grid',
      }),
    );
}

/**
 * One column a slot, its parts on top of one another. `full`: what reaches the top.
 *
 * @param {SVGElement} picture
 * @param {readonly Series[]} series
 * @param {readonly (readonly number[])[]} columns
 * @param {{ length: number, full: number }} scale
 */
function drawBars(picture, series, columns, { length, full }) {
  const width = WIDTH / length;
  for (let at = 0; at < length; at++) {
    let floor = HEIGHT;
    series.forEach(({ colour }, index) => {
      const value = columns[index]?.[at] ?? 0;
      if (value === 0) return;
      const height = Math.max(1.5, (value / full) * HEIGHT);
      floor -= height;
      picture.append(
        svg('rect', {
          x: at * width + GAP / 2,
          y: Math.max(0, floor),
          width: width - GAP,
          height,
          class: colour,
        }),
      );
    });
  }
}

/**
 * @param {readonly Series[]} series
 * @param {readonly (readonly number[])[]} columns
 * @param {{ at: number, length: number, seconds: number }} column
 */
function readoutText(series, columns, { at, length, seconds }) {
  const parts = series.flatMap(({ label }, index) => {
    const value = columns[index]?.[at] ?? 0;
    return value === 0 ? [] : [`${label} ${rate(value / seconds)}/s`];
  });
  return `${span((length - at) * seconds)} ago: ${parts.join(', ') || 'nothing'}`;
}

/** @param {number} top */
function axisOf(top) {
  return el(
    'div',
    { class: 'axis', 'aria-hidden': true },
    el('span', {}, rate(top)),
    el('span', {}, rate(top / 2)),
    el('span', {}, '0'),
  );
}

/** @param {number} minutes */
function timesOf(minutes) {
  const times = [1, 2 / 3, 1 / 3].map((part) => el('span', {}, `−${Math.round(minutes * part)} min`));
  return el('div', { class: 'times', 'aria-hidden': true }, ...times, el('span', {}, 'now'));
}

/** @param {Series} series */
function totalOf({ counts }) {
  return counts.reduce((sum, one) => sum + one, 0);
}

/** @param {Series} one */
function legendItem(one) {
  const key = el('span', { class: `key ${one.colour}`, 'aria-hidden': true });
  const name = one.href === undefined ? el('span', {}, one.label) : el('a', { href: one.href }, one.label);
  return el(
    'li',
    { 'data-name': one.name },
    key,
    name,
    ' ',
    el('span', { class: 'number' }, count(totalOf(one))),
  );
}

/** @param {Element} legend @param {readonly Series[]} series */
function refreshLegend(legend, series) {
  for (const one of series) {
    const number = [...legend.children]
      .find((item) => /** @type {HTMLElement} */ (item).dataset['name'] === one.name)
      ?.querySelector('.number');
    if (number) setText(number, count(totalOf(one)));
  }
}

/** @param {readonly Series[]} series @param {string} what */
function summary(series, what) {
  const parts = series.map((one) => `${one.label} ${count(totalOf(one))}`);
  return `${what} in the last fifteen minutes: ${parts.join(', ') || 'none'}`;
}
