/** Every object that a source lists has to be in the ledger, by the ETag that it has now. */
import { createLedger } from '../../ingest/claimed-batch.ts';
import { type ConfiguredSource, objectsAt } from '../../ingest/plan.ts';
import { archivedObjects, emptySource, type Warning } from '../../ingest/require-sources.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { isArchived } from '../../store/store.ts';
import type { Accounts } from './accounts.ts';
import type { Differences } from './difference.ts';

export interface ListedObjects {
  listed: number;
  ingested: number;
  /** Too young to be held against the worker, in the hands of a run, or archived, which a warning tells. */
  waiting: number;
}

export async function checkSources(
  runtime: Runtime,
  sources: readonly ConfiguredSource[],
  accounts: Accounts,
  /** Milliseconds since the epoch: objects changed later are not expected yet. */
  youngerThan: number,
  differences: Differences,
): Promise<ListedObjects & { readonly warnings: readonly Warning[] }> {
  const { store, config } = runtime;
  const ledger = createLedger(runtime);
  const counts = { listed: 0, ingested: 0, waiting: 0 };
  const warnings: Warning[] = [];
  for (const { config: source, source: family } of sources) {
    let isEmpty = true;
    let archived = 0;
    for await (const object of objectsAt(store, source.location)) {
      isEmpty = false;
      if (object.uri.startsWith(`${config.warehouse}/`) || !family.describeObject(object.uri).relevant) continue;
      counts.listed++;
      const account = accounts.objects.get(object.uri);
      if (account?.etags.has(object.etag)) {
        counts.ingested++;
        continue;
      }
      if (isArchived(object)) {
        counts.waiting++;
        archived++;
        continue;
      }
      const isHeld = account?.open !== undefined && !ledger.isAbandoned(account.open);
      if (isHeld || object.lastModified > youngerThan) {
        counts.waiting++;
        continue;
      }
      const known = account !== undefined && account.etags.size > 0;
      // An abandoned claim is told once for its batch.
      if (account?.open !== undefined) continue;
      differences.add({
        kind: known ? 'object-changed' : 'object-not-ingested',
        uri: object.uri,
        detail: `source ${source.name}, ETag ${object.etag}`,
      });
    }
    if (isEmpty) warnings.push(emptySource(runtime.log, source));
    if (archived > 0) warnings.push(archivedObjects(runtime.log, source, archived));
  }
  const batches = new Set<string>();
  for (const open of accounts.objects.open()) {
    if (!ledger.isAbandoned(open) || batches.has(open.batch)) continue;
    batches.add(open.batch);
    differences.add({
      kind: 'batch-abandoned',
      batch: open.batch,
      detail: `source ${open.source}, claimed by ${open.owner} at ${new Date(open.claimedAt).toISOString()}`,
    });
  }
  return { ...counts, warnings };
}
