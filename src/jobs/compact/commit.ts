/**
 * Makes rewritten days visible, several in one snapshot. A day is committed only on a version of its table on which the
 * rewriting still is right: its inputs are live, and so are the files for whose rows duplicates were dropped; nobody has
 * deleted more of their rows; and nobody else has compacted other files of it, whose records were not compared with these. Other days are given back, to be planned again.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import { commitTable } from '../../iceberg/commit.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import type { TableMetadata } from '../../iceberg/metadata.ts';
import { appliedDeletes } from '../../iceberg/row-deletes.ts';
import { danglingDeletes } from '../../iceberg/scan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { amend } from '../../ledger/amendment.ts';
import { commitContext } from '../../ledger/runtime.ts';
import type { ObjectStore } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';
import type { Duplicates } from '../rewrite/duplicates.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import { duplicateEntries } from './duplicate-entries.ts';
import { isCompacted, type PlannedTable } from './plan.ts';

/** In the summary of a snapshot that replaces files by compacted ones: the days, comma-separated. */
export const compactionProperty = 'audit-warehouse.compacted-days';
/** Likewise: the ids of the units of `job` that were committed by it. */
export const unitsProperty = 'audit-warehouse.compaction-units';

/** A live file with the row-level deletes that are known of. */
export interface KnownFile {
  readonly path: string;
  readonly deletes: readonly { readonly key: string }[];
}

/** A rewritten day, as far as its commit has to know it. */
export interface ChangedDay {
  readonly plan: { readonly day: string; readonly inputs: readonly KnownFile[]; readonly kept: readonly KnownFile[] };
  readonly files: readonly DataFile[];
  readonly duplicates: Pick<Duplicates, 'count' | 'byObject' | 'copies'>;
  /** Id, where it is a unit of `job`. */
  readonly unit?: string;
}

export interface CommittedDays<Day> {
  readonly committed: readonly Day[];
  readonly overtaken: readonly Day[];
}

/** Tries for a group of days of which other writers keep changing one. */
const mostTries = 5;

/** Days that lose rows to duplicates go into an amendment (operation `overwrite`), the others into a `replace`. */
export async function commitDays<Day extends ChangedDay>(
  runtime: Runtime,
  table: Pick<PlannedTable, 'name' | 'sortOrderId' | 'hasIdentity'>,
  days: readonly Day[],
): Promise<CommittedDays<Day>> {
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

type Table = Parameters<typeof commitDays>[1];

async function replaceDays<Day extends ChangedDay>(
  runtime: Runtime,
  table: Table,
  days: readonly Day[],
): Promise<readonly Day[]> {
  if (days.length === 0) return [];
  let valid: readonly Day[] = [];
  await commitTable(commitContext(runtime), table.name, async ({ metadata }) => {
    valid = await stillValid(runtime.store, metadata, table, days);
    return valid.length === 0 ? undefined : { operation: 'replace', ...changeOf(valid), summary: summaryOf(valid) };
  });
  return valid;
}

async function amendDays<Day extends ChangedDay>(
  runtime: Runtime,
  table: Table,
  days: readonly Day[],
): Promise<readonly Day[]> {
  for (let attempt = 1; days.length > 0 && attempt <= mostTries; attempt++) {
    const { metadata } = await load(runtime, table.name);
    const valid = await stillValid(runtime.store, metadata, table, days);
    if (valid.length === 0 || (await amendAll(runtime, table, valid))) return valid;
    days = valid;
  }
  return [];
}

/** false where one of the days has been overtaken, and so none was committed. */
async function amendAll(runtime: Runtime, table: Table, days: readonly ChangedDay[]): Promise<boolean> {
  const entries = await duplicateEntries(runtime, table.name, days);
  const change = { operation: 'overwrite', ...changeOf(days), summary: summaryOf(days) } as const;
  const isStillRight = async (loaded: LoadedTable): Promise<boolean> =>
    (await stillValid(runtime.store, loaded.metadata, table, days)).length === days.length;
  return amend(runtime, { operation: 'compact', table: table.name, change, entries, isStillRight });
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

/** Those whose rewriting is right on this version of the table, too. */
export async function stillValid<Day extends ChangedDay>(
  store: ObjectStore,
  metadata: TableMetadata,
  table: Table,
  days: readonly Day[],
): Promise<Day[]> {
  if (days.length === 0) return [];
  const all = days.map(({ plan }) => plan.day).sort(compareText);
  const files = await readTableFiles(store, metadata, { from: all[0]!, to: all.at(-1)! });
  const live = new Map(files.map((file) => [file.path, appliedDeletes([file])]));
  const areLive = (wanted: readonly KnownFile[]): boolean => {
    const known = new Set(appliedDeletes(wanted));
    return wanted.every(({ path }) => live.get(path)?.every((key) => known.has(key)));
  };
  return days.filter(({ plan, duplicates }) => {
    const known = new Set([...plan.inputs, ...plan.kept].map((file) => file.path));
    const isStrange = files.some((file) => file.ymd === plan.day && isCompacted(table, file) && !known.has(file.path));
    // A row was dropped for one in a file that stays: the row has to be there still.
    const keepsLast = duplicates.count === 0 || areLive(plan.kept);
    return areLive(plan.inputs) && keepsLast && !(table.hasIdentity && isStrange);
  });
}

const changeOf = (days: readonly ChangedDay[]) => ({
  add: days.flatMap(({ files }) => files),
  remove: days.flatMap(({ plan }) => plan.inputs.map((file) => file.path)),
  applied: appliedDeletes(days.flatMap(({ plan }) => plan.inputs)),
});

function summaryOf(days: readonly ChangedDay[]): Record<string, string> {
  const units = days.flatMap(({ unit }) => unit ?? []);
  return {
    [compactionProperty]: days.map(({ plan }) => plan.day).join(','),
    ...(units.length > 0 && { [unitsProperty]: units.join(',') }),
  };
}

async function load({ catalog }: Runtime, name: string): Promise<LoadedTable> {
  const loaded = await catalog.loadTable(name);
  if (loaded === undefined) throw new Error(`table ${name} was dropped during the run`);
  return loaded;
}
