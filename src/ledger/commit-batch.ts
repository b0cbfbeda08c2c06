/**
 * Making a staged batch visible, in an order that any crash leaves repairable:
 * intent (fixes the outcome) -> one snapshot a table, each with the batch's id -> ledger.
 * Every step is skipped where it was done before, so finishing a batch twice, or by two workers, does it once.
 */
import { commitTable } from '../iceberg/commit.ts';
import { type Intent, settleIntent } from './batch-intent.ts';
import type { Ledger } from './ledger.ts';
import { commitContext, type LedgerRuntime } from './runtime.ts';

/** In the summary of the snapshot that added a batch's files. */
export const batchProperty = 'audit-warehouse.batch';

/** Returns the intent that was carried out: the standing one, where another worker was faster. */
export async function commitBatch(runtime: LedgerRuntime, ledger: Ledger, staged: Intent): Promise<Intent> {
  const { store, config, sleep } = runtime;
  const intent = await settleIntent(store, config.warehouse, staged, sleep);
  await finishBatch(runtime, ledger, intent);
  return intent;
}

/** Carries out an intent from wherever it was left. */
export async function finishBatch(runtime: LedgerRuntime, ledger: Ledger, intent: Intent): Promise<void> {
  for (const [table, files] of intent.files) {
    if (files.length === 0) continue;
    await commitTable(commitContext(runtime), table, (loaded) => {
      const done = loaded.metadata.snapshots?.some((snapshot) => snapshot.summary?.[batchProperty] === intent.batch);
      if (done) return undefined;
      return { operation: 'append', add: files, remove: [], summary: { [batchProperty]: intent.batch } };
    });
  }
  await ledger.settle(intent.batch, intent.objects);
}
