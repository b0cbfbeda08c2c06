/** What sections are put together from: values as cells, tables, legends. */
import ipaddr from 'ipaddr.js';
import type { CellValue } from '../engines/engine.ts';
import { formatCount } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import type { Row, Top } from './gather.ts';
import { type Content, type Html, html } from './html.ts';

const mostInCell = 96;
/** What a chart cuts it to depends on its letters too. */
const mostInLabel = 30;

/** A value of a log in a table: shown for what it is, cut, and kept from turning around what stands beside it. */
export function logged(cell: CellValue | undefined, most = mostInCell): Html {
  if (cell === null || cell === undefined) return html`<span class="none">none</span>`;
  const text = plain(cell);
  return text === '' ? html`<span class="none">empty</span>` : html`<bdi>${printable(text, most)}</bdi>`;
}

/** The same as a label in a chart. */
export function label(cell: CellValue | undefined): string {
  if (cell === null || cell === undefined) return '(none)';
  return printable(plain(cell), mostInLabel) || '(empty)';
}

const plain = (cell: CellValue): string => (typeof cell === 'string' ? cell : JSON.stringify(cell));

/** The first digits of a client_ip_key: 30 for an IPv4 /24, 16 for an IPv6 /64. */
export function network(cell: CellValue | undefined): string | null {
  if (typeof cell !== 'string' || !/^([0-9a-f]{16}|[0-9a-f]{30})$/.test(cell)) return null;
  const bytes = [...Buffer.from(cell.padEnd(32, '0'), 'hex')];
  return cell.length === 30
    ? `${ipaddr.fromByteArray(bytes.slice(12)).toString()}/24`
    : `${(ipaddr.fromByteArray(bytes) as ipaddr.IPv6).toRFC5952String()}/64`;
}

/** `2023-07-11 16:55:00` of a timestamp as engines give it. */
export const second = (cell: CellValue | undefined): Html =>
  html`<time datetime="${String(cell).slice(0, 19)}Z">${String(cell).slice(0, 19).replace('T', ' ')}</time>`;

export const percent = (part: number, whole: number): string =>
  whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;

export interface Column {
  readonly title: string;
  readonly kind: 'text' | 'code' | 'number' | 'time';
  readonly cell: (row: Row) => Content;
}

export const textColumn = (title: string, name: string): Column => ({
  title,
  kind: 'text',
  cell: (row) => logged(row[name]),
});

export const countColumn = (title: string, name: string, format = formatCount): Column => ({
  title,
  kind: 'number',
  cell: (row) => (row[name] === null ? '–' : format(Number(row[name]))),
});

/** A table that scrolls on its own where it is too wide. */
export function table(caption: string, columns: readonly Column[], rows: readonly Row[]): Html {
  const heads = columns.map(({ title, kind }) => html`<th scope="col" class="${kind}">${title}</th>`);
  const body = rows.map(
    (row) => html`<tr>${columns.map(({ kind, cell }) => html`<td class="${kind}">${cell(row)}</td>`)}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>
${body}</tbody></table></div>`;
}

/** What a list that is cut says of the rest. */
export const rest = ({ rows, of }: Top, many: string): Html | null =>
  of > rows.length ? html`<p class="note">The first ${rows.length} of ${formatCount(of)} ${many}.</p>` : null;

export const details = (summary: string, content: Content): Html =>
  html`<details><summary>${summary}</summary>${content}</details>`;

export const legend = (entries: readonly { readonly name: string; readonly colour: string }[]): Html =>
  html`<ul class="legend">${entries.map(({ name, colour }) => html`<li><i class="${colour}"></i>${name}</li>`)}</ul>`;
