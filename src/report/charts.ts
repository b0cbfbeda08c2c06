/**
 * Charts as SVG, drawn by echarts without a DOM. Colours are variables of the page's style, so that charts follow the
 * light and the dark scheme; while echarts draws, texts are numbers; they are put in after, escaped as in html.ts, so
 * that no text of a log passes through it. Every chart is scaled by its viewBox and has a title and a description.
 */
import { type EChartsOption, init } from 'echarts/dist/echarts.esm.min.mjs';
import { escapeText, type Html, html, trusted, wide } from './html.ts';

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
  readonly format: (value: number) => string;
}

/** Stacked columns, for counts over time: a wide drawing, and a narrow one that takes its place on a phone. */
export const columnChart = (chart: Chart): Html => html`${columns(chart, 'wide')}${columns(chart, 'narrow')}`;

function columns(chart: Chart, shape: 'wide' | 'narrow'): Html {
  const [width, height] = shape === 'wide' ? [1040, 260] : [360, 220];
  return draw(
    { ...chart, id: `${chart.id}-${shape}` },
    { width, height, shape, texts: chart.labels },
    {
      grid: { ...exact, left: 48, right: 36, top: 12, bottom: 26 },
      xAxis: {
        type: 'category',
        data: chart.labels.map((_, i) => mark(i)),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: 'var(--rule)' } },
        axisLabel: {
          color: 'var(--muted)',
          fontSize: 12,
          // Evenly spread, as many as there is room for.
          interval: Math.ceil(chart.labels.length / Math.floor((width - 84) / 84)) - 1,
        },
      },
      yAxis: valueAxis,
      series: bars(chart, chart.labels.length > 40 ? '10%' : '22%'),
    },
  );
}

/** Stacked bars, one a row, the first on top, with the sum at the end. Long labels are cut. */
export function barChart(chart: Chart): Html {
  const rows = chart.labels.length;
  const labels = chart.labels.map(fit);
  const left = 12 + Math.max(40, ...labels.map(widthOf));
  const sums = chart.labels.map((_, i) => chart.series.reduce((sum, { values }) => sum + values[i]!, 0));
  const ends = sums.map(chart.format);
  const right = 12 + Math.max(...ends.map(widthOf));
  return draw(
    chart,
    { width: 400, height: 12 + rows * 25, shape: 'bars', texts: [...labels, ...ends] },
    {
      grid: { ...exact, left, right, top: 4, bottom: 4 },
      xAxis: { ...valueAxis, axisLabel: { show: false }, splitLine: { show: false } },
      yAxis: {
        type: 'category',
        inverse: true,
        data: chart.labels.map((_, i) => mark(i)),
        axisTick: { show: false },
        axisLine: { show: false },
        axisLabel: { color: 'var(--ink)', fontSize: 13, interval: 0 },
      },
      series: [
        ...bars(chart, '32%'),
        // An empty bar on top carries the sum.
        {
          ...silent,
          type: 'bar' as const,
          stack: 'all',
          data: sums.map((_, i) => ({ value: 0, label: { formatter: mark(rows + i) } })),
          label: { show: true, position: 'right' as const, color: 'var(--muted)', fontSize: 13 },
        },
      ],
    },
  );
}

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
  if (wide.test(character)) return 14;
  if (/[mwMW@%…]/.test(character)) return 13;
  if (/[A-Z<>=+~#&]/.test(character)) return 10.5;
  return /[ ijlI.,:;|!'/()[\]-]/.test(character) ? 5.5 : /\p{M}/u.test(character) ? 0 : 8.5;
}

const silent = { silent: true, clip: false, emphasis: { disabled: true } } as const;

const bars = ({ series }: Chart, barCategoryGap: string) =>
  series.map(({ name, colour, values }) => ({
    ...silent,
    type: 'bar' as const,
    name,
    stack: 'all',
    barCategoryGap,
    barMaxWidth: 48,
    itemStyle: { color: `var(--${colour})` },
    data: values as number[],
  }));

const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

const valueAxis = {
  type: 'value' as const,
  minInterval: 1,
  splitNumber: 3,
  axisLine: { show: false },
  axisTick: { show: false },
  axisLabel: { color: 'var(--muted)', fontSize: 12, formatter: (value: number) => short.format(value) },
  splitLine: { lineStyle: { color: 'var(--rule)' } },
};

/** Labels do not move the grid: their texts are not known while it is laid out. */
const exact = { outerBoundsMode: 'none' } as const;

interface Canvas {
  readonly width: number;
  readonly height: number;
  /** Class of the drawing. */
  readonly shape: string;
  readonly texts: readonly string[];
}

/** Private-use characters around a number: `visible` lets none through, and echarts makes nothing of them. */
const mark = (index: number): string => `\ue000${index}\ue001`;

function draw(
  { id, title, description }: Chart,
  { width, height, shape, texts }: Canvas,
  options: EChartsOption,
): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  let drawn: string;
  try {
    chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit' }, ...options });
    drawn = chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
  const shapes = drawn
    .replace(/^<svg[^>]*>\s*<rect[^>]*><\/rect>/, '')
    .replace(/<\/svg>\s*$/, '')
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replace(/ (?:class|pointer-events|ecmeta_\w+|xml:space)="[^"]*"/g, '')
    .replace(/font-family:inherit;/g, '')
    .replace(/\s*\n\s*/g, '')
    .replace(/\ue000(\d+)\ue001/g, (_, index) => escapeText(texts[Number(index)]!));
  return html`<svg class="chart ${shape}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>${trusted(shapes)}</svg>`;
}
