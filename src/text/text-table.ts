/** Columns that stand under each other: left for text, right for numbers. */
import { columnsOf, printable } from './printable.ts';

export interface TextColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Longer cells are cut with an ellipsis. */
  readonly most?: number;
}

/** Titles and cells may be any text: each is shown in one line. */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string {
  const heads = columns.map(({ title }) => printable(title));
  const cells = rows.map((row) => columns.map((column, i) => printable(row[i] ?? '', column.most)));
  const widths = heads.map((head, i) =>
    cells.reduce((widest, row) => Math.max(widest, columnsOf(row[i]!)), columnsOf(head)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat(Math.max(0, widths[i]! - columnsOf(cell)));
        return columns[i]!.align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [line(heads), widths.map((w) => '-'.repeat(w)).join('  '), ...cells.map(line)]
    .map((text) => `${text}\n`)
    .join('');
}
