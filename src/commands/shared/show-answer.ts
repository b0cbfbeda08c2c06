/** Asks an engine, and prints the answer with what it is of below it. */
import type { QueryEngine } from '../../engines/engine.ts';
import type { EngineName } from '../../engines/index.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { explainEmpty } from '../../queries/empty.ts';
import { withReceipt } from '../../queries/with-receipt.ts';
import { printable } from '../../text/printable.ts';
import type { Asked } from './asking.ts';
import type { CommandContext, Output } from './context.ts';
import { receiptOf } from './receipt.ts';
import { type AnswerFormat, withColumns, writeAnswer } from './render-answer.ts';
import { renderReceipt } from './render-receipt.ts';

export interface Shown {
  readonly format: AnswerFormat;
  readonly engine: EngineName;
  readonly receipt: boolean;
  /** Only these, in this order. */
  readonly columns?: readonly string[] | undefined;
  readonly csvSafe?: boolean;
  readonly signal: AbortSignal;
  /** Where the answer goes. */
  readonly output: Output;
}

export interface Finished {
  readonly bytesScanned: number;
  readonly seconds: number;
}

/** Throws QueryError, and UsageError for a column that the answer does not have. */
export async function showAnswer(
  context: CommandContext,
  { runtime, engine }: { readonly runtime: Runtime; readonly engine: QueryEngine },
  asked: Asked,
  { format, columns, output, signal, ...shown }: Shown,
): Promise<Finished> {
  const { request, range } = asked;
  let started = context.clock();
  const [receipt, found] = await withReceipt(
    shown.engine,
    async () => (shown.receipt ? receiptOf(context, runtime, request, range) : undefined),
    () => {
      started = context.clock();
      return engine.query({ ...request, signal });
    },
  );
  const answer = columns === undefined ? found : withColumns(found, columns);
  const seconds = (): number => (context.clock() - started) / 1000;
  let took = 0;
  const hintsFor = async (rows: number): Promise<string[]> => {
    took = seconds();
    return rows > 0 || !shown.receipt ? [] : hints(runtime, asked, shown.engine === 'duckdb' ? engine : undefined);
  };
  const trailer = async (rows: number) => {
    const hint = await hintsFor(rows);
    return { seconds: took, ...(receipt && { receipt: { rows, ...receipt, hints: hint } }) };
  };
  const rows = await writeAnswer(output, answer, format, { safe: shown.csvSafe === true, trailer });
  if (format !== 'json' && shown.receipt) {
    const below = output.isTTY ? output : context.stderr;
    for (const hint of await hintsFor(rows)) await below.write(`${printable(hint)}\n`);
    const reading = { rows, bytesScanned: answer.bytesScanned(), seconds: took };
    await below.writeStyled(renderReceipt(reading, receipt, range, below.columns));
  }
  return { bytesScanned: answer.bytesScanned(), seconds: seconds() };
}

async function hints(
  runtime: Runtime,
  { question, given, request, range }: Asked,
  engine: QueryEngine | undefined,
): Promise<string[]> {
  if (question === undefined || given === undefined) return [];
  return explainEmpty(runtime, { question, given, prune: request.prune, range }, engine);
}
