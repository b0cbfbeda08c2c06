/**
 * How text that comes from outside is shown: names of objects, what logs and records say, what other programs answer.
 * The writer of an object chooses such text, and it must neither drive a terminal, nor turn around or hide what stands
 * beside it, nor pass for a line of ours. So a character that cannot be seen, or that acts, is shown as `\u{…}` with its code
 * point, everywhere in the same form: in tables, messages, text logs and reports. In JSON the escapes are those of JSON, so
 * that a parser gets the very text.
 *
 * Two texts that differ never look the same by what cannot be seen: invisible letters that some scripts and emoji use
 * are shown too, and a `\u{` that stands in the text itself is shown as `\u{5c}u{`.
 */

/** Controls, separators of lines, formats and other invisible ones, private use, halves of surrogate pairs, odd spaces. */
const hidden =
  '\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Co}\\p{Cs}\\p{Cn}\\p{Default_Ignorable_Code_Point}\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000\\u2800';
/** Finds a character that cannot be seen, or that acts on what stands beside it. */
export const isHidden = new RegExp(`[${hidden}]`, 'u');
const needsCare = new RegExp(`[${hidden}\\p{M}\\u1160-\\u11ff\\ud7b0-\\ud7ff]|\\\\(?=u\\{)`, 'u');
const hiddenButLineFeed = new RegExp(`(?!\\n)[${hidden}]`, 'gu');
/** Twice as wide as others: East_Asian_Width W and F (UAX #11), which has emoji too, but not the two letters of a flag. */
const wide =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2fb}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|(?!\p{RI})\p{Emoji_Presentation}/u;
/** Drawn on the letter before: marks, and the vowels and last consonants of Hangul syllables in parts. */
const combining = /[\p{M}\u1160-\u11ff\ud7b0-\ud7ff]/u;
/** On one letter; more of them would pile up over the lines above. */
const mostMarks = 3;

/** One line of what `text` says, cut with an ellipsis where it is wider than `most` columns. */
export function printable(text: string, most = Number.POSITIVE_INFINITY): string {
  if (text.length * 2 <= most && !needsCare.test(text)) return text;
  let shown = '';
  let end = 0;
  let taken = 0;
  let marks = 0;
  let at = 0;
  for (const character of text) {
    at += character.length;
    marks = combining.test(character) ? marks + 1 : 0;
    const isShown =
      !isHidden.test(character) && marks <= mostMarks && !(character === '\\' && text.startsWith('u{', at));
    const part = isShown ? character : escapeOf(character);
    const width = isShown ? columnsOf(character) : part.length;
    if (taken + width > most) return `${shown.slice(0, end)}…`;
    taken += width;
    shown += part;
    // Up to here an ellipsis still fits.
    if (taken < most) end = shown.length;
  }
  return shown;
}

/** Columns that printable text takes on a terminal. */
export function columnsOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += combining.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return columns;
}

/** Several lines of ours, in which outside text may stand: nothing of them but line feeds acts. */
export const printableLines = (text: string): string => text.replace(hiddenButLineFeed, escapeOf);

/** JSON text with the same value, in which everything that cannot be seen is escaped. */
export const printableJson = (json: string): string =>
  json.replace(hiddenButLineFeed, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i)).padStart(4, '0')}`).join(''),
  );

/** Whether two of these are needed for one column, as for CJK. */
export const isWide = (character: string): boolean => wide.test(character);

const hex = (code: number): string => code.toString(16);
const escapeOf = (character: string): string => `\\u{${hex(character.codePointAt(0)!)}}`;
