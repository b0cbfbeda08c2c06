/** Asks DuckDB which row groups have rows that a scan gives on, by copies that have the columns of its conditions. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { identifier } from '../sql-types.ts';
import { readBy, readParquetSql } from '../table-views.ts';
import { type Condition, columnsOf, sqlOf } from './condition.ts';
import type { FilePart } from './file-part.ts';
import type { OrderBy } from './statement-scans.ts';

export interface AskedPart {
  readonly part: FilePart;
  readonly path: string;
  /** Those that the copy shows, in order. */
  readonly groups: readonly { readonly index: number; readonly rows: number }[];
}

/** By part and number of the row group. `isExact`: no other row group's rows are among them. */
export type MatchCounts = ReadonlyMap<
  FilePart,
  ReadonlyMap<number, { readonly matching: number; readonly isExact: boolean }>
>;

/** Under other names no column hides the file's name and its rows' numbers. */
const innerName = (part: FilePart) => (column: string) => identifier(`column_${part.field(column).id}`);

/**
 * By part and row group, how many rows meet both conditions; a row group without a row that meets `inside` is missing. Where the
 * statement fails, by a cast for instance, nothing is known, and nothing missing.
 */
export async function askMatches(
  connection: DuckDBConnection,
  asked: readonly AskedPart[],
  inside: Condition,
  above: Condition,
): Promise<MatchCounts> {
  const step = commonStep(asked);
  const name = innerName(asked[0]!.part);
  const sql = `SELECT path, row // ${step} AS block, count(*) FILTER (WHERE ${sqlOf(above, name)}) AS matching
    FROM (${rowsSql(asked, [...columnsOf(inside), ...columnsOf(above)])}) WHERE ${sqlOf(inside, name)} GROUP BY ALL`;
  const found = new Map<FilePart, Map<number, { matching: number; isExact: boolean }>>();
  const rows = await ask(connection, sql);
  const byPath = new Map(asked.map((one) => [one.path, one]));
  const isExact = rows !== undefined && step.isExact;
  const counts: readonly (readonly unknown[])[] = rows ?? asked.flatMap(({ path, groups }) => {
    const total = groups.reduce((sum, group) => sum + group.rows, 0);
    return Array.from({ length: Math.ceil(total / step.rows) }, (_, block) => [path, block, 1]);
  }); // biome-ignore format: one list
  for (const [path, block, matching] of counts) {
    const { part, groups } = byPath.get(String(path))!;
    const from = Number(block) * step.rows;
    const known = found.get(part) ?? new Map<number, { matching: number; isExact: boolean }>();
    found.set(part, known);
    for (const index of groupsOver(groups, from, from + step.rows)) {
      const before = known.get(index)?.matching ?? 0;
      known.set(index, { matching: before + Number(matching), isExact });
    }
  }
  return found;
}

/**
 * By part, the row groups that can have one of the first rows in this order: by the first column of the order alone, with all
 * rows that equal the last one in it. All, where the statement fails.
 */
export async function askFirst(
  connection: DuckDBConnection,
  asked: readonly AskedPart[],
  condition: Condition,
  { column, direction }: OrderBy,
  rows: number,
): Promise<Map<FilePart, Set<number>>> {
  const step = commonStep(asked);
  const name = innerName(asked[0]!.part);
  const [value, by] = [name(column), direction.startsWith('DESC') ? '>=' : '<='];
  const nulls = direction.endsWith('FIRST')
    ? `${value} IS NULL OR coalesce(${value} ${by} last.value, true)`
    : `coalesce(${value} ${by} last.value, last.value IS NULL)`;
  const sql = `WITH matching AS (SELECT * FROM (${rowsSql(asked, [...columnsOf(condition), column])}) WHERE ${sqlOf(condition, name)}),
    last AS (SELECT (SELECT ${value} FROM matching ORDER BY ${value} ${direction} LIMIT 1 OFFSET ${rows - 1}) AS value)
    SELECT DISTINCT path, row // ${step} AS block FROM matching, last WHERE ${nulls}`;
  const found = await ask(connection, sql);
  const byPath = new Map(asked.map((one) => [one.path, one]));
  const groups = new Map(
    asked.map(({ part, groups: shown }) => [part, new Set(found === undefined ? shown.map(({ index }) => index) : [])]),
  );
  for (const [path, block] of found ?? []) {
    const { part, groups: shown } = byPath.get(String(path))!;
    const from = Number(block) * step.rows;
    for (const index of groupsOver(shown, from, from + step.rows)) groups.get(part)!.add(index);
  }
  return groups;
}

async function ask(connection: DuckDBConnection, sql: string): Promise<readonly (readonly unknown[])[] | undefined> {
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } catch {
    // The statement itself will fail in the same way, and say so, or else not need what failed.
    return undefined;
  }
}

/** `path`, `row` (its number in the copy) and the columns, each under its inner name. */
function rowsSql(asked: readonly AskedPart[], columns: readonly string[]): string {
  const [{ part }] = asked as [AskedPart];
  const fields = [...new Set(columns)].map((column) => part.field(column));
  const groups = Map.groupBy(asked, (one) => readBy(one.part));
  return [...groups.values()]
    .map((group) => {
      const paths = group.map(({ path }) => path);
      const { sql, valueIn } = readParquetSql(fields, group[0]!.part, paths, ({ id }) => `column_${id}`);
      const shown = fields.map((field) => `${valueIn(field)} AS ${identifier(`column_${field.id}`)}`);
      return `SELECT ${['filename AS path', 'file_row_number AS row', ...shown].join(', ')} FROM ${sql}`;
    })
    .join(' UNION ALL ');
}

interface Step {
  readonly rows: number;
  /** No block of so many rows is in two row groups. */
  readonly isExact: boolean;
  toString(): string;
}

/** Rows are counted by blocks, the longest that end where row groups do, so that an answer is as short as it can be. */
function commonStep(asked: readonly AskedPart[]): Step {
  let common = 0;
  let most = 1;
  for (const { groups } of asked) {
    let start = 0;
    for (const { rows } of groups) {
      common = greatestDivisor(common, start);
      start += rows;
      most = Math.max(most, start);
    }
  }
  const step = common === 0 ? most : common;
  const rows = step < 256 ? 1024 : step;
  return { rows, isExact: rows === step, toString: () => String(rows) };
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

function groupsOver(groups: AskedPart['groups'], from: number, to: number): number[] {
  let start = 0;
  return groups.flatMap(({ index, rows }) => {
    const range = { start, end: start + rows };
    start = range.end;
    return range.start < to && range.end > from ? [index] : [];
  });
}
