/** The sections on audit records of Okera. */
import { formatCount } from '../text/humanize.ts';
import { barChart } from './charts.ts';
import { type AnswerRow, answers, numberIn, type OkeraData, type Top } from './gather.ts';
import { type Html, html } from './html.ts';
import { overTime } from './over-time.ts';
import { countColumn, label, legend, logged, rest, second, table, textColumn } from './parts.ts';
import { type Drill, drill, footOf, heading, hrefOf, linked, type Section, section, type View } from './view.ts';

const answerNames = { granted: 'done', refused: 'refused', failed: 'failed' } as const;
const answerColours = { granted: 'allowed', refused: 'denied', failed: 'errors' } as const;

/** A warehouse whose Okera table has nothing in the range shows one line. */
export function okeraSections(view: View, okera: OkeraData): Section[] {
  const none = answers.every((name) => okera.sums[name] === 0);
  return [
    okeraOverTime(view, okera),
    ...(none ? [] : [tablesAndUsers(view, okera), ...accesses(view, okera.accesses)]),
    ...(none && okera.changes.of === 0 ? [] : [permissionChanges(view, okera.changes)]),
  ];
}

function okeraOverTime(view: View, okera: OkeraData): Section {
  const series = answers.map((name) => ({
    name: answerNames[name],
    colour: answerColours[name],
    values: okera.overTime.map((sums) => sums[name]),
  }));
  const { content, following } = overTime(view, {
    id: 'okera-chart',
    what: 'requests',
    title: 'Okera requests over time',
    series,
    watched: answerNames.refused,
    recordsOf: (span, watched) =>
      drill(view, watched ? 'okera-auth-failures' : 'okera-events', usersIn(view.data.filters.subject), span),
  });
  return section(
    'okera',
    'Okera requests over time',
    html`${content}
<p class="note">What users asked of the planner (view reporting_audit_logs). Refused: authorisation failed. Failed: any other status but ok.</p>${footOf(
      view,
      ['report-okera-over-time'],
      { tables: ['okera-over-time'], following },
    )}`,
  );
}

const usersIn = (subject: string | undefined): Record<string, string> =>
  subject === undefined ? {} : { users: asList(subject) };

/** One text as a parameter that takes a list. */
const asList = (text: string): string => (/^$|[,[]|^\s|\s$/.test(text) ? JSON.stringify([text]) : text);

type Lead = (row: AnswerRow) => Drill | undefined;

interface TopPart {
  readonly id: string;
  readonly heading: string;
  readonly title: string;
  readonly column: string;
  readonly count: 'accesses' | 'requests';
  readonly top: Top;
  readonly many: string;
  readonly question: string;
  readonly lead: Lead;
}

const eventsOfTable =
  (view: View): Lead =>
  ({ dataset }) =>
    typeof dataset === 'string'
      ? drill(view, 'okera-events', { ...usersIn(view.data.filters.subject), tables: asList(dataset) })
      : undefined;
const eventsOfUser =
  (view: View): Lead =>
  ({ user }) =>
    typeof user === 'string' ? drill(view, 'actor-events', { actor: user }) : undefined;

function tablesAndUsers(view: View, { tables, users }: OkeraData): Section {
  const parts: TopPart[] = [
    {
      id: 'okera-tables',
      heading: 'Okera accesses by table',
      title: 'Table or view',
      column: 'dataset',
      count: 'accesses',
      top: tables,
      many: 'tables and views',
      question: 'report-okera-tables',
      lead: eventsOfTable(view),
    },
    {
      id: 'okera-users',
      heading: 'Okera requests by user',
      title: 'User',
      column: 'user',
      count: 'requests',
      top: users,
      many: 'users',
      question: 'report-okera-users',
      lead: eventsOfUser(view),
    },
  ];
  return {
    contents: parts.map(({ id, heading: title }) => ({ id, title })),
    content: html`<section><div class="pair">${parts.map((part) => topPart(view, part))}</div></section>\n`,
  };
}

function topPart(view: View, part: TopPart): Html {
  const { id, heading: name, title, column, count, top, many, question, lead } = part;
  if (top.rows.length === 0)
    return html`<div id="${id}">${heading(id, name)}<p class="lead">None in this range.</p></div>`;
  const rows = top.rows.slice(0, 10);
  const series = [
    {
      name: 'not refused',
      colour: 'allowed',
      values: rows.map((row) => numberIn(row, count) - numberIn(row, 'refused')),
    },
    { name: 'refused', colour: 'denied', values: rows.map((row) => numberIn(row, 'refused')) },
  ];
  const chart = {
    id: `${id}-chart`,
    title: name,
    description: 'The longest bar first; the table below has the numbers.',
    labels: rows.map((row) => label(row[column])),
    series,
    hrefs: rows.map((row) => hrefOf(view, lead(row))),
    format: formatCount,
  };
  const columns = [
    textColumn(title, column, (content, row) => linked(view, content, lead(row))),
    countColumn(count === 'accesses' ? 'Accesses' : 'Requests', count),
    countColumn('Refused', 'refused'),
  ];
  const example = rows.map(lead).find((to) => to !== undefined);
  return html`<div id="${id}">${heading(id, name)}
<figure>${legend(series)}${barChart(chart)}</figure>
${table(name, columns, top.rows)}
${rest(top, `different ${many}`, column)}${footOf(view, [question], {
  tables: [id],
  following: example
    ? [{ what: `What happened, of one ${count === 'accesses' ? 'table' : 'user'} as an example`, to: example }]
    : [],
})}</div>`;
}

function accesses(view: View, top: Top): Section[] {
  if (top.rows.length === 0) return [];
  const columns = [
    textColumn('Table or view', 'dataset', (content, row) => linked(view, content, eventsOfTable(view)(row))),
    textColumn('User', 'user', (content, row) => linked(view, content, eventsOfUser(view)(row))),
    countColumn('Accesses', 'accesses'),
    countColumn('Refused', 'refused'),
  ];
  return [
    section(
      'okera-accesses',
      'Okera accesses by table and user',
      html`<p class="lead">A record counts once for each table and view that it names.</p>
${table('Tables and views with their users, the most accesses first', columns, top.rows)}
${rest(top, 'different pairs')}${footOf(view, ['report-okera-accesses'], { tables: ['okera-accesses'] })}`,
    ),
  ];
}

function permissionChanges(view: View, { rows, of, grants, revocations }: OkeraData['changes']): Section {
  const title = 'Grants and revocations';
  if (rows.length === 0)
    return section('changes', title, html`<p class="lead">No permission changed hands in this range.</p>`);
  const columns = [
    { title: 'Time (UTC)', kind: 'time' as const, cell: (row: AnswerRow) => second(row.event_time) },
    textColumn('By', 'user', (content, row) => linked(view, content, eventsOfUser(view)(row))),
    {
      title: 'Statement',
      kind: 'code' as const,
      cell: (row: AnswerRow) => logged(row.statement ?? row.statement_type, 240),
    },
    {
      title: 'DecisionOutcome',
      kind: 'text' as const,
      cell: (row: AnswerRow) => (row.auth_failure === true ? 'refused' : logged(row.status, 40)),
    },
  ];
  return section(
    'changes',
    title,
    html`<p class="lead">${formatCount(grants)} grants, ${formatCount(revocations)} revocations, ${formatCount(of - grants - revocations)} roles created or dropped; those that failed are counted too.</p>
${table('Statements that change permissions, in the order of time', columns, rows)}
${of > rows.length && html`<p class="note">The latest ${rows.length} of ${formatCount(of)}.</p>`}${footOf(view, ['report-okera-changes'], { tables: ['okera-changes'] })}`,
  );
}
