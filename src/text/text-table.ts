/** Columns that stand under each other: left for text, right for numbers. */
import { columnsOf, printable } from './printable.ts';
import { styled } from './styles.ts';

export interface TextColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Longer cells are cut with an ellipsis. */
  readonly most?: number;
  /** Where a table is too wide, columns with a higher rank are left out before others. Default: 0. */
  readonly rank?: number;
}

export interface TableFit {
  /** Columns of the terminal; without it the table is as wide as it is. */
  readonly width?: number | undefined;
  /** What shows the columns that are left out. */
  readonly advice?: string;
}

const gap = 2;
/** Text is cut down to this before a column is left out. */
const least = 12;
/** A day and a time of day to the second, and the ellipsis for its fraction. */
const leastOfTime = 20;

/**
 * Titles and cells may be any text: each is shown in one line. The result is marked with styles. In a table that is wider than
 * the terminal, text is cut first; then columns are left out, which a note names.
 */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  { width, advice }: TableFit = {},
): string {
  const cells = rows.map((row) => columns.map((column, i) => printable(row[i] ?? '', column.most)));
  const measured = columns.map((column, i) => measure(column, printable(column.title), cells, i));
  const shown = width === undefined ? measured : fitted(measured, width);
  const line = (texts: readonly string[], raw: readonly string[]): string =>
    shown
      .map(({ column, index, width: most }) => {
        const text = columnsOf(texts[index]!) <= most ? texts[index]! : printable(raw[index]!, most);
        const padding = ' '.repeat(Math.max(0, most - columnsOf(text)));
        return column.align === 'right' ? padding + text : text + padding;
      })
      .join(' '.repeat(gap))
      .trimEnd();
  const table = [
    styled(
      'bold',
      line(
        measured.map(({ title }) => title),
        columns.map(({ title }) => title),
      ),
    ),
    styled('dim', shown.map((one) => '-'.repeat(one.width)).join('  ')),
  ];
  const missing = measured.filter((one) => !shown.some(({ index }) => index === one.index));
  const notes = missing.length === 0 ? [] : [styled('dim', leftOut(missing, advice))];
  return [...table, ...cells.map((row, i) => line(row, rows[i]!)), ...notes].map((text) => `${text}\n`).join('');
}

interface Measured {
  readonly column: TextColumn;
  readonly title: string;
  readonly index: number;
  readonly width: number;
  /** Narrower than this it says nothing. */
  readonly least: number;
  /** It is shown whole, or without its fraction. */
  readonly isTime: boolean;
}

function measure(column: TextColumn, title: string, cells: readonly (readonly string[])[], index: number): Measured {
  const widest = cells.reduce((most, row) => Math.max(most, columnsOf(row[index]!)), columnsOf(title));
  const isTime = cells.some((row) => /^\d{4}-\d\d-\d\d[ T]\d\d:/.test(row[index]!));
  const floor = column.align === 'right' ? widest : Math.min(widest, isTime ? leastOfTime : least);
  return { column, title, index, width: widest, least: floor, isTime };
}

/** The columns that there is room for, each as wide as it may be. The first one stays. */
function fitted(all: readonly Measured[], width: number): readonly Measured[] {
  const sum = (some: readonly Measured[], of: 'width' | 'least'): number =>
    some.reduce((total, one) => total + one[of] + gap, -gap);
  if (sum(all, 'width') <= width) return all;
  const shown = [...all];
  const order = shown.slice(1).sort((a, b) => dispensable(b) - dispensable(a) || b.index - a.index);
  for (const one of order) {
    if (sum(shown, 'least') <= width) break;
    shown.splice(shown.indexOf(one), 1);
  }
  return widen(shown, width - sum(shown, 'least'));
}

/** Those of a higher rank go first, then wide ones, since narrow ones cost little. */
const dispensable = ({ column, least: floor }: Measured): number => (column.rank ?? 0) * 10 + (floor > 8 ? 1 : 0);

/** Room beyond the least widths goes to the columns that lack most, evenly. */
function widen(shown: readonly Measured[], room: number): readonly Measured[] {
  const widths = shown.map((one) => Math.min(one.least, one.width));
  let left = room;
  for (let open = shown.length; left > 0 && open > 0; ) {
    const lacking = shown.map((_, i) => i).filter((i) => widths[i]! < shown[i]!.width && !shown[i]!.isTime);
    open = lacking.length;
    const share = Math.max(1, Math.floor(left / Math.max(1, open)));
    for (const i of lacking) {
      const more = Math.min(share, shown[i]!.width - widths[i]!, left);
      widths[i]! += more;
      left -= more;
    }
  }
  return shown.map((one, i) => ({ ...one, width: widths[i]! }));
}

const leftOut = (missing: readonly Measured[], advice: string | undefined): string =>
  `not shown: ${missing.map(({ title }) => title).join(', ')}${advice === undefined ? '' : ` (${advice})`}`;
