/** An answer as a chart, if its columns call for one, and as a table whose values link to the questions about them. */
import type { CellValue } from '../engines/engine.ts';
import { chooseBuckets, fold } from '../report/buckets.ts';
import { barChart, type Chart, columnChart, type Series } from '../report/charts.ts';
import { type Html, html } from '../report/html.ts';
import { type Column, label, legend, logged, table } from '../report/parts.ts';
import { formatCount, plural } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import { momentOf, mostShown, type ReadAnswer } from './answer.ts';
import { leadOf, type Span } from './lead.ts';

export interface ResultContext {
  /** The span of the question, or the usual one: what links ask about. */
  readonly span: Span;
  /** Address of the same question about a part of its span; absent if it has none. */
  readonly within?: ((span: Span) => string | undefined) | undefined;
}

export function renderResult(answer: ReadAnswer, context: ResultContext): Html {
  const { columns, rows, count, complete } = answer;
  if (count === 0) return html`<p class="lead">No rows.</p>`;
  const shown = Math.min(count, mostShown);
  const total = complete ? plural(count, 'row') : `more than ${formatCount(count)} rows`;
  return html`${chartOf(answer, context)}
${count === 1 ? record(answer, context) : html`<div class="rows">${table(`Answer: ${total}`, columnsOf(columns, rows, context), rowsOf(rows))}</div>`}
${shown < count && html`<p class="note">The first ${formatCount(shown)} of ${total}. The CSV file has all of them.</p>`}`;
}

/** Cells by the index of their column, since names may occur twice. */
const rowsOf = (rows: ReadAnswer['rows']) => rows.map((row) => Object.fromEntries(row.entries()));

const mostInCell = 200;

function columnsOf(columns: readonly string[], rows: ReadAnswer['rows'], { span }: ResultContext): Column[] {
  return columns.map((name, at) => {
    const isNumber = rows.some((row) => typeof row[at] === 'number');
    const isTime = rows.some((row) => isTimestamp(row[at] ?? null));
    return {
      title: printable(name, 60),
      kind: isNumber ? 'number' : isTime ? 'time' : 'text',
      cell: (row) => cellOf(name, row[at] ?? null, span, mostInCell),
    };
  });
}

const isTimestamp = (cell: CellValue): boolean =>
  typeof cell === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(cell);

function cellOf(column: string, cell: CellValue, span: Span, most: number): Html {
  const content =
    typeof cell === 'number' && Number.isInteger(cell)
      ? html`${String(cell)}`
      : isTimestamp(cell)
        ? html`${String(cell)
            .replace('T', ' ')
            .replace(/(\.0+)?Z$/, '')}`
        : logged(cell, most);
  const href = leadOf(column, cell, span);
  return href === undefined ? content : html`<a href="${href}">${content}</a>`;
}

const mostOfOne = 100_000;

/** One row, with the whole of its texts. */
function record({ columns, rows }: ReadAnswer, { span }: ResultContext): Html {
  const [row = []] = rows;
  const present = [...columns.entries()].filter(([at]) => (row[at] ?? null) !== null);
  const absent = columns.filter((_, at) => (row[at] ?? null) === null);
  return html`<dl class="record">${present.map(
    ([at, name]) => html`<dt>${printable(name, 60)}</dt><dd>${cellOf(name, row[at]!, span, mostOfOne)}</dd>`,
  )}</dl>
${absent.length > 0 && html`<p class="note">Without a value: ${absent.map((name) => printable(name, 60)).join(', ')}.</p>`}`;
}

function chartOf(answer: ReadAnswer, context: ResultContext): Html | undefined {
  if (answer.count < 2) return undefined;
  return eventsChart(answer, context) ?? momentsChart(answer) ?? groupsChart(answer, context);
}

/** Events over time, of all rows that were read. */
function eventsChart({ events, complete }: ReadAnswer, { span, within }: ResultContext): Html | undefined {
  if (events.length < 2 || !complete) return undefined;
  const moments = events.map(({ moment }) => moment);
  // Without a range of its own the question is shown over the time that its events span.
  const range = within
    ? span
    : {
        from: BigInt(moments.reduce((a, b) => Math.min(a, b))) * 1000n,
        to: BigInt(moments.reduce((a, b) => Math.max(a, b))) * 1000n + 999_999n,
      };
  const buckets = chooseBuckets(range);
  const names = ['allowed', 'denied', 'other'] as const;
  const inRange = events.filter(({ moment }) => moment >= buckets.starts[0]! && BigInt(moment) * 1000n <= range.to);
  const sums = fold(
    buckets,
    names,
    inRange.map(({ moment, allowed }) => ({
      moment,
      allowed: Number(allowed === true),
      denied: Number(allowed === false),
      other: Number(allowed === null),
    })),
  );
  const hasVerdicts = events.some(({ allowed }) => allowed !== null);
  const series = names
    .map(
      (name): Series => ({
        name: name !== 'other' ? name : hasVerdicts ? 'neither' : 'rows',
        colour: name === 'other' && !hasVerdicts ? 'allowed' : name,
        values: sums.map((sum) => sum[name]),
      }),
    )
    .filter(({ values }) => values.some((value) => value > 0));
  const hrefs = buckets.starts.map((start, i) => {
    const next = buckets.starts[i + 1];
    const [from, to] = [BigInt(start) * 1000n, next === undefined ? range.to : BigInt(next) * 1000n - 1n];
    return within?.({ from: from > range.from ? from : range.from, to: to < range.to ? to : range.to });
  });
  return figure({
    title: 'Rows over time',
    labels: buckets.starts.map((start) => timeLabel(start, buckets.unit)),
    series,
    hrefs,
  });
}

/** Counts that come by interval. */
function momentsChart({ columns, rows }: ReadAnswer): Html | undefined {
  const at = columns.indexOf('moment');
  if (at < 0 || rows.length > 120) return undefined;
  const series = seriesOf(columns, rows);
  if (series === undefined) return undefined;
  const moments = rows.flatMap((row) => momentOf(row[at]!) ?? []);
  if (moments.length < rows.length) return undefined;
  const unit = rows.every((row) => String(row[at]).length === 10) ? 'day' : 'minute';
  return figure({
    title: 'Counts over time',
    labels: moments.map((moment) => timeLabel(moment, unit)),
    series,
  });
}

const timeLabel = (start: number, unit: string): string => {
  const text = new Date(start).toISOString();
  return unit === 'day' ? text.slice(0, 10) : text.slice(5, 16).replace('T', ' ');
};

const mostBars = 20;

/** Groups with their counts: the first column of text names them. */
function groupsChart({ columns, rows }: ReadAnswer, { span }: ResultContext): Html | undefined {
  const at = columns.findIndex((_, i) => rows.some((row) => typeof row[i] === 'string' && !isTimestamp(row[i])));
  const top = rows.slice(0, mostBars);
  const series = seriesOf(columns, top);
  if (at < 0 || series === undefined) return undefined;
  const names = columns.flatMap((_, i) => (typeof top[0]?.[i] === 'string' && !isTimestamp(top[0][i]) ? [i] : []));
  const labels = top.map((row) =>
    (names.length > 0 ? names : [at])
      .slice(0, 2)
      .map((i) => label(row[i]))
      .join(', '),
  );
  const title = rows.length > mostBars ? `The first ${mostBars} rows` : 'Counts by row';
  return figure(
    { title, labels, series, hrefs: top.map((row) => leadOf(columns[at]!, row[at] ?? null, span)) },
    'bars',
  );
}

/** Columns that count something, in the order in which they are looked for. */
const counts = ['decisions', 'accesses', 'requests', 'statements', 'records', 'objects', 'events', 'denied', 'count'];

function seriesOf(columns: readonly string[], rows: ReadAnswer['rows']): Series[] | undefined {
  const numbers = (name: string): number[] | undefined => {
    const at = columns.indexOf(name);
    const values = rows.map((row) => Number(row[at] ?? 0));
    return at >= 0 && values.every((value) => Number.isFinite(value) && value >= 0) ? values : undefined;
  };
  const name = counts.find((one) => numbers(one) !== undefined);
  const all = name === undefined ? undefined : numbers(name);
  if (name === undefined || all === undefined || all.every((value) => value === 0)) return undefined;
  const [allowed, denied, refused] = [numbers('allowed'), numbers('denied'), numbers('refused')];
  const rest = (...parts: (readonly number[])[]): number[] =>
    all.map((value, i) => parts.reduce((left, part) => left - part[i]!, value));
  const series: Series[] =
    name === 'decisions' && allowed && denied
      ? [
          { name: 'allowed', colour: 'allowed', values: allowed },
          { name: 'denied', colour: 'denied', values: denied },
          { name: 'neither', colour: 'other', values: rest(allowed, denied) },
        ]
      : refused
        ? [
            { name: 'not refused', colour: 'allowed', values: rest(refused) },
            { name: 'refused', colour: 'denied', values: refused },
          ]
        : [{ name, colour: name === 'denied' ? 'denied' : 'allowed', values: all }];
  const isWhole = series.every(({ values }) => values.every((value) => value >= 0));
  return isWhole ? series.filter(({ values }) => values.some((value) => value > 0)) : undefined;
}

function figure(
  { title, labels, series, hrefs }: Pick<Chart, 'title' | 'labels' | 'series'> & { hrefs?: Chart['hrefs'] },
  shape: 'columns' | 'bars' = 'columns',
): Html {
  const chart: Chart = {
    id: 'answer-chart',
    title,
    description: `${title}: ${series.map(({ name, values }) => `${formatCount(values.reduce((a, b) => a + b, 0))} ${name}`).join(', ')}. The table below has the rows.`,
    labels,
    series,
    ...(hrefs && { hrefs }),
    format: formatCount,
  };
  return html`<figure>${legend(series)}${shape === 'bars' ? barChart(chart) : columnChart(chart)}</figure>`;
}
