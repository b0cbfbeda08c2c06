/**
 * As much of the lexical grammar of Trino's SQL (SqlBase.g4; Athena's since engine version 3) as it takes to do three
 * things without a parser: cut a text into one statement, tell whether it only reads, and find its $name placeholders,
 * which are none inside strings, quoted identifiers and comments.
 */

import { literal } from './literals.ts';
import { type ParameterValue, QueryError } from './parameter.ts';

export interface Statement {
  /** Without the semicolon at the end and what follows it. */
  readonly sql: string;
  /** It can change nothing, whatever tables and functions it names. */
  readonly reads: boolean;
  readonly placeholders: readonly Placeholder[];
  /** It has a `?` of its own. */
  readonly positional: boolean;
}

interface Placeholder {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * A `--` comment ends at a carriage return as well as at a line feed: taken for longer than it is, it would hide from us
 * what the engine runs. An identifier may not hold a $ in Trino; here it may, as in DuckDB, so that `a$b` is not a parameter.
 */
const token =
  /(?<space>\s+|--[^\r\n]*|\/\*[\s\S]*?\*\/)|(?<quoted>'(?:''|[^'])*'|"(?:""|[^"])*"|`(?:``|[^`])*`)|\$(?<name>[A-Za-z_]\w*)|(?<word>[\p{L}\p{N}_][\p{L}\p{N}_$]*)|(?<open>['"`]|\/\*)|(?<mark>[\s\S])/gu;

/** Throws QueryError where there is no statement, more than one, or a quote or comment that does not end. */
export function readStatement(text: string): Statement {
  const placeholders: Placeholder[] = [];
  /** Words in upper case, marks, and '' for everything else. */
  const code: string[] = [];
  let ended = false;
  let last = 0;
  for (const match of text.matchAll(token)) {
    const { space, name, word, open, mark } = match.groups!;
    if (space !== undefined) continue;
    if (open !== undefined) throw new QueryError(`the SQL has a ${open} that is never closed`);
    if (mark === ';') {
      ended = true;
      continue;
    }
    if (ended) throw new QueryError('only one statement at a time');
    last = match.index + match[0].length;
    if (name !== undefined) placeholders.push({ name, start: match.index, end: last });
    code.push(word?.toUpperCase() ?? mark ?? '');
  }
  if (code.length === 0) throw new QueryError('there is no statement in the SQL');
  return { sql: text.slice(0, last), reads: reads(code), placeholders, positional: code.includes('?') };
}

/**
 * In Trino's grammar a statement that starts with one of these words is a query or a look at the catalog; whatever
 * writes starts with another word, also with a WITH or a SELECT inside it.
 */
const readingWords: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE', 'SHOW', 'DESCRIBE', 'DESC']);

function reads(code: readonly string[]): boolean {
  const rest = code.slice(code.findIndex((part) => part !== '('));
  if (readingWords.has(rest[0]!)) return true;
  if (rest[0] !== 'EXPLAIN') return false;
  // EXPLAIN only plans; EXPLAIN ANALYZE [VERBOSE] runs what follows.
  if (rest[1] !== 'ANALYZE') return true;
  return reads(rest.slice(rest[2] === 'VERBOSE' ? 3 : 2));
}

/** Throws QueryError where the statement could change anything. */
export function checkReads(statement: Statement): void {
  if (statement.reads) return;
  throw new QueryError(
    'only statements that read are possible here: SELECT, WITH, VALUES, TABLE, SHOW, DESCRIBE, EXPLAIN',
  );
}

export type Parameters = Readonly<Record<string, ParameterValue>>;

/** The statement with `render` of the literal of its value in place of each $name. Throws QueryError where they do not match. */
export function replacePlaceholders(
  { sql, placeholders, positional }: Statement,
  parameters: Parameters,
  render: (literal: string) => string,
): string {
  const names = new Set(placeholders.map(({ name }) => name));
  const unused = Object.keys(parameters).filter((name) => !names.has(name));
  if (unused.length > 0) throw new QueryError(`the SQL has no $${unused.join(', $')}, for which there is a value`);
  if (names.size > 0 && positional)
    throw new QueryError('the SQL has both $name and ?, of which only one can be given');
  let result = '';
  let at = 0;
  for (const { name, start, end } of placeholders) {
    if (!Object.hasOwn(parameters, name)) throw new QueryError(`there is no value for $${name}`);
    result += sql.slice(at, start) + render(literal(parameters[name]!));
    at = end;
  }
  return result + sql.slice(at);
}
