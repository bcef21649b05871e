/** A figure of curves over one axis, as SVG text: no more than the soak test and the benchmark's growth need. */

/** One panel: curves with a common unit. */
export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

export interface Curve {
  readonly name: string;
  /** In the order of x: seconds, or what the axis counts. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What x is. A logarithmic one has its marks where points are, each of which gets a dot. */
export interface Axis {
  readonly isLogarithmic: boolean;
  readonly mark: (x: number) => string;
}

const SECONDS: Axis = { isLogarithmic: false, mark: (x) => `${x} s` };
const DOT_RADIUS = 2.5;
const WIDTH = 720;
const PANEL_HEIGHT = 200;
const MARGIN = { left: 56, right: 16, top: 28, bottom: 28 } as const;
const COLOURS = ['#1f5fa8', '#b5541c', '#3b7d3b', '#7a4fa0'] as const;
const TICKS = 4;

/** The panels one below the other; y begins at 0. */
export function plot(panels: readonly Panel[], axis = SECONDS): string {
  const height = panels.length * PANEL_HEIGHT;
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(0,${index * PANEL_HEIGHT})">${draw(panel, axis)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function draw({ title, curves }: Panel, axis: Axis): string {
  const all = curves.flatMap(({ points }) => points);
  const at = positions(
    all.map(([x]) => x),
    axis,
  );
  const yMax = roundUp(Math.max(1, ...all.map(([, y]) => y)));
  const x = (value: number): number => MARGIN.left + at.share(value) * (WIDTH - MARGIN.left - MARGIN.right);
  const left = MARGIN.left;
  const bottom = PANEL_HEIGHT - MARGIN.bottom;
  const y = (value: number): number => bottom - (value / yMax) * (bottom - MARGIN.top);
  const rows = ticks(yMax).map(
    (value) =>
      `<path d="M${left} ${y(value).toFixed(1)}H${WIDTH - MARGIN.right}" stroke="#ddd"/>` +
      label(left - 6, y(value) + 4, String(value), 'end'),
  );
  const columns = at.marks.map((value) => label(x(value), bottom + 16, axis.mark(value), 'middle'));
  const lines = curves.map(({ points }, index) => {
    const places = points.map(([at, value]) => [x(at).toFixed(1), y(value).toFixed(1)] as const);
    const dots = places.map(
      ([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="${DOT_RADIUS}" fill="${colour(index)}"/>`,
    );
    const line = `<polyline fill="none" stroke-width="1.5" stroke="${colour(index)}" points="${places.join(' ')}"/>`;
    return axis.isLogarithmic ? line + dots.join('') : line;
  });
  const legend = curves.map(({ name }, index) =>
    label(WIDTH - MARGIN.right - 110 * index, 16, name, 'end', colour(index)),
  );
  return [label(MARGIN.left, 16, title, 'start'), ...rows, ...columns, ...lines, ...legend].join('\n');
}

/** Where on the axis a value lies, 0 to 1, and which values are marked. */
function positions(
  values: readonly number[],
  { isLogarithmic }: Axis,
): { readonly marks: readonly number[]; readonly share: (value: number) => number } {
  if (!isLogarithmic) {
    const most = roundUp(Math.max(1, ...values));
    return { marks: ticks(most), share: (value) => value / most };
  }
  const least = Math.log(Math.min(...values));
  const span = Math.log(Math.max(...values)) - least || 1;
  const share = (value: number): number => EDGE + ((Math.log(value) - least) / span) * (1 - 2 * EDGE);
  return { marks: [...new Set(values)], share };
}

/** Of the width, left free on both sides of a logarithmic axis, for the marks. */
const EDGE = 0.04;

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
