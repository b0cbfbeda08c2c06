/**
 * Charts as SVG: d3 works out scales and stacks, and the shapes are written here, with texts escaped as everywhere else
 * in the page. Colours are variables of the page's style, so that charts follow the light and the dark scheme. Every
 * chart is scaled by its viewBox, has a title and a description, and each column or bar says its numbers under the pointer.
 */
import { scaleBand, scaleLinear } from 'd3-scale';
import { stack } from 'd3-shape';
import { isWide } from '../text/printable.ts';
import { type Content, type Html, html } from './html.ts';

export interface Series {
  readonly name: string;
  /** Name of a colour of style.ts. */
  readonly colour: string;
  readonly values: readonly number[];
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly series: readonly Series[];
  /** One for each value. Plain text. */
  readonly labels: readonly string[];
  /** Places that stand out. */
  readonly marks?: ReadonlySet<number>;
  /** Where a column or a bar leads, for each value. */
  readonly hrefs?: readonly (string | undefined)[];
  readonly format: (value: number) => string;
}

/** Stacked columns, for counts over time: a wide drawing, and a narrow one that takes its place on a phone. */
export const columnChart = (chart: Chart): Html => html`${columns(chart, 'wide')}${columns(chart, 'narrow')}`;

function columns(chart: Chart, shape: 'wide' | 'narrow'): Html {
  const [width, height] = shape === 'wide' ? [1040, 260] : [360, 220];
  const { labels } = chart;
  // A mark has room above the highest column.
  const [left, right, top, bottom] = [48, width - 36, 14, height - 26];
  const places = indexBand(labels.length, [left, right], labels.length > 40 ? 0.1 : 0.22);
  const y = scaleLinear([0, highestOf(chart)], [bottom, top]).nice(3);
  const grid = y
    .ticks(3)
    .filter(Number.isInteger)
    .map(
      (tick) =>
        html`<path d="M${left} ${place(y(tick))}H${right}" fill="none" stroke="var(--rule)"/>${text(left - 8, y(tick), { anchor: 'end', colour: 'muted', size: 12 }, short(tick))}`,
    );
  // Evenly spread, as many as there is room for.
  const every = Math.ceil(labels.length / Math.floor((width - 84) / 84));
  const times = labels.map(
    (label, i) =>
      i % every === 0 && text(places.middle(i), bottom + 15, { anchor: 'middle', colour: 'muted', size: 12 }, label),
  );
  const bars = stacked(chart).map(({ colour, spans }) => {
    const drawn = spans.flatMap(([low, high], i) =>
      high > low ? [box(places.start(i), y(high), places.thickness, y(low) - y(high))] : [],
    );
    return drawn.length > 0 && html`<path fill="var(--${colour})" d="${drawn.join('')}"/>`;
  });
  const sums = sumsOf(chart);
  const marks = [...(chart.marks ?? [])].map(
    (i) =>
      html`<path class="mark" fill="var(--ink)" d="M${place(places.middle(i) - 5)} ${place(y(sums[i]!) - 10)}h10l-5 7z"/>`,
  );
  const pointers = labels.map((_, i) => pointer(chart, i, [places.slot(i), top, places.step, bottom - top]));
  return draw(chart, { shape, width, height }, [grid, bars, marks, times, pointers]);
}

/** Stacked bars, one per row, the first on top, with the sum at the end. Long labels are cut. */
export function barChart(chart: Chart): Html {
  const rows = chart.labels.length;
  const labels = chart.labels.map(fit);
  const sums = sumsOf(chart);
  const ends = sums.map(chart.format);
  const [width, height] = [400, 12 + rows * 25];
  const left = 12 + Math.max(40, ...labels.map(widthOf));
  const right = width - 12 - Math.max(...ends.map(widthOf));
  const places = indexBand(rows, [4, height - 4], 0.32);
  const x = scaleLinear([0, Math.max(1, ...sums)], [left, right]);
  const bars = stacked(chart).map(({ colour, spans }) =>
    spans.map(
      ([low, high], i) =>
        html`<path fill="var(--${colour})" d="${box(x(low), places.start(i), x(high) - x(low), places.thickness)}"/>`,
    ),
  );
  const texts = labels.map(
    (label, i) =>
      html`${text(left - 8, places.middle(i), { anchor: 'end', colour: 'ink', size: 13 }, label)}${text(
        x(sums[i]!) + 5,
        places.middle(i),
        { anchor: 'start', colour: 'muted', size: 13 },
        ends[i]!,
      )}`,
  );
  const pointers = labels.map((_, i) => pointer(chart, i, [0, places.slot(i), width, places.step]));
  return draw(chart, { shape: 'bars', width, height }, [bars, texts, pointers]);
}

/** Colours and, for each place, from where to where the series reaches on top of those before it. */
function stacked({ series, labels }: Chart): { colour: string; spans: [number, number][] }[] {
  const layers = stack<number, number>()
    .keys(series.keys())
    .value((at, layer) => series[layer]!.values[at]!)(labels.keys());
  return layers.map((layer) => ({ colour: series[layer.key]!.colour, spans: layer.map(([low, high]) => [low, high]) }));
}

const sumsOf = ({ labels, series }: Chart): number[] =>
  labels.map((_, i) => series.reduce((sum, { values }) => sum + values[i]!, 0));

/** Not zero, which has no scale. */
const highestOf = (chart: Chart): number => Math.max(1, ...sumsOf(chart));

/** Equal places side by side, with a gap between them of that part of each; no bar is thicker than 48. */
function indexBand(count: number, range: [number, number], gap: number) {
  const band = scaleBand(Array(count).keys(), range)
    .paddingInner(gap)
    .paddingOuter(gap / 2);
  const [step, thickness] = [band.step(), Math.min(48, band.bandwidth())];
  const middle = (i: number): number => band(i)! + band.bandwidth() / 2;
  return {
    step,
    thickness,
    middle,
    start: (i: number): number => middle(i) - thickness / 2,
    slot: (i: number): number => middle(i) - step / 2,
  };
}

/** What a column or a bar says where a pointer rests on it. */
function says({ labels, series, format }: Chart, at: number): string {
  const parts = series.map(({ name, values }) => `${format(values[at]!)} ${name}`);
  return `${labels[at]}: ${parts.join(', ')}`;
}

function pointer(chart: Chart, at: number, [x, y, width, height]: readonly [number, number, number, number]): Html {
  const text = says(chart, at);
  const area = html`<rect x="${place(x)}" y="${place(y)}" width="${place(width)}" height="${place(height)}" fill="none" pointer-events="all"><title>${text}</title></rect>`;
  const href = chart.hrefs?.[at];
  return href === undefined ? area : html`<a href="${href}" aria-label="${text}">${area}</a>`;
}

interface Lettering {
  readonly anchor: 'start' | 'middle' | 'end';
  readonly colour: 'ink' | 'muted';
  readonly size: 12 | 13;
}

const text = (x: number, y: number, { anchor, colour, size }: Lettering, content: string): Html =>
  html`<text x="${place(x)}" y="${place(y)}" dy=".35em" text-anchor="${anchor}" font-size="${size}" fill="var(--${colour})">${content}</text>`;

const box = (x: number, y: number, width: number, height: number): string =>
  `M${place(x)} ${place(y)}h${place(width)}v${place(height)}h${place(-width)}z`;

/** Hundredths of a unit are finer than any screen. */
const place = (value: number): number => Number(value.toFixed(2));

const mostLabel = 170;

/** A label that leaves room for the bars. */
function fit(label: string): string {
  if (widthOf(label) <= mostLabel) return label;
  let cut = '';
  for (const character of label) {
    if (widthOf(`${cut}${character}…`) > mostLabel) break;
    cut += character;
  }
  return `${cut}…`;
}

/** Room that text takes at 13 px in the widest of the usual fonts. */
const widthOf = (text: string): number =>
  Iterator.from(text).reduce((sum, character) => sum + characterWidth(character), 0);

function characterWidth(character: string): number {
  if (isWide(character)) return 14;
  if (/[mwMW@%…]/.test(character)) return 13;
  if (/[A-Z<>=+~#&]/.test(character)) return 10.5;
  return /[ ijlI.,:;|!'/()[\]-]/.test(character) ? 5.5 : /\p{M}/u.test(character) ? 0 : 8.5;
}

/** `1.2K`, for an axis. */
const short = (value: number): string =>
  new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 }).format(value);

interface Canvas {
  /** Class of the drawing. */
  readonly shape: 'wide' | 'narrow' | 'bars';
  readonly width: number;
  readonly height: number;
}

function draw(chart: Chart, { shape, width, height }: Canvas, shapes: Content): Html {
  const { title, description, hrefs = [] } = chart;
  const id = shape === 'bars' ? chart.id : `${chart.id}-${shape}`;
  // An image has nothing in it to reach.
  const role = hrefs.some((href) => href !== undefined) ? 'group' : 'img';
  return html`<svg class="chart ${shape}" viewBox="0 0 ${width} ${height}" role="${role}" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>${shapes}</svg>`;
}
