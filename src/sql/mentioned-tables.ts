/**
 * Which tables an SQL text can mean: every name that stands in it as an identifier. A name that is only a column's or an
 * alias is taken too, which costs a view that nobody reads; no table that the statement reads is ever missed. (DuckDB's own
 * getTableNames gives nothing for some statements, such as a JOIN with USING.)
 */
export function mentionedNames(sql: string, names: readonly string[]): string[] {
  const found = new Set<string>();
  for (const [, , quoted, plain] of sql.matchAll(token)) {
    if (quoted !== undefined) found.add(quoted.replaceAll('""', '"').toLowerCase());
    if (plain !== undefined) found.add(plain.toLowerCase());
  }
  return names.filter((name) => found.has(name.toLowerCase()));
}

/** Comments, string literals and dollar-quoted text are stepped over; identifiers are captured. */
const token =
  /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|\$([A-Za-z_]*)\$[\s\S]*?\$\1\$|"((?:""|[^"])*)"|([\p{L}_][\p{L}\p{N}_$]*)/gu;
