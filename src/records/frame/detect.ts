/**
 * Tells by content how an object is framed, never by its name. Only the beginning is looked at.
 *
 * `[` begins an array (or several): its elements are records. `{` begins JSON lines, unless the first value goes on on the
 * next line (pretty-printed), or another value follows it on the same line: then values stand one behind the other. A
 * first line that is cut off is still a line: what follows begins with `{` in the first column, which no pretty-printed
 * value has inside. Where the head has no line end, it says nothing of values over several lines: it is (part of) a line. Anything else is lines: logs with text around the JSON.
 */
import { Grammar } from '../grammar.ts';
import { fillerAt, isSpace, NEWLINE, OPEN_BRACE, OPEN_BRACKET } from './framer.ts';
import { objectEnd } from './lines.ts';

const QUOTE = 0x22;

export type Framing = 'lines' | 'values';

/** How much of an object decides; a first line that is longer is a line. */
export const LOOKAHEAD_BYTES = 64 << 10;

/** What the head says; undefined where more of the object is needed. `whole`: there is no more. */
export function detectFraming(head: Buffer, whole: boolean): Framing | undefined {
  const enough = whole || head.length >= LOOKAHEAD_BYTES;
  let start = 0;
  for (let filler = fillerAt(head, 0); filler > 0; filler = fillerAt(head, start)) start += filler;
  if (start >= head.length) return enough ? 'lines' : undefined;
  if (head[start] === OPEN_BRACKET) return arrayOrText(head, start, enough);
  if (head[start] !== OPEN_BRACE) return 'lines';

  const newline = head.indexOf(NEWLINE, start);
  // One long line, or objects one behind the other without any line end: the framer of lines parts these.
  if (newline < 0) return enough ? 'lines' : undefined;
  const end = objectEnd(head, start);
  if (end <= newline) {
    let next = end;
    while (next < head.length && head[next] !== NEWLINE && isSpace(head[next])) next++;
    if (next < head.length) return head[next] === OPEN_BRACE ? 'values' : 'lines';
    return enough ? 'lines' : undefined;
  }
  return goesOn(head, start, newline, enough);
}

/** Whether the grammar lets the value that the first line leaves open go on with what the next line begins with. */
function goesOn(head: Buffer, start: number, newline: number, enough: boolean): Framing | undefined {
  const grammar = new Grammar(start);
  if (grammar.feed(head, start, newline + 1) ?? grammar.finish()) return 'lines';
  if (newline + 1 < head.length && head[newline + 1] === OPEN_BRACE) return 'lines';
  let next = newline + 1;
  while (next < head.length && isSpace(head[next])) next++;
  if (next === head.length) return enough ? 'lines' : undefined;
  if (grammar.feed(head, newline + 1, next + 1)) return 'lines';
  // Nothing prints a number on the line behind its name: that is the time in front of a log line.
  const isBehindName = head.toString('latin1', start, newline).trimEnd().endsWith(':');
  return isBehindName && head[next] !== OPEN_BRACE && head[next] !== OPEN_BRACKET && head[next] !== QUOTE
    ? 'lines'
    : 'values';
}

/** `[` of an array, or of a log line such as `[INFO] …`: the grammar of the first line says. */
function arrayOrText(head: Buffer, start: number, enough: boolean): Framing | undefined {
  let next = start + 1;
  while (next < head.length && isSpace(head[next])) next++;
  if (next === head.length) return enough ? 'values' : undefined;
  if (head[next] === OPEN_BRACE) return 'values';
  const newline = head.indexOf(NEWLINE, next);
  if (newline < 0 && !enough) return undefined;
  const grammar = new Grammar(start);
  const error = grammar.feed(head, start, newline < 0 ? head.length : newline) ?? grammar.finish();
  return error && error.offset < (newline < 0 ? head.length : newline) ? 'lines' : 'values';
}
