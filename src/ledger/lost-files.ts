/**
 * Data files that were removed before they were committed, as another engine does that takes them for orphans: no
 * snapshot names the files of a batch whose process has died. A table that named them now could not be read any more, so
 * whoever carries out an intent that it has not just staged looks first. The objects are read again, and the batch stays
 * what it is, since some of its tables may have taken it already.
 */
import { lostAmong } from '../iceberg/files.ts';
import { TableFault } from '../iceberg/table-fault.ts';
import { compareText } from '../text/order.ts';
import { type Intent, intentUri, type StandingIntent } from './batch-intent.ts';
import { batchesOf } from './batch-summary.ts';
import { isHistoryWhole, notYetIn } from './commit-batch.ts';
import type { ObjectCounts } from './entry.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerRuntime } from './runtime.ts';

export interface LostFile {
  readonly path: string;
  /** Tables that have taken the batch. */
  readonly taken: ReadonlySet<string>;
  /** Nothing tells whether other tables have: of each object only what they do not hold of it is to be added. */
  readonly isDoubtful: boolean;
}

/** One that the intent would commit to a table which has not taken the batch yet; undefined where all are there. */
export async function lostFile(
  { store, catalog }: Pick<LedgerRuntime, 'store' | 'catalog'>,
  ledger: Pick<Ledger, 'openClaims'>,
  intent: Intent,
): Promise<LostFile | undefined> {
  const lost = await lostAmong(store, [...intent.files.values()].flat());
  if (lost.length === 0) return undefined;
  const isLost = new Set(lost);
  const taken = new Set<string>();
  let isDoubtful = false;
  for (const [table, files] of intent.files) {
    const loaded = await catalog.loadTable(table);
    if (loaded === undefined) continue;
    const { metadata } = loaded;
    const isNamed = metadata.snapshots.some((snapshot) => batchesOf(snapshot).includes(intent.batch));
    const isTold = isNamed || isHistoryWhole(metadata, intent.bases?.get(table));
    // Rows of the batch would be known by those of its first file. To replace rows once more changes nothing.
    const isKnown = isTold || intent.again !== undefined || files.length === 0 || !isLost.has(files[0]!);
    if (!isKnown) isDoubtful = true;
    else if ((await notYetIn(store, ledger, table, loaded, [intent])).length === 0) taken.add(table);
  }
  for (const [table, files] of intent.files) {
    const file = taken.has(table) ? undefined : files.find((one) => isLost.has(one));
    if (file !== undefined) return { path: file.path, taken, isDoubtful };
  }
  return undefined;
}

/**
 * What takes the place of an intent that has lost files: `given`, and for the tables that have taken the batch what they have
 * taken. Throws where the batch comes to something else now. In doubt it comes to what it did: `given` does not count what was there.
 */
export function restaged(
  warehouse: string,
  { intent: standing, taken, isDoubtful }: StandingIntent & LostFile,
  given: Intent,
): Intent {
  const counted = (uri: string): ObjectCounts | undefined => (isDoubtful ? standing.objects.get(uri) : undefined);
  const objects = new Map([...given.objects].map(([uri, counts]) => [uri, counted(uri) ?? counts]));
  const staged = { ...given, objects };
  if (taken.size === 0) return staged;
  if (comesTo(standing) !== comesTo(staged))
    throw new TableFault(
      `table ${[...taken].join(', ')} has batch ${staged.batch}, other files of it were removed by another engine, and its objects ` +
        `give other records than they did: once ${intentUri(warehouse, staged.batch)} is deleted, they are read as new ones`,
    );
  const own = <T>(of: (intent: Intent) => ReadonlyMap<string, T> | undefined): Map<string, T> =>
    new Map([...(of(staged) ?? []), ...[...(of(standing) ?? [])].filter(([table]) => taken.has(table))]);
  return { ...staged, files: own(({ files }) => files), bases: own(({ bases }) => bases) };
}

/** Rows and quarantined records of each object. */
const comesTo = ({ objects }: Intent): string =>
  JSON.stringify(
    [...objects].sort(([a], [b]) => compareText(a, b)).map(([uri, { rows, quarantined }]) => [uri, rows, quarantined]),
  );
