/** What sections are put together from: values as cells, tables, legends. */
import ipaddr from 'ipaddr.js';
import type { CellValue } from '../engines/engine.ts';
import { formatCount } from '../text/humanize.ts';
import { printable } from '../text/printable.ts';
import type { AnswerRow, Top } from './gather.ts';
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

/** A network as SQL writes it (2001:0db8:0000:0000::/64) as people do; null for what is none. */
export function network(cell: CellValue | undefined): string | null {
  if (typeof cell !== 'string' || !ipaddr.isValidCIDR(cell)) return null;
  const [address, bits] = ipaddr.parseCIDR(cell);
  const text = address.kind() === 'ipv4' ? address.toString() : (address as ipaddr.IPv6).toRFC5952String();
  return `${text}/${bits}`;
}

/** `2023-07-11 16:55:00` of a timestamp as engines give it. */
export const second = (cell: CellValue | undefined): Html =>
  html`<time datetime="${String(cell).slice(0, 19)}Z">${String(cell).slice(0, 19).replace('T', ' ')}</time>`;

export const percent = (part: number, whole: number): string =>
  whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;

export type Plain = Exclude<Content, readonly Content[]>;

export interface Column {
  readonly title: string;
  readonly kind: 'text' | 'code' | 'number' | 'time';
  readonly cell: (row: AnswerRow) => Content;
}

export const textColumn = (
  title: string,
  name: string,
  around: (content: Html, row: AnswerRow) => Html = (content) => content,
): Column => ({
  title,
  kind: 'text',
  cell: (row) => around(logged(row[name]), row),
});

export const countColumn = (title: string, name: string, format = formatCount): Column => ({
  title,
  kind: 'number',
  cell: (row) => (row[name] === null ? '–' : format(Number(row[name]))),
});

/** More columns than this become one below the other on a phone. */
const mostOnPhone = 3;

/** A table that scrolls on its own where it is too wide; on a phone each row of many cells becomes a block of its own. */
export function table(caption: string, columns: readonly Column[], rows: readonly AnswerRow[]): Html {
  const stacks = columns.length > mostOnPhone;
  // Cells that are laid out as blocks lose what they are unless it is said.
  const role = (name: string): Html | false => stacks && html` role="${name}"`;
  const heads = columns.map(
    ({ title, kind }) => html`<th scope="col" class="${kind}"${role('columnheader')}>${title}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr${role('row')}>${columns.map(
        ({ title, kind, cell }, i) =>
          html`<td class="${kind}"${role('cell')}${stacks && i > 0 && html` data-label="${title}"`}>${cell(row)}</td>`,
      )}</tr>\n`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table${stacks && html` class="stacks"`}${role('table')}><caption>${caption}</caption><thead${role('rowgroup')}><tr${role('row')}>${heads}</tr></thead><tbody${role('rowgroup')}>
${body}</tbody></table></div>`;
}

/** What a list that is cut says of the rest; the row without a value is not one of those that are counted. */
export function rest({ rows, of }: Pick<Top, 'rows' | 'of'>, many: string, column?: string): Html | null {
  const shown = column === undefined ? rows.length : rows.filter((row) => row[column] !== null).length;
  return of > shown ? html`<p class="note">The first ${shown} of ${formatCount(of)} ${many}.</p>` : null;
}

export const details = (summary: string, content: Content): Html =>
  html`<details><summary>${summary}</summary>${content}</details>`;

export const legend = (entries: readonly { readonly name: string; readonly colour: string }[]): Html =>
  html`<ul class="legend">${entries.map(({ name, colour }) => html`<li><i class="${colour}"></i>${name}</li>`)}</ul>`;
