/** Why an answer may be empty: values that are nearly the ones asked for, days that exist, columns without a value. */
import { nearest } from '../config/errors.ts';
import type { QueryEngine, QueryRequest } from '../engines/engine.ts';
import { liveFiles } from '../iceberg/scan.ts';
import { fieldsByName } from '../iceberg/schema.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { plural } from '../text/humanize.ts';
import { dayOf, type OpenRange } from '../text/time.ts';
import type { Question } from './question.ts';
import { tablesOfRange } from './range.ts';

export interface Asked {
  readonly question: Question;
  readonly given: ReadonlyMap<string, string>;
  readonly prune: QueryRequest['prune'];
  readonly range: OpenRange | undefined;
}

type Warehouse = Pick<Runtime, 'store' | 'catalog'>;

/** Values of a column that are looked through, the most frequent ones. */
const mostValues = 10_000;
const offered = 5;

/** Without an engine, which costs, only metadata is read. */
export async function explainEmpty(
  runtime: Warehouse,
  asked: Asked,
  engine: QueryEngine | undefined,
): Promise<string[]> {
  const hints: string[] = [];
  let isOutside = false;
  for (const table of tablesOfRange(asked.question)) {
    const found = await daysOf(runtime, table, asked);
    if (found === undefined) continue;
    hints.push(...found.hints);
    isOutside ||= found.inRange === 0;
  }
  if (engine === undefined || isOutside) return hints;
  for (const [parameter, table, column] of namedColumns(asked)) {
    // A warehouse may have the logs of one system only.
    if ((await runtime.catalog.loadTable(table)) === undefined) continue;
    hints.push(...(await similar(engine, asked, parameter, table, column)));
  }
  return hints;
}

/** Parameters with a text that a column must have, as they were given. */
function namedColumns({ question, given }: Asked): [string, string, string][] {
  return question.parameters
    .filter(({ name, type }) => (type === 'text' || type === 'texts') && given.has(name))
    .flatMap(({ name, limits = [] }) =>
      limits
        .filter(({ side }) => side === undefined)
        .map(({ table, column }): [string, string, string] => [name, table, column]),
    );
}

async function daysOf(
  { store, catalog }: Warehouse,
  name: string,
  asked: Asked,
): Promise<{ hints: string[]; inRange: number } | undefined> {
  const table = await catalog.loadTable(name);
  if (table === undefined) return undefined;
  const [from, to] = [asked.range?.from, asked.range?.to].map((end) => (end === undefined ? undefined : dayOf(end)));
  const fields = fieldsByName(table.metadata);
  const columns = columnsOf(asked, name);
  const nulls = new Map(columns.map((column) => [column, 0]));
  const near: { before?: string; after?: string } = {};
  let rows = 0;
  for await (const { ymd, recordCount, nullCounts } of liveFiles(store, table.metadata)) {
    if (ymd === null) continue;
    if (from !== undefined && ymd < from) {
      if (near.before === undefined || ymd > near.before) near.before = ymd;
    } else if (to !== undefined && ymd > to) {
      if (near.after === undefined || ymd < near.after) near.after = ymd;
    } else {
      rows += recordCount;
      for (const column of columns) {
        nulls.set(column, nulls.get(column)! + (nullCounts.get(fields.get(column)?.id ?? -1) ?? 0));
      }
    }
  }
  const hints: string[] = [];
  if (rows === 0) {
    const days = [near.before && `the last before is ${near.before}`, near.after && `the first after is ${near.after}`];
    const known = days.filter((day) => day !== undefined).join(', ');
    hints.push(`${name} has no rows on the days of the range${known === '' ? '' : `; of its days ${known}`}`);
  }
  for (const [column, count] of nulls) {
    if (rows > 0 && count === rows)
      hints.push(`${column} has no value in any of the ${plural(rows, 'row')} of ${name}`);
  }
  return { hints, inRange: rows };
}

/** Columns that the values given restrict. */
const columnsOf = ({ question, given }: Asked, name: string): string[] => [
  ...new Set(
    question.parameters
      .filter((parameter) => given.has(parameter.name))
      .flatMap(({ limits = [] }) => limits)
      .filter(({ table, side }) => table === name && side === undefined)
      .map(({ column }) => column),
  ),
];

async function similar(
  engine: QueryEngine,
  { given, prune, range }: Asked,
  parameter: string,
  table: string,
  column: string,
): Promise<string[]> {
  const text = given.get(parameter)!;
  const days = prune?.[table]?.ymd ?? {};
  const conditions = [
    `"${column}" IS NOT NULL`,
    ...(days.from === undefined ? [] : ['ymd >= $from']),
    ...(days.to === undefined ? [] : ['ymd <= $to']),
  ];
  const answer = await engine.query({
    sql: `SELECT "${column}", count(*) AS n FROM ${table} WHERE ${conditions.join(' AND ')} GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${mostValues}`,
    parameters: {
      ...(days.from !== undefined && { from: days.from }),
      ...(days.to !== undefined && { to: days.to }),
    },
    prune: { [table]: { ymd: days } },
  });
  const values: string[] = [];
  for await (const rows of answer.chunks) for (const [value] of rows) values.push(String(value));
  if (values.includes(text)) return [];
  const where = range === undefined ? '' : ' in the range';
  const near = nearest(text, values);
  if (near !== undefined) return [`${column} is never ${text}${where}; did you mean ${near}?`];
  const frequent = values.slice(0, offered).join(', ');
  return [`${column} is never ${text}${where}${frequent === '' ? '' : `; the most frequent are ${frequent}`}`];
}
