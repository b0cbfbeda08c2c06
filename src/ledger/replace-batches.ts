/** What batches of objects that were read again replace: table after table, by what the ledger has of the objects. */
import { eventTableOf } from '../sources/registry.ts';
import { quarantine } from '../tables/quarantine.ts';
import type { Intent } from './batch-intent.ts';
import type { LedgerEntry } from './entry.ts';
import { firstCommit, type Ledger } from './ledger.ts';
import { type BatchToReplace, replaceRows } from './replace-rows.ts';
import type { LedgerRuntime } from './runtime.ts';

/** What a batch took the place of; nothing where another run has done that. */
export interface ReplacedByBatch {
  /** Objects that had been committed before. */
  readonly objects: number;
  /** Rows that went, by table. */
  readonly rows: ReadonlyMap<string, number>;
  /** Rows of erased subjects that did not come back. */
  readonly erased: number;
}

export const nothingReplaced: ReplacedByBatch = { objects: 0, rows: new Map(), erased: 0 };

/**
 * One snapshot per table for all of the batches; gives what each replaced. Those that the ledger has settled are left out.
 *
 * The quarantine comes first: a replay that began before has its intent by then, and is finished before the rows of
 * events are looked at; one that begins later finds nothing of these objects any more that could become a row twice.
 */
export async function replaceAll(
  runtime: LedgerRuntime,
  ledger: Ledger,
  intents: readonly Intent[],
): Promise<ReadonlyMap<string, ReplacedByBatch>> {
  if (intents.length === 0) return new Map();
  const { entries } = await ledger.lookup(intents.flatMap(({ objects }) => [...objects.keys()]));
  const all = [...entries.values()].flat();
  const claimed = new Set(all.filter(({ state }) => state === 'claimed').map(({ batch }) => batch));
  const open = intents.filter(({ batch }) => claimed.has(batch));
  const earlier = new Map(
    open.flatMap(({ objects }) => [...objects.keys()].map((uri) => [uri, committedOf(entries.get(uri))] as const)),
  );
  const versions = new Map(
    all.flatMap(({ state, object }) => (state === 'claimed' ? [[object.uri, object.etag]] : [])),
  );
  const counts = new Map(open.map((intent) => [intent.batch, emptyCounts(intent, earlier)]));
  for (const table of tablesOf(open, earlier)) {
    const batches = new Map(open.map((intent) => [intent.batch, toReplace(intent, table, earlier, versions)]));
    const { rows, erased } = await replaceRows(runtime, { table, batches });
    for (const { batch, objects } of open) {
      const count = counts.get(batch)!;
      const uris = [...objects.keys()];
      count.rows.set(table, sumOf(uris, rows));
      count.erased += sumOf(uris, erased);
    }
  }
  return counts;
}

const emptyCounts = ({ objects }: Intent, earlier: Earlier) => ({
  objects: [...objects.keys()].filter((uri) => (earlier.get(uri) ?? []).length > 0).length,
  rows: new Map<string, number>(),
  erased: 0,
});

/** Committed entries, by uri. */
type Earlier = ReadonlyMap<string, readonly LedgerEntry[]>;

const committedOf = (entries: readonly LedgerEntry[] = []): LedgerEntry[] =>
  entries.filter(({ state }) => state === 'committed');

/** The quarantine, the tables of the batches, and those that sources of other types had the objects' rows in. */
function tablesOf(intents: readonly Intent[], earlier: Earlier): Set<string> {
  const before = [...earlier.values()].flat().flatMap(({ sourceType }) => eventTableOf(sourceType) ?? []);
  const now = intents.flatMap(({ files }) => [...files.keys()]);
  return intents.length === 0 ? new Set() : new Set([quarantine.name, ...now, ...before]);
}

/** `versions`: the ETag that the batch has read of each object. */
function toReplace(
  { batch, files, objects }: Intent,
  table: string,
  earlier: Earlier,
  versions: ReadonlyMap<string, string>,
): BatchToReplace {
  const firstCommittedAt = (uri: string) => firstCommit(earlier.get(uri) ?? [], versions.get(uri));
  return {
    files: files.get(table) ?? [],
    objects: new Map([...objects.keys()].map((uri) => [uri, { batch, firstCommittedAt: firstCommittedAt(uri) }])),
  };
}

const sumOf = (uris: readonly string[], counts: ReadonlyMap<string, number>): number =>
  uris.reduce((sum, uri) => sum + (counts.get(uri) ?? 0), 0);
