/**
 * Rows that were written with another mapping than a source has now, by the ledger: after a change of `shape` or `fields`
 * rows that are in the warehouse keep their values until their objects are read again.
 *
 * Bounds of the ledger's files tell most of them apart from what is current, so that a warehouse whose mappings have not
 * changed is answered from its manifests.
 */
import type { LoadedTable } from '../iceberg/catalog.ts';
import { type LiveFile, liveFiles } from '../iceberg/scan.ts';
import { fieldsByName } from '../iceberg/schema.ts';
import { fileRows } from '../iceberg/table-rows.ts';
import type { ObjectStore } from '../store/store.ts';
import { compareText } from '../text/order.ts';

export interface CurrentMapping {
  /** Name of the source. */
  readonly source: string;
  /** Digest of its mapping. */
  readonly current: string;
  /** Digest of what rows were written with that the ledger says nothing of. */
  readonly unrecorded: string;
}

export interface OtherMapping {
  readonly source: string;
  readonly objects: number;
  readonly rows: number;
}

/** By source, those with rows of another mapping only. */
export async function otherMappings(
  store: ObjectStore,
  { metadata }: LoadedTable,
  mappings: readonly CurrentMapping[],
): Promise<OtherMapping[]> {
  const bySource = new Map(mappings.map((mapping) => [mapping.source, mapping]));
  const found = new Map<string, { objects: number; rows: number }>();
  const ids = new Map([...fieldsByName(metadata)].map(([name, { id }]) => [name, id]));
  const columns = ['source', 'state', 'rows', 'mapping'].filter((name) => ids.has(name));
  for await (const file of liveFiles(store, metadata)) {
    if (isCurrent(file, mappings, ids)) continue;
    for await (const entries of fileRows(store, metadata, file, { columns })) {
      for (const { source, state, rows, mapping } of entries) {
        const wanted = bySource.get(String(source));
        if (wanted === undefined || state !== 'committed' || Number(rows) === 0) continue;
        if ((mapping ?? wanted.unrecorded) === wanted.current) continue;
        const counts = found.get(String(source)) ?? { objects: 0, rows: 0 };
        found.set(String(source), { objects: counts.objects + 1, rows: counts.rows + Number(rows) });
      }
    }
  }
  return [...found].map(([source, counts]) => ({ source, ...counts })).sort((a, b) => compareText(a.source, b.source));
}

/** Whether the bounds of a file say that none of its rows can have another mapping than its source has now. */
function isCurrent(file: LiveFile, mappings: readonly CurrentMapping[], ids: ReadonlyMap<string, number>): boolean {
  const source = singleText(file, ids.get('source'));
  const possible = source === undefined ? mappings : mappings.filter((mapping) => mapping.source === source);
  const written = singleText(file, ids.get('mapping'));
  if (written !== undefined) return possible.every(({ current }) => current === written);
  return possible.length === 0 || (hasOnlyNulls(file, ids.get('mapping')) && possible.every(isDefault));
}

const isDefault = ({ current, unrecorded }: CurrentMapping): boolean => current === unrecorded;

/** The text that all rows of a file have, where bounds and counts say so. */
function singleText(file: LiveFile, id: number | undefined): string | undefined {
  const [lower, upper] = id === undefined ? [] : [file.lowerBounds.get(id), file.upperBounds.get(id)];
  if (lower === undefined || upper === undefined || file.nullCounts.get(id as number) !== 0) return undefined;
  return Buffer.compare(lower, upper) === 0 ? Buffer.from(lower).toString() : undefined;
}

/** Also where the file is older than the column; not where another engine has left the counts out. */
const hasOnlyNulls = ({ valueCounts, nullCounts, recordCount }: LiveFile, id: number | undefined): boolean =>
  id === undefined || (valueCounts.size > 0 && !valueCounts.has(id)) || nullCounts.get(id) === recordCount;
