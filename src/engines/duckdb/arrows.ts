/**
 * DuckDB looks up its operator `->` as the function json_extract, with arguments that a macro cannot take. So where a text has
 * an arrow, Trino's json_extract goes by another name in it, and DuckDB's own function keeps the name.
 */
import { outsideOfCode } from '../../sql/mentioned-tables.ts';

export const shadowedByArrow = 'json_extract';

const token = new RegExp(
  String.raw`${outsideOfCode}|(?<arrow>->(?!>))|(?<before>\.\s*|\$)?(?<quote>"?)\b(?<call>${shadowedByArrow})\b\k<quote>(?=\s*\()`,
  'giu',
);

/** A lambda's arrow is one too: to take it for the operator costs nothing. */
export const haveArrow = (texts: readonly string[]): boolean =>
  texts.some(
    (text) => text.includes('->') && [...text.matchAll(token)].some(({ groups }) => groups?.arrow !== undefined),
  );

/** The texts of one database, which has no macro of DuckDB's name then. */
export const besideArrows = (texts: readonly string[]): ((text: string) => string) =>
  haveArrow(texts)
    ? (text) =>
        text.replace(token, (whole, ...rest) => {
          const { call, before } = rest.at(-1) as Readonly<Record<string, string | undefined>>;
          return call === undefined || before !== undefined ? whole : `__${shadowedByArrow}`;
        })
    : (text) => text;
