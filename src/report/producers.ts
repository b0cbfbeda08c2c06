/** The section on what never arrived: how complete the decisions are that the report counts. */
import { type Grade, grades } from '../sequences/grade.ts';
import { formatCount, plural } from '../text/humanize.ts';
import { type AnswerRow, numberIn, type Table, topRows } from './gather.ts';
import { html } from './html.ts';
import { countColumn, rest, table, textColumn } from './parts.ts';
import { footOf, type Section, section, type View } from './view.ts';

const title = 'What never arrived';

export function producersSection(view: View, { rows }: Table): Section {
  const foot = footOf(view, ['missing-decisions'], { tables: ['producers'] });
  if (rows.length === 0)
    return section(
      'producers',
      title,
      html`<p class="lead">No decision of this range says which instance of OPA made it, so nothing can be said of those that are missing.</p>${foot}`,
    );
  const sum = (name: string): number => rows.reduce((all, row) => all + numberIn(row, name), 0);
  const counts = (Object.keys(grades) as Grade[])
    .map((grade) => [grade, rows.filter((row) => row.grade === grade).length] as const)
    .filter(([, days]) => days > 0);
  const open = rows.filter((row: AnswerRow) => row.grade !== 'dense');
  const shown = open.slice(0, topRows);
  return section(
    'producers',
    title,
    html`<p class="lead">By the numbers of OPA's requests, ${formatCount(sum('missing_at_most'))} decisions are missing at most, ${formatCount(sum('missing_estimated'))} by what is usual, and ${formatCount(sum('missing_at_least'))} are proved to be by OPA's own log. Nothing is known of what came after the last number of an instance that is not seen again.</p>
<ul>${counts.map(([grade, days]) => html`<li>${plural(days, 'day')} of instances ${grade}: ${grades[grade]}</li>`)}</ul>
${
  open.length > 0 &&
  html`${table(
    'Days of instances that are not proved complete',
    [
      textColumn('Day', 'ymd'),
      textColumn('Instance', 'instance_id'),
      textColumn('Grade', 'grade'),
      countColumn('Arrived', 'arrived'),
      countColumn('Missing at most', 'missing_at_most'),
      countColumn('Likely', 'missing_estimated'),
      countColumn('Proved', 'missing_at_least'),
      countColumn('Longest gap', 'longest_gap'),
    ],
    shown,
  )}${rest({ rows: shown, of: open.length }, 'days of instances')}`
}${foot}`,
  );
}
