/** Rows one below the other, each value on a line of its own beside its name. */
import { columnsOf, printable } from './printable.ts';
import { styled } from './styles.ts';

/** `first` is the number of the first row. The result is marked with styles; values are broken at `width`. */
export function recordsText(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  { first = 1, width }: { readonly first?: number; readonly width?: number | undefined } = {},
): string {
  const titles = names.map((name) => printable(name, 40));
  const widest = titles.reduce((most, title) => Math.max(most, columnsOf(title)), 0);
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(20, width - widest - 2);
  return rows
    .map((row, i) => {
      const values = titles.map((title, at) => {
        const padding = ' '.repeat(widest - columnsOf(title));
        return `${styled('bold', title)}${padding}  ${broken(printable(row[at] ?? ''), room).join(`\n${' '.repeat(widest + 2)}`)}`;
      });
      return `${styled('dim', `row ${first + i}`)}\n${values.map((line) => `${line.trimEnd()}\n`).join('')}`;
    })
    .join('\n');
}

/** Printable text in pieces of at most so many columns. */
function broken(text: string, most: number): string[] {
  if (columnsOf(text) <= most) return [text];
  const pieces: string[] = [];
  let piece = '';
  let taken = 0;
  for (const character of text) {
    const columns = columnsOf(character);
    if (taken + columns > most) {
      pieces.push(piece);
      piece = '';
      taken = 0;
    }
    piece += character;
    taken += columns;
  }
  return [...pieces, piece];
}
