/** The sections on decisions of OPA. */
import { formatCount, plural } from '../text/humanize.ts';
import { rangeText } from '../text/time.ts';
import { barChart, type Chart, type Series } from './charts.ts';
import { type AnswerRow, type DecisionData, type News, numberIn, outcomes, type Top } from './gather.ts';
import { type Content, type Html, html } from './html.ts';
import { overTime } from './over-time.ts';
import {
  type Column,
  countColumn,
  label,
  legend,
  logged,
  network,
  percent,
  rest,
  second,
  table,
  textColumn,
} from './parts.ts';
import {
  type Drill,
  drill,
  type Following,
  footOf,
  heading,
  hrefOf,
  linked,
  type Section,
  section,
  type View,
} from './view.ts';

const outcomeNames = {
  allowed: 'allowed',
  denied: 'denied',
  undefined: 'undefined',
  errors: 'error',
  other: 'no verdict',
} as const;

/** A range without decisions shows only that there are none. */
export function decisionSections(view: View, decisions: DecisionData): Section[] {
  const none = outcomes.every((name) => decisions.sums[name] === 0);
  return [
    decisionsOverTime(view, decisions),
    ...(none ? [] : [subjectsAndResources(view, decisions)]),
    denied(view, decisions.denied),
    ...(none ? [] : [policies(view, decisions), ...news(view, decisions), networks(view, decisions.networks)]),
  ];
}

function decisionsOverTime(view: View, { overTime: counts }: DecisionData): Section {
  const shown = outcomes.filter((name) => name !== 'other' || counts.some((sums) => sums.other > 0));
  const series = shown.map((name) => ({
    name: outcomeNames[name],
    colour: name,
    values: counts.map((sums) => sums[name]),
  }));
  const { content, following } = overTime(view, {
    id: 'decisions-chart',
    what: 'decisions',
    title: 'Decisions over time by outcome',
    series,
    watched: outcomeNames.denied,
    recordsOf: (span, watched) => drill(view, 'decisions', watched ? { allowed: 'false' } : {}, span),
  });
  const note = html`<p class="note">Undefined: the policy gave no result, which callers take for a denial. Error: it could not be evaluated.${
    shown.includes('other') && ' No verdict: the result says neither allowed nor denied, as that of a compile request.'
  }</p>`;
  const foot = footOf(view, ['report-over-time', 'report-undefined'], { tables: ['decisions-over-time'], following });
  return section('decisions', 'Decisions over time', html`${content}\n${note}${foot}`);
}

/** Allowed, denied, and what is neither. */
const verdicts = (rows: readonly AnswerRow[]): Series[] => {
  const values = (name: string) => rows.map((row) => numberIn(row, name));
  const neither = rows.map((row) => numberIn(row, 'decisions') - numberIn(row, 'allowed') - numberIn(row, 'denied'));
  return [
    { name: 'allowed', colour: 'allowed', values: values('allowed') },
    { name: 'denied', colour: 'denied', values: values('denied') },
    { name: 'neither', colour: 'other', values: neither },
  ];
};

const inChart = 10;

type Lead = (row: AnswerRow) => Drill | undefined;

function verdictChart(
  view: View,
  {
    id,
    title,
    rows,
    labels,
    lead,
  }: { id: string; title: string; rows: readonly AnswerRow[]; labels: readonly string[]; lead?: Lead },
): Html {
  const shown = rows.slice(0, inChart);
  const series = verdicts(shown).filter(({ name, values }) => name !== 'neither' || values.some((value) => value > 0));
  const chart: Chart = {
    id,
    title,
    description: `${plural(shown.length, 'bar')} in the order of the table, which has the numbers.`,
    labels: labels.slice(0, inChart),
    series,
    hrefs: shown.map((row) => hrefOf(view, lead?.(row))),
    format: formatCount,
  };
  return html`<figure>${legend(series)}${barChart(chart)}</figure>`;
}

const verdictColumns: readonly Column[] = [
  countColumn('Decisions', 'decisions'),
  countColumn('Allowed', 'allowed'),
  countColumn('Denied', 'denied'),
  {
    title: 'Denied share',
    kind: 'number',
    cell: (row: AnswerRow) => percent(numberIn(row, 'denied'), numberIn(row, 'decisions')),
  },
];

/** A column of text that links to a question. */
const leadingColumn = (view: View, title: string, name: string, lead: Lead): Column =>
  textColumn(title, name, (content, row) => linked(view, content, lead(row)));

/** The question that looks closer at a value of a column; none for a null. */
const leadBy =
  (view: View, question: string, parameter: string, column = parameter): Lead =>
  (row) =>
    typeof row[column] === 'string' ? drill(view, question, { [parameter]: row[column] }) : undefined;

/** The question that looks closer at the first row, as an example. */
function exampleOf(rows: readonly AnswerRow[], lead: Lead, what: string): Following[] {
  for (const row of rows) {
    const to = lead(row);
    if (to) return [{ what, to }];
  }
  return [];
}

interface TopSection {
  readonly id: string;
  readonly heading: string;
  readonly column: string;
  readonly top: Top;
  readonly text: string;
  readonly question: string;
  readonly lead: Lead;
}

function subjectsAndResources(view: View, { subjects, resources }: DecisionData): Section {
  const parts: TopSection[] = [
    {
      id: 'subjects',
      heading: 'Subjects',
      column: 'subject',
      top: subjects,
      text: 'Who asked most often.',
      question: 'report-subjects',
      lead: leadBy(view, 'subject-activity', 'subject'),
    },
    {
      id: 'resources',
      heading: 'Resources',
      column: 'resource',
      top: resources,
      text: 'What was asked for most often.',
      question: 'report-resources',
      lead: leadBy(view, 'resource-activity', 'resource'),
    },
  ];
  return {
    contents: parts.map(({ id, heading: title }) => ({ id, title })),
    content: html`<section><div class="pair">${parts.map((part) => topPart(view, part))}</div></section>\n`,
  };
}

function topPart(view: View, { id, heading: name, column, top, text, question, lead }: TopSection): Html {
  const title = `${name} with the most decisions`;
  const labels = top.rows.map((row) => label(row[column]));
  const one = name.slice(0, -1);
  return html`<div id="${id}">${heading(id, name)}<p class="lead">${text}</p>
${verdictChart(view, { id: `${id}-chart`, title, rows: top.rows, labels, lead })}
${table(title, [leadingColumn(view, one, column, lead), ...verdictColumns], top.rows)}
${rest(top, `different ${name.toLowerCase()}`, column)}${footOf(view, [question], {
  tables: [id],
  following: exampleOf(top.rows, lead, `Everything about one ${column}, as an example`),
})}</div>`;
}

function denied(view: View, top: Top): Section {
  const title = 'Denied most often';
  const foot = (following: Following[] = []) => footOf(view, ['report-denied'], { tables: ['denied'], following });
  if (top.rows.length === 0)
    return section('denied', title, html`<p class="lead">Nothing was denied in this range.</p>${foot()}`);
  const lead: Lead = ({ subject }) =>
    typeof subject === 'string' ? drill(view, 'decisions', { subject, allowed: 'false' }) : undefined;
  const columns = [
    leadingColumn(view, 'Subject', 'subject', lead),
    textColumn('Action', 'action'),
    leadingColumn(view, 'Resource', 'resource', leadBy(view, 'resource-activity', 'resource')),
    countColumn('Denials', 'denied'),
    timeColumn('First (UTC)', 'first_time'),
    timeColumn('Last (UTC)', 'last_time'),
  ];
  return section(
    'denied',
    title,
    html`<p class="lead">Who was refused what: subject, action and resource, by the number of denials.</p>
${table('Subject, action and resource with the most denials', columns, top.rows)}
${rest(top, 'different combinations')}${foot(exampleOf(top.rows, lead, 'The denials of one subject, as an example'))}`,
  );
}

const timeColumn = (title: string, name: string): Column => ({
  title,
  kind: 'time',
  cell: (row) => second(row[name]),
});

function policies(view: View, { policies: byPath, labels }: DecisionData): Section {
  const lead = leadBy(view, 'decisions-by-policy', 'path');
  const chart = verdictChart(view, {
    id: 'policies-chart',
    title: 'Policies with the most denials',
    rows: byPath.rows,
    labels: byPath.rows.map((row) => label(row.path)),
    lead,
  });
  return section(
    'policies',
    'Denied share by policy and by label',
    html`<p class="lead">Where decisions are denied: by the path of the policy, and by the labels of the instance that decided. A decision counts once for each of its labels.</p>
<div class="pair"><div>${chart}
${table('Policies with the most denials', [leadingColumn(view, 'Policy', 'path', lead), ...verdictColumns], byPath.rows)}
${rest(byPath, 'different policies', 'path')}</div>
<div>${
      labels.rows.length === 0
        ? html`<p class="lead">No decision of this range has labels.</p>`
        : html`${table(
            'Labels with the most denials',
            [
              {
                title: 'Label',
                kind: 'text',
                cell: (row) => html`${logged(row.name, 40)} = ${logged(row.value, 60)}`,
              },
              ...verdictColumns,
            ],
            labels.rows,
          )}
${rest(labels, 'different labels')}`
    }</div></div>${footOf(view, ['report-policies', 'report-labels'], {
      tables: ['policies', 'labels'],
      following: exampleOf(byPath.rows, lead, 'The versions of one policy, as an example'),
    })}`,
  );
}

function news(view: View, { news: found }: DecisionData): Section[] {
  const { lookBack } = view.data;
  if (lookBack === null || found === null) return [];
  const of = (name: string, question: string, column: string, news: News, lead: Lead): Content => {
    const many = `${column}s`;
    if (!news.comparable)
      return html`<p class="note">There is no ${column} on record from then, so it is unknown which are new.</p>`;
    if (news.rows.length === 0) return html`<p class="note">No new ${many}.</p>`;
    const rows = column === 'network' ? news.rows.map((row) => ({ ...row, network: network(row.network) })) : news.rows;
    const columns = [
      leadingColumn(view, name, column, lead),
      timeColumn('First seen (UTC)', 'first_time'),
      countColumn('Decisions', 'decisions'),
      countColumn('Denied', 'denied'),
    ];
    return html`<div id="new-${many}"><h3>New ${many}</h3>
${table(`New ${many}, in the order of their first decision`, columns, rows)}
${rest(news, `new ${many}`)}${footOf(view, [question], { tables: [`new-${many}`] })}</div>`;
  };
  return [
    section(
      'new',
      'New subjects, resources and networks',
      html`<p class="lead">With decisions in this range and none from ${rangeText(lookBack)} (UTC).</p>
<div class="columns">${[
        of('Subject', 'report-new-subjects', 'subject', found.subjects, leadBy(view, 'subject-activity', 'subject')),
        of(
          'Resource',
          'report-new-resources',
          'resource',
          found.resources,
          leadBy(view, 'resource-activity', 'resource'),
        ),
        of('Network', 'report-new-networks', 'network', found.networks, leadBy(view, 'decisions', 'cidr', 'network')),
      ]}</div>`,
    ),
  ];
}

function networks(view: View, top: Top): Section {
  const rows = top.rows.map((row) => ({ ...row, network: network(row.network) }));
  const title = 'Client networks with the most decisions';
  const lead = leadBy(view, 'decisions', 'cidr', 'network');
  return section(
    'networks',
    'Client networks',
    html`<p class="lead">Where requests came from: IPv4 by /24, IPv6 by /64, as the input of the decision says.</p>
<div class="pair"><div>${verdictChart(view, {
      id: 'networks-chart',
      title,
      rows,
      labels: rows.map((row) => (row.network === null ? '(no address)' : label(row.network))),
      lead,
    })}</div>
<div>${table(
      title,
      [
        {
          title: 'Network',
          kind: 'text',
          cell: (row) => linked(view, logged(row.network ?? '(no address)'), lead(row)),
        },
        ...verdictColumns.slice(0, 3),
        countColumn('Subjects', 'subjects'),
      ],
      rows,
    )}
${rest(top, 'different networks', 'network')}</div></div>${footOf(view, ['report-networks'], {
      tables: ['networks'],
      following: exampleOf(rows, lead, 'The decisions of one network, as an example'),
    })}`,
  );
}
