/** Questions that the program answers itself, whatever the engine. */
import type { CellValue, QueryAnswer, QueryEngine, QueryRequest } from '../engines/engine.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { missingNumbersText } from '../jobs/producers/missing-numbers.ts';
import { type ProducerDay, producers } from '../jobs/producers/producers.ts';
import { type AcceptedDifferences, readAcceptances } from '../jobs/verify/accounts.ts';
import { type Grade, grades } from '../sequences/grade.ts';
import { countOf } from '../sequences/number-set.ts';
import { timeText } from '../text/time.ts';
import { ParameterError } from './parameters.ts';

interface Column<Row> {
  readonly name: string;
  readonly type: string;
  readonly of: (row: Row) => CellValue;
}

const text = <Row>(name: string, of: Column<Row>['of']): Column<Row> => ({ name, type: 'varchar', of });
const number = <Row>(name: string, of: Column<Row>['of']): Column<Row> => ({ name, type: 'bigint', of });

const acceptanceColumns: readonly Column<AcceptedDifferences>[] = [
  text('accepted_at', ({ at }) => at),
  text('accepted_by', ({ by }) => by),
  text('table_name', ({ table }) => table),
  text('reason', ({ reason }) => reason),
  number('objects', ({ objects }) => objects),
  number('missing', ({ missing }) => missing),
  number('unexpected', ({ unexpected }) => unexpected),
  number('altered', ({ altered }) => altered),
];

const producerColumns: readonly Column<ProducerDay>[] = [
  text('ymd', ({ ymd }) => ymd),
  text('source', ({ sources }) => sources.join(', ')),
  text('instance_id', ({ instance }) => instance),
  text('grade', ({ grade }) => grade),
  number('first', ({ first }) => first),
  number('last', ({ last }) => last),
  number('arrived', ({ arrived }) => arrived),
  // Numbers alone prove no decision missing: each of them may be another request.
  number('missing_at_least', ({ proved }) => countOf(proved)),
  number('missing_estimated', ({ estimated }) => estimated),
  number('missing_at_most', ({ absent }) => absent),
  number('before_first', ({ head }) => head),
  number('gaps', ({ gaps }) => gaps),
  number('longest_gap', ({ longestGap }) => longestGap),
  number('usual_gap', ({ usual }) => usual.longestGap),
  text('usual_from', ({ usual }) => usual.from),
  text('after_last', ({ isSeenAgain }) => (isSeenAgain ? 'seen again' : 'unknown')),
  { name: 'first_time', type: 'timestamp', of: ({ firstTime }) => timestampText(firstTime) },
  { name: 'last_time', type: 'timestamp', of: ({ lastTime }) => timestampText(lastTime) },
  text('missing_numbers', (day) => missingNumbersText(day)),
];

const timestampText = (micros: number | undefined): string | null =>
  micros === undefined ? null : timeText(BigInt(micros));

/** The engine, which answers questions of the program too. */
export function withComputed(world: Pick<Runtime, 'store' | 'catalog' | 'config'>, engine: QueryEngine): QueryEngine {
  return {
    atOnce: engine.atOnce,
    query: (request) => (request.computed === undefined ? engine.query(request) : answer(world, request.computed)),
    close: () => engine.close(),
  };
}

async function answer(
  world: Pick<Runtime, 'store' | 'catalog' | 'config'>,
  { question, values }: NonNullable<QueryRequest['computed']>,
): Promise<QueryAnswer> {
  return question === 'acceptances' ? accepted(world, values) : missing(world, values);
}

type Values = NonNullable<QueryRequest['computed']>['values'];

async function accepted(world: Pick<Runtime, 'store' | 'catalog'>, values: Values): Promise<QueryAnswer> {
  const [from, to, table] = ['from_ymd', 'to_ymd', 'table'].map((name) => values.get(name)?.toString());
  const rows = (await readAcceptances(world)).filter(
    ({ at, table: of }) =>
      (from === undefined || at.slice(0, 10) >= from) &&
      (to === undefined || at.slice(0, 10) <= to) &&
      (table === undefined || of === table),
  );
  return answerOf(acceptanceColumns, rows, 0);
}

async function missing(world: Pick<Runtime, 'store' | 'catalog' | 'config'>, values: Values): Promise<QueryAnswer> {
  const textOf = (name: string): string | undefined => values.get(name)?.toString();
  const grade = textOf('grade');
  if (grade !== undefined && !Object.hasOwn(grades, grade))
    throw new ParameterError(`parameter grade must be one of ${Object.keys(grades).join(', ')}`);
  const source = textOf('source');
  const report = await producers(world, {
    withTimes: true,
    from: textOf('from_ymd'),
    to: textOf('to_ymd'),
    ...(source !== undefined && { sources: [source] }),
    ...(grade !== undefined && { grades: [grade as Grade] }),
  });
  return answerOf(producerColumns, report.days, report.bytesScanned);
}

const answerOf = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], bytesScanned: number): QueryAnswer => ({
  columns: columns.map(({ name, type }) => ({ name, type })),
  chunks: chunksOf(columns, rows),
  bytesScanned: () => bytesScanned,
});

const chunkRows = 1000;

async function* chunksOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): AsyncGenerator<CellValue[][]> {
  for (let at = 0; at < rows.length; at += chunkRows)
    yield rows.slice(at, at + chunkRows).map((row) => columns.map(({ of }) => of(row)));
}
