/** One page that links to all reports of a folder, made from the summary that each carries. */
import { formatCount } from '../text/humanize.ts';
import { compareText } from '../text/order.ts';
import { printable } from '../text/printable.ts';
import { htmlPage } from './document.ts';
import type { Filters } from './filters.ts';
import { html } from './html.ts';
import type { ReportMeta } from './meta.ts';
import { type Column, type Plain, percent, table } from './parts.ts';

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Reports by their file names, the latest range first. */
export function renderIndex(reports: ReadonlyMap<string, ReportMeta>): string {
  const entries = [...reports].sort(
    ([oneFile, one], [otherFile, other]) =>
      compareText(other.to, one.to) || compareText(other.from, one.from) || compareText(oneFile, otherFile),
  );
  const rows = entries.map(([file, meta]) => ({ file, ...meta, limits: limitsOf(meta.filters) }));
  type Entry = (typeof rows)[number];
  const cell =
    (read: (entry: Entry) => Plain): ((row: object) => Plain) =>
    (row) =>
      read(row as Entry);
  const text = (value: string): Plain => html`<bdi>${printable(value, 96)}</bdi>`;
  const count = (title: string, name: 'decisions' | 'requests' | 'quarantined'): Column => ({
    title,
    kind: 'number',
    cell: cell((entry) => formatCount(entry[name])),
  });
  const columns: Column[] = [
    {
      title: 'Report',
      kind: 'text',
      // The leading dot keeps a file name from being read as a URL with a scheme.
      cell: cell(({ file, title }) => html`<a href="./${encodeURIComponent(file)}">${text(title || file)}</a>`),
    },
    { title: 'Range (UTC)', kind: 'text', cell: cell(({ range }) => text(range)) },
    ...(rows.some(({ limits }) => limits !== '')
      ? [
          {
            title: 'Only',
            kind: 'text' as const,
            cell: cell(({ limits }) => (limits === '' ? 'everything' : text(limits))),
          },
        ]
      : []),
    count('Decisions', 'decisions'),
    { title: 'Denied', kind: 'number', cell: cell(({ denied, decisions }) => percent(denied, decisions)) },
    count('Okera requests', 'requests'),
    { title: 'Refused', kind: 'number', cell: cell(({ refused, requests }) => percent(refused, requests)) },
    count('In quarantine', 'quarantined'),
    { title: 'Made (UTC)', kind: 'time', cell: cell(({ made }) => text(made.slice(0, 16).replace('T', ' '))) },
  ];
  const body = html`<header>
<h1>Audit reports</h1>
<p>${formatCount(rows.length)} in this folder, the latest range first.</p>
</header>
<main>
<section id="reports">${rows.length > 0 ? table('Reports', columns, rows as never) : html`<p class="lead">None yet.</p>`}</section>
</main>`;
  return htmlPage({ title: 'Audit reports', policy }, body);
}

const limitsOf = (filters: Filters): string =>
  Object.entries(filters)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
