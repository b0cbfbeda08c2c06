/**
 * The one place where text becomes HTML (and SVG, which is escaped alike). What logs say is an outsider's text: it goes
 * through `printable`, which shows what would hide or turn text around, and is escaped like everything else by `html`.
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
