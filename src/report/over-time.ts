/** Counts over time: a chart, what stands out in it, and all its numbers in a table. */
import { formatCount } from '../text/humanize.ts';
import type { Buckets } from './buckets.ts';
import { columnChart, type Series } from './charts.ts';
import { type Html, html } from './html.ts';
import { countColumn, details, legend, percent, table } from './parts.ts';

export interface OverTime {
  readonly id: string;
  /** What is counted, in the plural. */
  readonly what: string;
  readonly title: string;
  readonly buckets: Buckets;
  readonly series: readonly Series[];
}

export function overTime({ id, what, title, buckets, series }: OverTime): Html {
  const sums = buckets.starts.map((_, i) => series.reduce((sum, { values }) => sum + values[i]!, 0));
  const total = sums.reduce((sum, value) => sum + value, 0);
  const times = buckets.starts.map((start) => timeOf(start, buckets));
  const highest = sums.indexOf(Math.max(...sums));
  const sumOf = ({ values }: Series): number => values.reduce((sum, value) => sum + value, 0);
  const present = series.filter((one) => sumOf(one) > 0);
  const shares = present.map((one) => `${formatCount(sumOf(one))} ${one.name} (${percent(sumOf(one), total)})`);
  const lead =
    total === 0
      ? `No ${what} in this range.`
      : `${formatCount(total)} ${what}: ${shares.join(', ')}. The most in ${buckets.width}: ${formatCount(sums[highest]!)}, from ${times[highest]} UTC.`;
  const rows = buckets.starts.map((_, i) => ({
    time: times[i]!,
    ...Object.fromEntries(series.map(({ name, values }) => [name, values[i]!])),
    total: sums[i]!,
  }));
  const chart = {
    id,
    title,
    description: `${lead} The table below has all numbers.`,
    labels: buckets.starts.map((start) => shortTimeOf(start, buckets)),
    series: present.length > 0 ? present : series,
    format: formatCount,
  };
  const columns = [
    {
      title: `${buckets.width} from (UTC)`,
      kind: 'time' as const,
      cell: (row: { readonly time?: unknown }) => String(row.time),
    },
    ...series.map(({ name }) => countColumn(name, name)),
    countColumn('total', 'total'),
  ];
  return html`<p class="lead">${lead}</p>
<figure>${legend(chart.series)}${columnChart(chart)}</figure>
${details(`All numbers, by ${buckets.width}`, table(title, columns, rows))}`;
}

/** As much of the time as the width of a bucket calls for. */
function timeOf(start: number, { unit, width }: Buckets): string {
  const text = new Date(start).toISOString();
  if (unit !== 'day') return text.slice(0, 16).replace('T', ' ');
  return text.slice(0, /month|quarter|year/.test(width) ? 7 : 10);
}

/** The same for the axis of a chart, where there is little room. */
function shortTimeOf(start: number, buckets: Buckets): string {
  const text = timeOf(start, buckets);
  if (buckets.unit === 'day') return text;
  const days = new Set(buckets.starts.map((moment) => Math.floor(moment / 86_400_000)));
  return days.size > 1 ? text.slice(5) : text.slice(11);
}
