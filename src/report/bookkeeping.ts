/** The sections on how the numbers came about: ingestion, quarantine, bytes read. */
import { formatBytes, formatCount, formatSeconds, plural } from '../text/humanize.ts';
import { timeText } from '../text/time.ts';
import { barChart } from './charts.ts';
import { type AnswerRow, numberIn, type ReportData, topRows } from './gather.ts';
import { html } from './html.ts';
import { countColumn, label, logged, percent, rest, table, textColumn } from './parts.ts';
import { footOf, type Section, section, type View } from './view.ts';

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

export function ingestionSection(view: View, ingestion: NonNullable<ReportData['ingestion']>): Section {
  const [sources, lag] = [ingestion.sources.rows, ingestion.lag.rows];
  if (sources.length === 0)
    return section(
      'ingestion',
      'Ingestion',
      html`<p class="lead">No object with events of this range was ingested.</p>`,
    );
  const { filters } = view.data;
  const limited = filters.subject !== undefined || filters.path !== undefined;
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
  return section(
    'ingestion',
    'Ingestion',
    html`<p class="lead">${limited && 'For all subjects and paths: '}${plural(sum('objects'), 'object')} with events of this range, ${plural(sum('records'), 'record')}: ${formatCount(sum('row_count'))} became rows, ${formatCount(sum('quarantined'))} went to quarantine, ${formatCount(sum('duplicates'))} were there already, ${formatCount(sum('skipped'))} were lines of other programs. ${
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
<figure>${barChart(chart)}</figure>
${table(
  'Lag by source',
  [
    textColumn('Source', 'source'),
    countColumn('Objects read', 'readings'),
    countColumn('Median', 'median', lagOf),
    countColumn('95 % within', 'p95', lagOf),
    countColumn('Longest', 'longest', lagOf),
  ],
  lag.slice(0, topRows),
)}${footOf(view, ['report-ingested', 'report-lag'], { tables: ['ingested', 'lag'] })}`,
  );
}

export function quarantineSection(view: View, quarantine: NonNullable<ReportData['quarantine']>): Section {
  const { rows, records } = quarantine;
  const { fromDay, toDay } = view.data.range;
  const days = fromDay === toDay ? fromDay : `${fromDay} to ${toDay}`;
  const foot = footOf(view, ['report-quarantine'], { tables: ['quarantine'] });
  if (rows.length === 0)
    return section('quarantine', 'Quarantine', html`<p class="lead">No record of ${days} is in quarantine.</p>${foot}`);
  const shown = rows.slice(0, 10);
  const chart = {
    id: 'quarantine-chart',
    title: 'Records in quarantine by reason',
    description: 'The longest bar first; the table has the numbers.',
    labels: shown.map((row) => label(row.reason)),
    series: [{ name: 'records', colour: 'denied', values: shown.map((row) => numberIn(row, 'records')) }],
    format: formatCount,
  };
  return section(
    'quarantine',
    'Quarantine',
    html`<p class="lead">${plural(records, 'record')} of ${days} could not become rows; each is kept with its payload, and explained by audit-warehouse quarantine.</p>
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
${rest(quarantine, 'different reasons')}</div></div>${foot}`,
  );
}

const daysOf = (row: AnswerRow): string =>
  row.first_day === row.last_day ? String(row.first_day) : `${row.first_day} to ${row.last_day}`;

/** An engine's count of bytes can differ a little from one time to the next; a page should not. */
const rounded = (bytes: number): number => Number(bytes.toPrecision(2));

export function bytesSection({ data: { range, ingestion, asked } }: View): Section {
  const sum = (name: string): number =>
    (ingestion?.sources.rows ?? []).reduce((all, row) => all + numberIn(row, name), 0);
  const [decompressed, stored] = [sum('bytes_decompressed'), sum('bytes_stored')];
  const bytesOf = (some: ReportData['asked']): number => some.reduce((all, { bytesScanned }) => all + bytesScanned, 0);
  const read = bytesOf(asked);
  const from = timeText(range.from);
  const ofRange = asked.filter(({ given }) => given.get('from') === from && !given.has('since'));
  const chart = {
    id: 'bytes-chart',
    title: 'Bytes of the range',
    description: `${formatBytes(decompressed)} of raw records, stored as ${formatBytes(stored)}; this report read ${formatBytes(bytesOf(ofRange))} of it.`,
    labels: ['raw records', 'raw, as stored', 'read by this report'],
    series: [{ name: 'bytes', colour: 'allowed', values: [decompressed, stored, bytesOf(ofRange)].map(rounded) }],
    format: formatBytes,
  };
  const questions = plural(asked.length, 'question');
  return section(
    'bytes',
    'Bytes read',
    html`<p class="lead">${
      decompressed > 0
        ? `All ${questions} of this report together read ${formatBytes(read)}. Those about the range itself read ${formatBytes(bytesOf(ofRange))}: ${percent(bytesOf(ofRange), decompressed)} of the ${formatBytes(decompressed)} of raw records that it has, and that each of them alone would read without the tables.`
        : `The ${questions} of this report read ${formatBytes(read)}.`
    }</p>
${decompressed > 0 && html`<figure>${barChart(chart)}</figure>`}
${table(
  'Bytes read by question, as the engine counts them',
  [
    textColumn('Question', 'question'),
    textColumn('From (UTC)', 'from'),
    textColumn('To (UTC)', 'to'),
    countColumn('Bytes read', 'bytes', formatBytes),
  ],
  asked.map(({ question, given, bytesScanned }) => ({
    question,
    from: given.get('since') ?? given.get('from')!,
    to: given.get('to')!,
    bytes: bytesScanned,
  })),
)}
<p class="note">Raw bytes are those of whole objects with events of the range, from the ledger.</p>`,
  );
}
