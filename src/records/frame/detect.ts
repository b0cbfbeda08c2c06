/**
 * Tells by content how an object is framed, never by its name. Only the beginning is looked at.
 *
 * `[` begins an array (or several): its elements are records. A first line that is cut off inside of an array is a line all the
 * same, where objects follow it as lines of JSON lines do, without commas. `{` begins JSON lines, unless the first value goes on on the
 * next line (pretty-printed), or another value follows it on the same line: then values stand one behind the other. A
 * first line that is cut off is still a line: what follows begins with `{` in the first column, which no pretty-printed
 * value has inside. Where the head has no line end, it says nothing of values over several lines: it is (part of) a line. Anything else is lines: logs with text around the JSON.
 *
 * Behind lines of text, or of JSON that others have written, printed objects may follow, as those of OPA do behind what the script
 * says that starts it: where one of them begins in the head, values stand one behind the other, with text in between.
 */
import { Grammar, isSpace } from '../grammar.ts';
import { fillerAt, NEWLINE, OPEN_BRACE, OPEN_BRACKET } from './framer.ts';
import { objectEnd } from './lines.ts';

const QUOTE = 0x22;
const SPACE = 0x20;
const TAB = 0x09;
const RETURN = 0x0d;
/** What a value is followed by inside of an array or an object. */
const goesOnInside: ReadonlySet<number | undefined> = new Set(Buffer.from(',]}'));

export type Framing = 'lines' | 'values';

/** How much of an object decides; a first line that is longer is a line. */
export const LOOKAHEAD_BYTES = 64 << 10;

/** What the head says; undefined where more of the object is needed. `whole`: there is no more. */
export function detectFraming(head: Buffer, whole: boolean): Framing | undefined {
  const enough = whole || head.length >= LOOKAHEAD_BYTES;
  const framing = byBeginning(head, enough);
  if (framing !== 'lines') return framing;
  return hasPrintedObject(head) ? 'values' : enough ? 'lines' : undefined;
}

/** Whether a line ends with the brace of an object whose first member follows on the next line, indented. */
function hasPrintedObject(head: Buffer): boolean {
  // By line ends: there are fewer of them than braces.
  for (let newline = head.indexOf(NEWLINE); newline >= 0; newline = head.indexOf(NEWLINE, newline + 1)) {
    const last = head[newline - 1] === RETURN ? newline - 2 : newline - 1;
    if (head[last] !== OPEN_BRACE) continue;
    const next = newline + 1;
    if ((head[next] === SPACE || head[next] === TAB) && head[behindSpace(head, next)] === QUOTE) return true;
  }
  return false;
}

function byBeginning(head: Buffer, enough: boolean): Framing | undefined {
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
  const next = behindSpace(head, newline + 1);
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
  const next = behindSpace(head, start + 1);
  if (next === head.length) return enough ? 'values' : undefined;
  if (head[next] !== OPEN_BRACE) {
    const newline = head.indexOf(NEWLINE, next);
    if (newline < 0 && !enough) return undefined;
    const grammar = new Grammar(start);
    const error = grammar.feed(head, start, newline < 0 ? head.length : newline) ?? grammar.finish();
    if (error && error.offset < (newline < 0 ? head.length : newline)) return 'lines';
  }
  return arrayOrCutLine(head, start, enough);
}

/** Whether the array goes on behind its first line, or that was broken and lines of objects follow it. */
function arrayOrCutLine(head: Buffer, start: number, enough: boolean): Framing | undefined {
  const newline = head.indexOf(NEWLINE, start);
  if (newline < 0) return enough ? 'values' : undefined;
  const grammar = new Grammar(start);
  const error = grammar.feed(head, start, newline + 1);
  const object = behindSpace(head, newline + 1);
  if (object === head.length) return enough ? 'values' : undefined;
  if (!beginsLine(head, object)) return 'values';
  const end = objectEnd(head, object);
  const behind = behindSpace(head, end);
  if (behind === head.length && !enough) return undefined;
  // In the first column there is none of an object that has begun, however it is printed.
  const isRefused = error !== null || grammar.isInObject || grammar.feed(head, newline + 1, object + 1) !== null;
  if (isRefused) return hasItsLine(head, end, behind) ? 'lines' : 'values';
  // Of a first line without any object the array could have this one, but not another one behind it.
  const isFirst = head.indexOf(OPEN_BRACE, start) === object;
  return isFirst && beginsLine(head, behind) ? 'lines' : 'values';
}

const beginsLine = (head: Buffer, at: number): boolean => head[at] === OPEN_BRACE && head[at - 1] === NEWLINE;

/** Whether an object that ends at `end` is not part of an array, by what comes `behind` it. */
const hasItsLine = (head: Buffer, end: number, behind: number): boolean =>
  behind === head.length || (head.subarray(end, behind).includes(NEWLINE) && !goesOnInside.has(head[behind]));

/** Where something other than white space stands; the end of the bytes where nothing does. */
function behindSpace(bytes: Buffer, from: number): number {
  let next = from;
  while (next < bytes.length && isSpace(bytes[next])) next++;
  return next;
}
