/**
 * The one place where text becomes HTML (and SVG, which is escaped alike). What logs say is an outsider's text: it goes
 * through `visible`, which shows what would hide or turn text around, and is escaped like everything else by `html`.
 */

/** Markup that is safe to put into a page: only `html` and `trusted` make it. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

export type Content = Html | string | number | null | undefined | false | readonly Content[];

/** A template whose values are escaped, also inside quoted attributes, unless they are markup themselves. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  let text = strings[0]!;
  for (const [i, value] of values.entries()) text += markup(value) + strings[i + 1]!;
  return new Html(text);
}

/** Markup of our own making that no `html` template wrote. */
export const trusted = (text: string): Html => new Html(text);

export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function markup(value: Content): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(markup).join('');
  return escapeText(String(value));
}

/**
 * Text of a log as a person should see it: control characters, marks that change the direction, other invisible ones and
 * halves of surrogate pairs as \u{…}; no more than a few combining marks on each other; cut with an ellipsis after `most`
 * columns, of which wide characters take two.
 */
export function visible(text: string, most: number): string {
  let shown = '';
  let end = 0;
  let taken = 0;
  let marks = 0;
  for (const character of text) {
    marks = /\p{M}/u.test(character) ? marks + 1 : 0;
    if (marks > mostMarks) continue;
    const part = hidden.test(character) ? `\\u{${character.codePointAt(0)!.toString(16)}}` : character;
    const width = part !== character ? part.length : marks > 0 ? 0 : wide.test(character) ? 2 : 1;
    if (taken + width > most) return `${shown.slice(0, end)}…`;
    taken += width;
    shown += part;
    // Up to here an ellipsis still fits.
    if (taken < most) end = shown.length;
  }
  return shown;
}

const mostMarks = 3;
/** Controls, formats (bidi marks, zero-width ones), separators of lines, private use, surrogates, and odd spaces and fillers. */
const hidden =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}\u00a0\u115f\u1160\u2000-\u200a\u202f\u205f\u3000\u3164\uffa0]/u;
/** Twice as wide as others. */
export const wide = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{Emoji_Presentation}\uff01-\uff60]/u;
