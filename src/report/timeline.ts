/** A timeline of one actor as a page that needs no network. */
import type { Timeline, TimelineEntry } from '../queries/investigate.ts';
import type { Receipt } from '../queries/receipt.ts';
import { plural } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import { rangeText } from '../text/time.ts';
import { htmlPage } from './document.ts';
import type { AnswerRow } from './gather.ts';
import { type Html, html } from './html.ts';
import { type Column, details, label, logged, table } from './parts.ts';
import { receiptSection } from './receipt.ts';

const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

export function renderTimeline(
  { actor, entries }: Timeline,
  range: { readonly from: bigint; readonly to: bigint },
  receipt?: Receipt,
): string {
  const title = `Timeline of ${label(actor)}`;
  const rows = entries.map((entry, i): AnswerRow => ({ ...entry, marks: entry.marks.join('; '), i }) as AnswerRow);
  const text = (name: string, of: keyof TimelineEntry): Column => ({
    title: name,
    kind: 'text',
    cell: (row) => logged(row[of]),
  });
  const columns: Column[] = [
    { title: 'Time', kind: 'time', cell: (row) => String(row.time).replace('T', ' ').replace('Z', '') },
    text('System', 'system'),
    text('Action', 'action'),
    text('Resource', 'resource'),
    { title: 'Verdict', kind: 'text', cell: ({ allowed }) => verdict(allowed as boolean | null) },
    text('From', 'clientIp'),
    text('Country', 'country'),
    text('Worth a look', 'marks'),
    { title: 'Record', kind: 'text', cell: (row) => recordOf(entries[row.i as number]!) },
  ];
  const body = html`<main><header><h1>${title}</h1>
<p>${rangeText(range)} (UTC), ${plural(entries.length, 'record')}</p></header>
<section>${table('What was done, in order of time', columns, rows)}</section>
${receipt && receiptSection(receipt, range).content}</main>`;
  return htmlPage({ title, policy }, body);
}

export const verdict = (allowed: boolean | null): string =>
  allowed === null ? 'no verdict' : allowed ? 'allowed' : 'denied';

const recordOf = ({ detail, place, command }: TimelineEntry): Html =>
  details(
    'Record',
    html`<p>${printable(detail ?? '', 1000)}</p><p>${printable(place, 1000)}</p><p><code>${command}</code></p>`,
  );
