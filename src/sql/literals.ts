/**
 * The one place where a value becomes SQL text. DuckDB binds its values and needs none of this; Trino takes values as
 * expressions (EXECUTE IMMEDIATE … USING), Athena inside the statement.
 *
 * What a value says must not depend on which characters it holds: text is quoted with its quotes doubled, text with
 * control characters goes as a Unicode literal, and what is not text at all (half of a surrogate pair) is refused,
 * since it would arrive as another character.
 */
import { type ParameterValue, QueryError } from './parameter.ts';

/** A value as a literal of Trino's SQL, which is Athena's too. Throws QueryError for one that has no literal. */
export function literal(value: ParameterValue): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (typeof value === 'bigint') return integer(value);
  return `TIMESTAMP '${timestamp(value.micros)}'`;
}

/** Quoted text, as every engine reads it. */
export const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * Control characters are written as \XXXX in a Unicode literal (SQL:2003, 5.3): engines differ in what they make of a
 * NUL in a statement, and everything on the way in what they make of a line end.
 */
function text(value: string): string {
  if (!value.isWellFormed()) throw new QueryError('a value has half of a surrogate pair in it, which is not text');
  if (value.search(control) < 0) return quote(value);
  const escaped = (character: string): string => `\\${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `U&${quote(value.replaceAll('\\', '\\\\').replace(control, escaped))}`;
}

const most = 2n ** 63n - 1n;

/** Plain digits where possible, since LIMIT takes nothing else; never a sign that could meet another one. */
function integer(value: bigint): string {
  if (value > most || value < -most - 1n) throw new QueryError(`the number ${value} is outside the range of bigint`);
  return value < 0n ? `BIGINT '${value}'` : String(value);
}

/** `2023-07-11 16:55:00.123456`, UTC. */
function timestamp(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - fraction) / 1000n));
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) throw new QueryError('a timestamp is outside the years 1 to 9999');
  return `${date.toISOString().slice(0, 19).replace('T', ' ')}.${String(fraction).padStart(6, '0')}`;
}
