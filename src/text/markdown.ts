/** A table in GitHub-flavoured Markdown. Cells are any text, and stay text: no markup, link or mention comes of one. */
import { printable } from './printable.ts';

export const markdownHead = (names: readonly string[], right: readonly boolean[]): string =>
  `${markdownRow(names)}| ${right.map((isRight) => (isRight ? '---:' : '---')).join(' | ')} |\n`;

export const markdownRow = (cells: readonly string[]): string => `| ${cells.map(markdownText).join(' | ')} |\n`;

const markdownText = (text: string): string =>
  printable(text)
    .replace(/[\\`*_[\]<>|~&$@#!{}]/g, '\\$&')
    // What would be made a link by itself.
    .replace(/:(?=\/\/)/g, '\\:')
    .replace(/\bwww\./gi, (www) => `${www.slice(0, 3)}\\.`);
