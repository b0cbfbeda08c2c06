import { comment } from './comments.ts';

/**
 * Which tables an SQL text can mean: every name that stands in it as an identifier. A name that is only a column's or an
 * alias is taken too, which costs a view that nobody reads; no table that the statement reads is ever missed. (DuckDB's own
 * getTableNames gives nothing for some statements, such as a JOIN with USING.)
 */
export function mentionedNames(sql: string, names: readonly string[]): string[] {
  const found = new Set<string>();
  for (const { groups = {} } of sql.matchAll(token)) {
    const { quoted, plain } = groups;
    if (quoted !== undefined) found.add(quoted.replaceAll('""', '"').toLowerCase());
    if (plain !== undefined) found.add(plain.toLowerCase());
  }
  return names.filter((name) => found.has(name.toLowerCase()));
}

/** Comments, string literals and dollar-quoted text. */
export const outsideOfCode = String.raw`${comment}|[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?\$\k<tag>\$`;

/** They are stepped over; identifiers are captured. */
const token = new RegExp(
  String.raw`${outsideOfCode}|"(?<quoted>(?:""|[^"])*)"|(?<plain>[\p{L}_][\p{L}\p{N}_$]*)`,
  'gu',
);
