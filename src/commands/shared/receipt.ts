/** The receipt of an answer, as far as it can be taken. */
import type { QueryRequest } from '../../engines/engine.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Receipt, ReceiptRange } from '../../queries/receipt.ts';
import { printable } from '../../text/printable.ts';
import type { CommandContext } from './context.ts';

/** Without one, an answer is still an answer: who asks another engine may not be let see the tables' metadata. */
export async function receiptOf(
  { stderr }: Pick<CommandContext, 'stderr'>,
  runtime: Runtime,
  asked: Pick<QueryRequest, 'sql'> | { readonly tables: readonly string[] },
  range: ReceiptRange | undefined,
): Promise<Receipt | undefined> {
  const { takeReceipt } = await import('../../queries/receipt.ts');
  try {
    return await takeReceipt(runtime, asked, range);
  } catch (error) {
    await stderr.write(`what the answer is of cannot be told: ${printable((error as Error).message)}\n`);
    return undefined;
  }
}

/** Of an answer over all tables of events. */
export async function receiptOfEvents(
  context: Pick<CommandContext, 'stderr'>,
  runtime: Runtime,
  range: ReceiptRange,
): Promise<Receipt | undefined> {
  const { eventTables } = await import('../../sources/registry.ts');
  return receiptOf(context, runtime, { tables: eventTables }, range);
}
