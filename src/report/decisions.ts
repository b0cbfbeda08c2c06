/** The sections on decisions of OPA. */
import { formatCount, plural } from '../text/humanize.ts';
import { barChart, type Chart, type Series } from './charts.ts';
import { numberIn, outcomes, type ReportData, type Row, type Top } from './gather.ts';
import { type Html, html } from './html.ts';
import { overTime } from './over-time.ts';
import { countColumn, label, legend, logged, network, percent, rest, second, table, textColumn } from './parts.ts';

const outcomeNames = {
  allowed: 'allowed',
  denied: 'denied',
  undefined: 'undefined',
  errors: 'error',
  other: 'no verdict',
} as const;

type Data = ReportData & { readonly decisions: NonNullable<ReportData['decisions']> };

export function decisionSections(data: Data): Html {
  const { decisions } = data;
  return html`${decisionsOverTime(data)}
<section><div class="pair">
${topSection('subjects', 'Subjects', 'subject', decisions.subjects, 'Who asked most often.')}
${topSection('resources', 'Resources', 'resource', decisions.resources, 'What was asked for most often.')}
</div></section>
${denied(decisions.denied)}
${networks(decisions.networks)}`;
}

function decisionsOverTime({ buckets, decisions }: Data): Html {
  const shown = outcomes.filter((name) => name !== 'other' || decisions.overTime.some((sums) => sums.other > 0));
  const series = shown.map((name) => ({
    name: outcomeNames[name],
    colour: name,
    values: decisions.overTime.map((sums) => sums[name]),
  }));
  return html`<section id="decisions"><h2>Decisions over time</h2>
${overTime({ id: 'decisions-chart', what: 'decisions', title: 'Decisions over time by outcome', buckets, series })}
<p class="note">Undefined: the policy gave no result, which callers take for a denial. Error: it could not be evaluated.${
    shown.includes('other') && ' No verdict: the result says neither allowed nor denied, as that of a compile request.'
  }</p>
</section>`;
}

/** Allowed, denied, and what is neither. */
const verdicts = (rows: readonly Row[]): Series[] => {
  const values = (name: string) => rows.map((row) => numberIn(row, name));
  const neither = rows.map((row) => numberIn(row, 'decisions') - numberIn(row, 'allowed') - numberIn(row, 'denied'));
  return [
    { name: 'allowed', colour: 'allowed', values: values('allowed') },
    { name: 'denied', colour: 'denied', values: values('denied') },
    { name: 'neither', colour: 'other', values: neither },
  ];
};

const inChart = 10;

function verdictChart(id: string, title: string, rows: readonly Row[], labels: readonly string[]): Html {
  const series = verdicts(rows.slice(0, inChart)).filter(
    ({ name, values }) => name !== 'neither' || values.some((value) => value > 0),
  );
  const chart: Chart = {
    id,
    title,
    description: `${plural(series[0]!.values.length, 'bar')}, the longest first; the table beside or below has the numbers.`,
    labels: labels.slice(0, inChart),
    series,
    format: formatCount,
  };
  return html`<figure>${legend(series)}${barChart(chart)}</figure>`;
}

const verdictColumns = [
  countColumn('Decisions', 'decisions'),
  countColumn('Allowed', 'allowed'),
  countColumn('Denied', 'denied'),
  {
    title: 'Denied share',
    kind: 'number' as const,
    cell: (row: Row) => percent(numberIn(row, 'denied'), numberIn(row, 'decisions')),
  },
];

function topSection(id: string, heading: string, column: string, top: Top, lead: string): Html {
  const title = `${heading} with the most decisions`;
  if (top.rows.length === 0)
    return html`<div id="${id}"><h2>${heading}</h2><p class="lead">None in this range.</p></div>`;
  const labels = top.rows.map((row) => label(row[column]));
  return html`<div id="${id}"><h2>${heading}</h2><p class="lead">${lead}</p>
${verdictChart(`${id}-chart`, title, top.rows, labels)}
${table(title, [textColumn(heading.slice(0, -1), column), ...verdictColumns], top.rows)}
${rest(top, `different ${heading.toLowerCase()}`)}</div>`;
}

function denied(top: Top): Html {
  const heading = html`<h2>Denied most often</h2>`;
  if (top.rows.length === 0)
    return html`<section id="denied">${heading}<p class="lead">Nothing was denied in this range.</p></section>`;
  const columns = [
    textColumn('Subject', 'subject'),
    textColumn('Action', 'action'),
    textColumn('Resource', 'resource'),
    countColumn('Denials', 'denied'),
    { title: 'First (UTC)', kind: 'time' as const, cell: (row: Row) => second(row.first_time) },
    { title: 'Last (UTC)', kind: 'time' as const, cell: (row: Row) => second(row.last_time) },
  ];
  return html`<section id="denied">${heading}
<p class="lead">Who was refused what: subject, action and resource, by the number of denials.</p>
${table('Subject, action and resource with the most denials', columns, top.rows)}
${rest(top, 'different combinations')}</section>`;
}

function networks(top: Top): Html {
  const heading = html`<h2>Client networks</h2>`;
  if (top.rows.length === 0)
    return html`<section id="networks">${heading}<p class="lead">None in this range.</p></section>`;
  const rows = top.rows.map((row) => ({ ...row, network: network(row.network) }));
  const title = 'Client networks with the most decisions';
  return html`<section id="networks">${heading}
<p class="lead">Where requests came from: IPv4 by /24, IPv6 by /64, as the input of the decision says.</p>
<div class="pair"><div>${verdictChart(
    'networks-chart',
    title,
    rows,
    rows.map((row) => (row.network === null ? '(no address)' : label(row.network))),
  )}</div>
<div>${table(
    title,
    [
      { title: 'Network', kind: 'text', cell: (row) => logged(row.network ?? '(no address)') },
      ...verdictColumns.slice(0, 3),
      countColumn('Subjects', 'subjects'),
    ],
    rows,
  )}
${rest(top, 'different networks')}</div></div></section>`;
}
