/** Where texts begin and end: white space, NULs, byte order marks, and colours of terminals. */
import { fillerAt, isBlank } from '../frame/framer.ts';
import { isSpace } from '../grammar.ts';

const ESCAPE = 0x1b;
/** An ANSI sequence, as terminals get it for colours. */
const colour = `${String.fromCharCode(ESCAPE)}\\[[\\d;]*[A-Za-z]`;
const colourAtStart = new RegExp(`^${colour}`);
const colourAtEnd = new RegExp(`${colour}$`);

/** Index behind white space and other bytes that hold nothing. */
export const afterFiller = (text: Buffer, from: number, end: number): number => {
  let at = from;
  while (at < end && fillerAt(text, at) > 0) at += fillerAt(text, at);
  return at;
};

/** White space or a colour stands in front. */
export const isBehindWord = (text: Buffer, at: number): boolean =>
  isSpace(text[at - 1]) || colourAtEnd.test(text.toString('latin1', Math.max(0, at - 16), at));

/** Of a byte that no log line has in it but for white space and the beginning of a colour. */
export const isControl = (byte: number): boolean => byte < 0x20 && byte !== ESCAPE && !isSpace(byte);

/** Where a text begins and ends without white space, NULs, byte order marks and colours around it. */
export function trimmed(text: Buffer): [start: number, end: number] {
  let start = 0;
  let end = text.length;
  for (;;) {
    const filler = start < end ? fillerAt(text, start) : 0;
    if (filler > 0) start += filler;
    else if (text[start] === ESCAPE) {
      const found = colourAtStart.exec(text.toString('latin1', start, start + 32));
      if (found === null) break;
      start += found[0].length;
    } else break;
  }
  for (;;) {
    if (end > start && isBlank(text[end - 1])) end--;
    else {
      const found = colourAtEnd.exec(text.toString('latin1', Math.max(start, end - 16), end));
      if (found === null) break;
      end -= found[0].length;
    }
  }
  return [start, end];
}
