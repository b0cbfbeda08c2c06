import type { EngineName } from '../engines/index.ts';

/**
 * The receipt and the answer of an engine, side by side where the engine reads the tables of the same moment (moment.ts).
 * Other engines resolve the tables themselves: there the receipt is taken first, so that it never vouches for anything
 * newer than the answer.
 */
export async function withReceipt<R, A>(
  engine: EngineName,
  take: () => Promise<R>,
  answer: () => Promise<A>,
): Promise<[receipt: R, answer: A]> {
  const taking = take();
  if (engine !== 'duckdb') await taking;
  // A receipt that fails is told of behind the answer.
  const over = taking.catch(() => {});
  const given = await answer().finally(() => over);
  return [await taking, given];
}
