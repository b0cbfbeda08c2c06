/** Lines broken at spaces, for a terminal that is narrower than they are. */
import { columnsOf } from './printable.ts';
import { withoutStyles } from './styles.ts';

/**
 * Each line of `text`, which is printable and may have styles, as lines of at most `width` columns. They go on below the text of the first: where a
 * line begins with labels and two spaces after each, under what follows them. A word that is longer stays whole, so that it can be
 * copied. Without a width nothing changes.
 */
export function wrapLines(text: string, width: number | undefined): string {
  if (width === undefined) return text;
  return text
    .split('\n')
    .map((line) => (widthOf(line) <= width ? line : wrapLine(line, width)))
    .join('\n');
}

/**
 * Lines of `text` that follow each other and begin at the margin as one paragraph, broken anew at `width` columns. Lines that are set in
 * are lists, or commands to copy, and stay.
 */
export function wrapParagraphs(text: string, width: number): string {
  return text
    .replace(/(?<=^\S.*)\n(?=\S)/gm, ' ')
    .split('\n')
    .map((line) => (line.startsWith(' ') ? line : wrapLines(line, width)))
    .join('\n');
}

const widthOf = (text: string): number => columnsOf(withoutStyles(text));

function wrapLine(line: string, width: number): string {
  const label = /^(?:(?: *\S+(?: \S+)* {2,})+|\s*(?:-> )?)/.exec(line)![0];
  const indent = label.length > width / 2 ? '  ' : ' '.repeat(widthOf(label));
  const lines: string[] = [];
  let current = label;
  let taken = widthOf(label);
  let isEmpty = true;
  for (const word of line.slice(label.length).split(' ')) {
    const needed = widthOf(word);
    if (!isEmpty && taken + 1 + needed > width) {
      lines.push(current);
      current = indent;
      taken = indent.length;
      isEmpty = true;
    }
    current += isEmpty ? word : ` ${word}`;
    taken += needed + (isEmpty ? 0 : 1);
    isEmpty = false;
  }
  return [...lines, current].join('\n');
}
