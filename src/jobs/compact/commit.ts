/**
 * Makes rewritten days visible, several in one snapshot. A day is committed only on a version of its table on which the
 * rewriting still is right: its inputs are live, nobody has deleted more of their rows, and nobody else has compacted
 * other files of it, whose records were not compared with these. Other days are given back, to be planned again.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { commitTable } from '../../iceberg/commit.ts';
import type { TableMetadata } from '../../iceberg/metadata.ts';
import { appliedDeletes } from '../../iceberg/row-deletes.ts';
import { danglingDeletes } from '../../iceberg/scan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { amend } from '../../ledger/amendment.ts';
import { commitContext } from '../../ledger/runtime.ts';
import type { ObjectStore } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import { isCompacted, type PlannedTable } from './plan.ts';
import type { RewrittenDay } from './rewrite.ts';

/** In the summary of a snapshot that replaces files by compacted ones: the days, comma-separated. */
export const compactionProperty = 'audit-warehouse.compacted-days';

export interface CommittedDays {
  readonly committed: readonly RewrittenDay[];
  readonly overtaken: readonly RewrittenDay[];
}

/** Days that lose rows to duplicates go into an amendment (operation `overwrite`), the others into a `replace`. */
export async function commitDays(
  runtime: Runtime,
  table: PlannedTable,
  days: readonly RewrittenDay[],
): Promise<CommittedDays> {
  const replaced = await replaceDays(
    runtime,
    table,
    days.filter((day) => day.duplicates.count === 0),
  );
  const amended = await amendDays(
    runtime,
    table,
    days.filter((day) => day.duplicates.count > 0),
  );
  const committed = new Set([...replaced, ...amended]);
  return { committed: [...committed], overtaken: days.filter((day) => !committed.has(day)) };
}

async function replaceDays(
  runtime: Runtime,
  table: PlannedTable,
  days: readonly RewrittenDay[],
): Promise<readonly RewrittenDay[]> {
  if (days.length === 0) return [];
  let valid: readonly RewrittenDay[] = [];
  await commitTable(commitContext(runtime), table.name, async ({ metadata }) => {
    valid = await stillValid(runtime.store, metadata, table, days);
    return valid.length === 0 ? undefined : { operation: 'replace', ...changeOf(valid), summary: summaryOf(valid) };
  });
  return valid;
}

async function amendDays(
  runtime: Runtime,
  table: PlannedTable,
  days: readonly RewrittenDay[],
): Promise<readonly RewrittenDay[]> {
  if (days.length === 0) return [];
  const { metadata } = await load(runtime, table.name);
  const valid = await stillValid(runtime.store, metadata, table, days);
  if (valid.length === 0) return [];
  const entries = valid.flatMap(({ plan, duplicates }) =>
    [...duplicates.byObject].map(([sourceUri, rows]) => ({
      table: table.name,
      sourceUri,
      rows: -rows,
      detail: `duplicates of ${plan.day}`,
    })),
  );
  const change = { operation: 'overwrite', ...changeOf(valid) } as const;
  const isStillRight = async (loaded: LoadedTable): Promise<boolean> =>
    (await stillValid(runtime.store, loaded.metadata, table, valid)).length === valid.length;
  const done = await amend(runtime, { operation: 'compact', table: table.name, change, entries, isStillRight });
  return done ? valid : [];
}

/** Removes delete files that apply to nothing, as compaction and other engines leave them. Returns how many. */
export async function dropDanglingDeletes(runtime: Runtime, table: string): Promise<number> {
  let dropped: string[] = [];
  await commitTable(commitContext(runtime), table, async ({ metadata }) => {
    const dangling = await danglingDeletes(runtime.store, metadata);
    dropped = dangling.map(({ key }) => key);
    if (dropped.length === 0) return undefined;
    return { operation: 'replace', add: [], remove: [], removeDeletes: dropped, summary: {} };
  });
  return dropped.length;
}

async function stillValid(
  store: ObjectStore,
  metadata: TableMetadata,
  table: PlannedTable,
  days: readonly RewrittenDay[],
): Promise<RewrittenDay[]> {
  const all = days.map(({ plan }) => plan.day).sort(compareText);
  const files = await readTableFiles(store, metadata, { from: all[0]!, to: all.at(-1)! });
  const live = new Map(files.map((file) => [file.path, appliedDeletes([file])]));
  return days.filter(({ plan }) => {
    const known = new Set([...plan.inputs, ...plan.kept].map((file) => file.path));
    const applied = new Set(appliedDeletes(plan.inputs));
    const isStrange = files.some((file) => file.ymd === plan.day && isCompacted(table, file) && !known.has(file.path));
    return (
      plan.inputs.every(({ path }) => live.get(path)?.every((key) => applied.has(key))) &&
      !(table.hasIdentity && isStrange)
    );
  });
}

const changeOf = (days: readonly RewrittenDay[]) => ({
  add: days.flatMap(({ files }) => files),
  remove: days.flatMap(({ plan }) => plan.inputs.map((file) => file.path)),
  applied: appliedDeletes(days.flatMap(({ plan }) => plan.inputs)),
});

const summaryOf = (days: readonly RewrittenDay[]): Record<string, string> => ({
  [compactionProperty]: days.map(({ plan }) => plan.day).join(','),
});

async function load({ catalog }: Runtime, name: string): Promise<LoadedTable> {
  const loaded = await catalog.loadTable(name);
  if (loaded === undefined) throw new Error(`table ${name} was dropped during the run`);
  return loaded;
}
