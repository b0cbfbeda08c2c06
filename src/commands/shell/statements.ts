/** Cuts what is typed into statements, at semicolons that are not in a string, a quoted name or a comment. */
import { withoutComments } from '../../sql/comments.ts';

export interface Cut {
  /** Without their semicolons, and without those that are only space and comments. */
  readonly statements: readonly string[];
  /** What is behind the last semicolon: not a statement yet. */
  readonly rest: string;
}

/** As DuckDB reads it: '' and "" inside quotes, E'\'', $tag$ … $tag$, comments that nest. */
export function cutStatements(text: string): Cut {
  const statements: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; ) {
    if (text[at] === ';') {
      const statement = text.slice(start, at).trim();
      if (!isBlank(statement)) statements.push(statement);
      at++;
      start = at;
    } else at = tokenEnd(text, at);
  }
  return { statements, rest: text.slice(start) };
}

/** Nothing but space and comments. */
export const isBlank = (text: string): boolean => withoutComments(text).trim() === '';

/** Where the token that starts here ends; the end of the text where it is not closed. */
function tokenEnd(text: string, at: number): number {
  const rest = text.slice(at, at + 64);
  if (rest.startsWith('--')) return lineEnd(text, at);
  if (rest.startsWith('/*')) return commentEnd(text, at);
  const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(rest)?.[0];
  if (tag !== undefined) return endOf(text, tag, at + tag.length);
  if (/^[eE]'/.test(rest) && !/[\w$]/.test(text[at - 1] ?? '')) return quoteEnd(text, at + 2, "'", true);
  if (rest[0] === "'" || rest[0] === '"') return quoteEnd(text, at + 1, rest[0], false);
  return at + 1;
}

function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n' && text[at] !== '\r') at++;
  return at;
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
}

function quoteEnd(text: string, from: number, quote: string, hasEscapes: boolean): number {
  for (let at = from; at < text.length; at++) {
    if (hasEscapes && text[at] === '\\') at++;
    else if (text[at] === quote && text[at + 1] === quote) at++;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}

function commentEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('/*', at)) {
      depth++;
      at++;
    } else if (text.startsWith('*/', at)) {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}

/** Words as a shell has them, with '…' and "…" around what has spaces; undefined where a quote is not closed. */
export function wordsOf(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (character === "'" || character === '"') {
      const end = line.indexOf(character, at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + line.slice(at + 1, end);
      at = end;
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}
