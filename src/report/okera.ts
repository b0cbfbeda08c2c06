/** The sections on audit records of Okera. */
import { formatCount } from '../text/humanize.ts';
import { barChart } from './charts.ts';
import { numberIn, type ReportData, type Row, type Top } from './gather.ts';
import { type Html, html } from './html.ts';
import { overTime } from './over-time.ts';
import { countColumn, label, legend, logged, rest, second, table, textColumn } from './parts.ts';

type Data = ReportData & { readonly okera: NonNullable<ReportData['okera']> };

const answerNames = { granted: 'done', refused: 'refused', failed: 'failed' } as const;
const answerColours = { granted: 'allowed', refused: 'denied', failed: 'errors' } as const;

export function okeraSections({ okera, buckets }: Data): Html {
  const series = (['granted', 'refused', 'failed'] as const).map((name) => ({
    name: answerNames[name],
    colour: answerColours[name],
    values: okera.overTime.map((sums) => sums[name]),
  }));
  return html`<section id="okera"><h2>Okera requests over time</h2>
${overTime({ id: 'okera-chart', what: 'requests', title: 'Okera requests over time', buckets, series })}
<p class="note">What users asked of the planner (view reporting_audit_logs). Refused: authorisation failed. Failed: any other status but ok.</p>
</section>
<section><div class="pair">
${topSection('okera-tables', 'Okera accesses by table', 'Table or view', 'dataset', 'accesses', okera.tables, 'tables and views')}
${topSection('okera-users', 'Okera requests by user', 'User', 'user', 'requests', okera.users, 'users')}
</div></section>
${accesses(okera.accesses)}
${permissionChanges(okera.changes)}`;
}

function topSection(
  id: string,
  heading: string,
  title: string,
  column: string,
  count: 'accesses' | 'requests',
  top: Top,
  many: string,
): Html {
  if (top.rows.length === 0)
    return html`<div id="${id}"><h2>${heading}</h2><p class="lead">None in this range.</p></div>`;
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
    title: heading,
    description: 'The longest bar first; the table below has the numbers.',
    labels: rows.map((row) => label(row[column])),
    series,
    format: formatCount,
  };
  const counts = count === 'accesses' ? 'Accesses' : 'Requests';
  return html`<div id="${id}"><h2>${heading}</h2>
<figure>${legend(series)}${barChart(chart)}</figure>
${table(heading, [textColumn(title, column), countColumn(counts, count), countColumn('Refused', 'refused')], top.rows)}
${rest(top, `different ${many}`)}</div>`;
}

function accesses(top: Top): Html {
  if (top.rows.length === 0) return html``;
  const columns = [
    textColumn('Table or view', 'dataset'),
    textColumn('User', 'user'),
    countColumn('Accesses', 'accesses'),
    countColumn('Refused', 'refused'),
  ];
  return html`<section id="okera-accesses"><h2>Okera accesses by table and user</h2>
<p class="lead">A record counts once for each table and view that it names.</p>
${table('Tables and views with their users, the most accesses first', columns, top.rows)}
${rest(top, 'different pairs')}</section>`;
}

function permissionChanges(changes: Data['okera']['changes']): Html {
  const { rows, of, grants, revocations } = changes;
  const heading = html`<h2>Grants and revocations</h2>`;
  if (rows.length === 0)
    return html`<section id="changes">${heading}<p class="lead">No permission changed hands in this range.</p></section>`;
  const columns = [
    { title: 'Time (UTC)', kind: 'time' as const, cell: (row: Row) => second(row.event_time) },
    textColumn('By', 'user'),
    { title: 'Statement', kind: 'code' as const, cell: (row: Row) => logged(row.statement ?? row.statement_type, 240) },
    {
      title: 'Outcome',
      kind: 'text' as const,
      cell: (row: Row) => (row.auth_failure === true ? 'refused' : logged(row.status, 40)),
    },
  ];
  return html`<section id="changes">${heading}
<p class="lead">${formatCount(grants)} grants, ${formatCount(revocations)} revocations, ${formatCount(of - grants - revocations)} roles created or dropped; those that failed are counted too.</p>
${table('Statements that change permissions, in the order of time', columns, rows)}
${of > rows.length && html`<p class="note">The latest ${rows.length} of ${formatCount(of)}.</p>`}</section>`;
}
