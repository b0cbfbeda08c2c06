/**
 * Restrained emphasis in lines for people. Text is marked with private-use characters, which `printable` lets nothing
 * from outside hold; the way out of the process turns the marks into escape sequences, or drops them where nothing is coloured.
 */

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof codes;

const end = '\u{f8af}';
const marks = Object.fromEntries(
  Object.keys(codes).map((style, i) => [style, String.fromCodePoint(0xf8a0 + i)]),
) as Readonly<Record<Style, string>>;
const sequences: ReadonlyMap<string, string> = new Map([
  ...(Object.keys(codes) as Style[]).map((style): [string, string] => [marks[style], `\u001b[${codes[style]}m`]),
  [end, '\u001b[0m'],
]);
const anyMark = /([\u{f8a0}-\u{f8a4}\u{f8af}])/u;

/** `text` is one line at most, and has been made printable. */
export const styled = (style: Style, text: string): string => (text === '' ? '' : marks[style] + text + end);

/** The text as it is without its marks. */
export const withoutStyles = (text: string): string => renderStyles(text, false, (part) => part);

/** The text with escape sequences for its marks, or without both; `harmless` is applied to all that stands between. */
export const renderStyles = (text: string, isColored: boolean, harmless: (text: string) => string): string =>
  text
    .split(anyMark)
    .map((part) => (sequences.has(part) ? (isColored ? sequences.get(part)! : '') : harmless(part)))
    .join('');
