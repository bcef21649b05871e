/** A figure of curves over one time axis, as SVG text: no more than the soak test needs. */

/** One panel: curves with a common unit. */
export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

export interface Curve {
  readonly name: string;
  /** In the order of time, x in seconds. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 720;
const PANEL_HEIGHT = 200;
const MARGIN = { left: 56, right: 16, top: 28, bottom: 28 } as const;
const COLOURS = ['#1f5fa8', '#b5541c', '#3b7d3b', '#7a4fa0'] as const;
const TICKS = 4;

/** The panels one below the other; y begins at 0. */
export function plot(panels: readonly Panel[]): string {
  const height = panels.length * PANEL_HEIGHT;
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(0,${index * PANEL_HEIGHT})">${draw(panel)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function draw({ title, curves }: Panel): string {
  const all = curves.flatMap(({ points }) => points);
  const xMax = roundUp(Math.max(1, ...all.map(([x]) => x)));
  const yMax = roundUp(Math.max(1, ...all.map(([, y]) => y)));
  const x = (value: number): number => MARGIN.left + (value / xMax) * (WIDTH - MARGIN.left - MARGIN.right);
  const bottom = PANEL_HEIGHT - MARGIN.bottom;
  const y = (value: number): number => bottom - (value / yMax) * (bottom - MARGIN.top);
  const rows = ticks(yMax).map(
    (value) =>
      `<path d="M${x(0)} ${y(value).toFixed(1)}H${WIDTH - MARGIN.right}" stroke="#ddd"/>` +
      label(x(0) - 6, y(value) + 4, String(value), 'end'),
  );
  const columns = ticks(xMax).map((value) => label(x(value), bottom + 16, `${value} s`, 'middle'));
  const lines = curves.map(({ points }, index) => {
    const path = points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline fill="none" stroke-width="1.5" stroke="${colour(index)}" points="${path}"/>`;
  });
  const legend = curves.map(({ name }, index) =>
    label(WIDTH - MARGIN.right - 110 * index, 16, name, 'end', colour(index)),
  );
  return [label(MARGIN.left, 16, title, 'start'), ...rows, ...columns, ...lines, ...legend].join('\n');
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? COLOURS[0];
}

function label(x: number, y: number, text: string, anchor: string, fill = '#333'): string {
  const escaped = text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}">${escaped}</text>`;
}

function ticks(max: number): number[] {
  return Array.from({ length: TICKS + 1 }, (_, index) => (max * index) / TICKS);
}

/** The next number that divides well: 4, 8, 20, 40, 80, … */
function roundUp(value: number): number {
  for (let unit = 1; ; unit *= 10)
    for (const step of [4, 8, 20]) if (value <= step * unit) return step * unit;
}
