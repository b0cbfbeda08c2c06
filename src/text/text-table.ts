/** Columns that stand under each other: left for text, right for numbers. */

export interface TextColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Longer cells are cut with an ellipsis. */
  readonly most?: number;
}

export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => columns.map((column, i) => cut(row[i] ?? '', column.most)));
  const widths = columns.map((column, i) =>
    cells.reduce((widest, row) => Math.max(widest, width(row[i]!)), width(column.title)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat(Math.max(0, widths[i]! - width(cell)));
        return columns[i]!.align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  const titles = line(columns.map((column) => column.title));
  return [titles, widths.map((w) => '-'.repeat(w)).join('  '), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

/** Line ends and control characters would break the table, and could drive a terminal: they show as escapes. */
function cut(cell: string, most: number | undefined): string {
  const plain = cell.replace(/\p{Cc}/gu, escaped);
  const characters = [...plain];
  return most !== undefined && characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : plain;
}

/** JSON has escapes for the first of the control characters only. */
export const escaped = (control: string): string =>
  control < ' ' ? JSON.stringify(control).slice(1, -1) : `\\u00${control.charCodeAt(0).toString(16)}`;

const width = (text: string): number => [...text].length;
