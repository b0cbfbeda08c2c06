/** The sections on how the numbers came about: ingestion, quarantine, bytes read. */
import { formatBytes, formatCount, formatSeconds, plural } from '../text/humanize.ts';
import { barChart } from './charts.ts';
import { numberIn, type ReportData, type Row, topRows } from './gather.ts';
import { type Html, html } from './html.ts';
import { countColumn, label, logged, percent, rest, table, textColumn } from './parts.ts';

/** Upper ends of the steps that ingestion-lag.sql counts by. */
const lagSteps = {
  below_1_min: 'below 1 min',
  below_5_min: '1 to 5 min',
  below_15_min: '5 to 15 min',
  below_1_h: '15 min to 1 h',
  below_6_h: '1 to 6 h',
  below_1_d: '6 to 24 h',
  below_7_d: '1 to 7 days',
  longer: '7 days or more',
} as const;

const lagOf = (seconds: number): string =>
  seconds >= 2 * 86_400 ? `${formatCount(seconds / 86_400)} days` : formatSeconds(seconds);

export function ingestionSections({ ingestion }: ReportData): Html {
  if (ingestion === null) return html``;
  const heading = html`<h2>Ingestion</h2>`;
  const { sources, lag } = ingestion;
  if (sources.length === 0)
    return html`<section id="ingestion">${heading}<p class="lead">No object with events of this range was ingested.</p></section>`;
  const sum = (name: string): number => sources.reduce((all, row) => all + numberIn(row, name), 0);
  const complete = sum('records') === sum('row_count') + sum('quarantined') + sum('skipped') + sum('duplicates');
  const chart = {
    id: 'lag-chart',
    title: 'Objects by ingestion lag',
    description:
      'Numbers of objects by the time from their latest event to the commit of their rows; the table has them by source.',
    labels: Object.values(lagSteps),
    series: [
      {
        name: 'objects',
        colour: 'allowed',
        values: Object.keys(lagSteps).map((step) => lag.reduce((all, row) => all + numberIn(row, step), 0)),
      },
    ],
    format: formatCount,
  };
  const shownSources = sources.slice(0, topRows);
  return html`<section id="ingestion">${heading}
<p class="lead">${plural(sum('objects'), 'object')} with events of this range, ${plural(sum('records'), 'record')}: ${formatCount(sum('row_count'))} became rows, ${formatCount(sum('quarantined'))} went to quarantine, ${formatCount(sum('duplicates'))} were there already, ${formatCount(sum('skipped'))} were lines of other programs. ${
    complete
      ? 'The accounts balance: every record that was read is one of these.'
      : 'The accounts do not balance: run audit-warehouse verify.'
  }</p>
${table(
  'Objects and their records, by source',
  [
    textColumn('Source', 'source'),
    textColumn('Type', 'source_type'),
    countColumn('Objects', 'objects'),
    countColumn('Records', 'records'),
    countColumn('Rows', 'row_count'),
    countColumn('Quarantined', 'quarantined'),
    countColumn('Duplicates', 'duplicates'),
    countColumn('Skipped', 'skipped'),
  ],
  shownSources,
)}
${rest({ rows: shownSources, of: sources.length }, 'sources')}
<h3>Lag</h3>
<p class="lead">From the latest event in an object to the commit that made its rows visible. History that was read in later has a long one.</p>
<div class="pair"><div><figure>${barChart(chart)}</figure></div>
<div>${table(
    'Lag by source',
    [
      textColumn('Source', 'source'),
      countColumn('Objects read', 'readings'),
      countColumn('Median', 'median', lagOf),
      countColumn('95 % within', 'p95', lagOf),
      countColumn('Longest', 'longest', lagOf),
    ],
    lag.slice(0, topRows),
  )}</div></div></section>`;
}

export function quarantineSection({ quarantine }: ReportData): Html {
  if (quarantine === null) return html``;
  const heading = html`<h2>Quarantine</h2>`;
  const { rows, records } = quarantine;
  if (rows.length === 0)
    return html`<section id="quarantine">${heading}<p class="lead">No record of these days is in quarantine.</p></section>`;
  const shown = rows.slice(0, 10);
  const chart = {
    id: 'quarantine-chart',
    title: 'Records in quarantine by reason',
    description: 'The longest bar first; the table has the numbers.',
    labels: shown.map((row) => label(row.reason)),
    series: [{ name: 'records', colour: 'denied', values: shown.map((row) => numberIn(row, 'records')) }],
    format: formatCount,
  };
  return html`<section id="quarantine">${heading}
<p class="lead">${plural(records, 'record')} of these days could not become rows; each is kept with its payload, and explained by audit-warehouse quarantine.</p>
<div class="pair"><div><figure>${barChart(chart)}</figure></div>
<div>${table(
    'Records in quarantine by reason',
    [
      textColumn('Reason', 'reason'),
      textColumn('Type', 'source_type'),
      countColumn('Records', 'records'),
      { title: 'Days', kind: 'text', cell: (row) => logged(daysOf(row)) },
    ],
    rows,
  )}
${rest(quarantine, 'different reasons')}</div></div></section>`;
}

const daysOf = (row: Row): string =>
  row.first_day === row.last_day ? String(row.first_day) : `${row.first_day} to ${row.last_day}`;

/** An engine's count of bytes can differ a little from one time to the next; a page should not. */
const rounded = (bytes: number): number => Number(bytes.toPrecision(2));

export function bytesSection({ ingestion, asked }: ReportData): Html {
  const sum = (name: string): number => (ingestion?.sources ?? []).reduce((all, row) => all + numberIn(row, name), 0);
  const [decompressed, stored] = [sum('bytes_decompressed'), sum('bytes_stored')];
  const read = asked.reduce((all, { bytesScanned }) => all + bytesScanned, 0);
  const chart = {
    id: 'bytes-chart',
    title: 'Bytes of the range',
    description: `${formatBytes(decompressed)} of raw records, stored as ${formatBytes(stored)}; this report read ${formatBytes(read)}.`,
    labels: ['raw records', 'raw, as stored', 'read by this report'],
    series: [{ name: 'bytes', colour: 'allowed', values: [decompressed, stored, read].map(rounded) }],
    format: formatBytes,
  };
  const questions = plural(asked.length, 'question');
  return html`<section id="bytes"><h2>Bytes read</h2>
<p class="lead">${
    decompressed > 0
      ? `All ${questions} of this report together read ${formatBytes(read)}: ${percent(read, decompressed)} of the ${formatBytes(decompressed)} of raw records that the range has, and that each question alone would read without the tables.`
      : `The ${questions} of this report read ${formatBytes(read)}.`
  }</p>
${decompressed > 0 && html`<figure>${barChart(chart)}</figure>`}
${table(
  'Bytes read by question, as the engine counts them',
  [textColumn('Question', 'question'), countColumn('Bytes read', 'bytes', formatBytes)],
  asked.map(({ question, bytesScanned }) => ({ question, bytes: bytesScanned })),
)}
<p class="note">Raw bytes are those of whole objects with events of the range, from the ledger.</p></section>`;
}
