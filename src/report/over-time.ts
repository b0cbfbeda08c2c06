/** Counts over time: a chart, its spikes, and a table of all numbers. */
import { formatCount, plural } from '../text/humanize.ts';
import type { Buckets } from './buckets.ts';
import { columnChart, type Series } from './charts.ts';
import { type Html, html } from './html.ts';
import { countColumn, details, legend, percent, table } from './parts.ts';
import { findSpikes, spikeRule, usualOf } from './spikes.ts';
import { type Drill, type Following, hrefOf, linked, type View } from './view.ts';

export interface OverTime {
  readonly id: string;
  /** What is counted, in the plural. */
  readonly what: string;
  readonly title: string;
  readonly series: readonly Series[];
  /** Name of the series whose spikes are reported besides those of the sum. */
  readonly watched: string;
  /** The question that lists the records of a time span; with `watched`, those of the watched series only. */
  readonly recordsOf: (span: { from: bigint; to: bigint }, watched: boolean) => Drill;
}

/** `following`: the questions that its spikes lead to. */
export function overTime(view: View, given: OverTime): { readonly content: Html; readonly following: Following[] } {
  const { id, what, title, series, watched, recordsOf } = given;
  const { range, buckets } = view.data;
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

  const spikesOf = (counts: readonly number[], of: string, isWatched: boolean) =>
    findSpikes(counts).map((at) => ({ at, of, isWatched, count: counts[at]!, usual: usualOf(counts) }));
  const watchedSeries = series.find(({ name }) => name === watched)!;
  const spikes = [...spikesOf(sums, what, false), ...spikesOf(watchedSeries.values, watched, true)].sort(
    (a, b) => a.at - b.at,
  );
  const spanOf = (at: number): { from: bigint; to: bigint } => {
    const [start, end] = [BigInt(buckets.starts[at]!) * 1000n, buckets.starts[at + 1]];
    const last = end === undefined ? range.to : BigInt(end) * 1000n - 1n;
    return { from: start > range.from ? start : range.from, to: last < range.to ? last : range.to };
  };
  const described = ({ count, of, usual }: (typeof spikes)[number]): string =>
    `${formatCount(count)} ${of}, ${(count / usual).toFixed(1)} times the median of ${formatCount(usual)}`;

  const rows = buckets.starts.map((_, i) => ({
    time: times[i]!,
    at: i,
    ...Object.fromEntries(series.map(({ name, values }) => [name, values[i]!])),
    total: sums[i]!,
  }));
  const hrefs = buckets.starts.map((_, i) => hrefOf(view, recordsOf(spanOf(i), false)));
  const chart = {
    id,
    title,
    description: `${lead}${spikes.length > 0 ? ` ${plural(spikes.length, 'spike')}, listed below.` : ''} The table below has all numbers.`,
    labels: buckets.starts.map((start) => shortTimeOf(start, buckets)),
    series: present.length > 0 ? present : series,
    marks: new Set(spikes.map(({ at }) => at)),
    hrefs,
    format: formatCount,
  };
  const columns = [
    {
      title: `${buckets.width} from (UTC)`,
      kind: 'time' as const,
      cell: (row: { readonly time?: unknown; readonly at?: unknown }) =>
        linked(view, html`${String(row.time)}`, recordsOf(spanOf(Number(row.at)), false)),
    },
    ...series.map(({ name }) => countColumn(name, name)),
    countColumn('total', 'total'),
  ];
  const content = html`<p class="lead">${lead}</p>
${
  total > 0 &&
  html`<figure>${legend(chart.series)}${columnChart(chart)}</figure>
${
  spikes.length > 0 &&
  html`<h3>Spikes</h3><ul class="spikes">${spikes.map(
    (spike) =>
      html`<li>${linked(view, html`${times[spike.at]} UTC`, recordsOf(spanOf(spike.at), spike.isWatched))}: ${described(spike)}</li>`,
  )}</ul><p class="note">Marked ▼. A spike is ${spikeRule}; empty intervals do not count towards the median.</p>`
}
${details(`All numbers, by ${buckets.width}`, table(title, columns, rows))}`
}`;
  const following = spikes.slice(0, 3).map((spike) => ({
    what: `The spike of ${times[spike.at]} UTC: ${spike.of}`,
    to: recordsOf(spanOf(spike.at), spike.isWatched),
  }));
  return { content, following };
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
