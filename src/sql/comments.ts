/** Comments of SQL as Trino and DuckDB read them: one of a line ends at a carriage return as well as at a line feed. */
export const comment = String.raw`--[^\n\r]*|\/\*[\s\S]*?\*\/`;

const comments = new RegExp(comment, 'g');

export const withoutComments = (sql: string): string => sql.replace(comments, '');
