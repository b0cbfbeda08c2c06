/**
 * A table in GitHub-flavoured Markdown. Cells are any text, and stay text: no markup or mention comes of one, and no link but those
 * that an address of e-mail becomes in that dialect whatever is escaped in it.
 */
import { printable } from './printable.ts';

export const markdownHead = (names: readonly string[], right: readonly boolean[]): string =>
  `${markdownRow(names)}| ${right.map((isRight) => (isRight ? '---:' : '---')).join(' | ')} |\n`;

export const markdownRow = (cells: readonly string[]): string => `| ${cells.map(markdownText).join(' | ')} |\n`;

const markdownText = (text: string): string =>
  printable(text)
    .replace(/[\\`*_[\]<>|~&$@#!{}]/g, '\\$&')
    // What would be made a link by itself.
    .replace(/:(?=\/\/)/g, '\\:')
    .replace(/www\./gi, (www) => `${www.slice(0, 3)}\\.`);
