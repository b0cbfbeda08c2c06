/**
 * `job commit` of days: every intent of compaction that stands is carried out, many in a snapshot of each table, and
 * removed. Those whose files another writer has changed meanwhile are given up. Safe to repeat, and to run beside other
 * commits: the files that a unit replaces can be taken out of a table only once.
 */

import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { finishAmendments } from '../../ledger/amendment.ts';
import { canonical } from '../../store/places.ts';
import { commitDays, dropDanglingDeletes, unitsProperty } from '../compact/commit.ts';
import { openTable } from '../compact/open.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import {
  addCompacted,
  type CompactionCounts,
  type CompactionIntent,
  nothingCompacted,
  removeCompaction,
  standingCompactions,
} from './compaction-intent.ts';

export interface CompactionsReport {
  readonly units: {
    /** By this run, or by one that has left its intent behind. */
    readonly committed: number;
    /** Other writers have changed their files: nothing of these was or will be committed. */
    readonly overtaken: number;
    /** Staged too late to be committed; `expire` removes their files. */
    readonly late: number;
  };
  /** Of the units that are committed. */
  readonly counts: CompactionCounts;
}

/** Of one snapshot, at most: its summary names the units, and its files go into one manifest. */
const mostUnits = 64;
const mostFiles = 10_000;

export async function commitCompactions(runtime: Runtime): Promise<CompactionsReport> {
  const now = runtime.clock();
  const standing: CompactionIntent[] = [];
  let late = 0;
  for await (const { intent } of standingCompactions(runtime)) {
    if (intent.until > now) standing.push(intent);
    else late++;
  }
  if (standing.length > 0) await finishAmendments(runtime);
  const committed: CompactionIntent[] = [];
  const overtaken: CompactionIntent[] = [];
  for (const [table, intents] of Map.groupBy(standing, (intent) => intent.table)) {
    for (const group of groupsOf(intents)) {
      const done = await commitGroup(runtime, table, group);
      committed.push(...done.committed);
      overtaken.push(...done.overtaken);
    }
    if (committed.some((intent) => intent.table === table)) await dropDanglingDeletes(runtime, table);
  }
  return {
    units: { committed: committed.length, overtaken: overtaken.length, late },
    counts: committed.reduce((sum, { counts }) => addCompacted(sum, counts), nothingCompacted),
  };
}

async function commitGroup(runtime: Runtime, table: string, group: readonly CompactionIntent[]) {
  const before = await openTable(runtime, table);
  if (before === undefined) throw new Error(`table ${table} was dropped since its units were planned`);
  const { committed, overtaken } = await commitDays(runtime, before.planned, group);
  const done = [...committed];
  const given: CompactionIntent[] = [];
  if (overtaken.length > 0) {
    const after = await openTable(runtime, table);
    for (const intent of overtaken) {
      const { unit, plan, files } = intent;
      const isDone = after && (await isCommitted(runtime, after.loaded, { unit, day: plan.day, files }));
      (isDone ? done : given).push(intent);
    }
  }
  await Promise.all(group.map(({ unit }) => removeCompaction(runtime, unit)));
  return { committed: done, overtaken: given };
}

/** Whether a unit that cannot be committed any more is in the table already: a snapshot names it, or its files are live. */
export async function isCommitted(
  { store }: Pick<Runtime, 'store'>,
  { metadata }: LoadedTable,
  { unit, day, files }: { readonly unit: string; readonly day: string; readonly files: readonly DataFile[] },
): Promise<boolean> {
  if (metadata.snapshots.some(({ summary }) => summary[unitsProperty]?.split(',').includes(unit))) return true;
  if (files.length === 0) return false;
  const own = new Set(files.map(({ path }) => canonical(path)));
  const live = await readTableFiles(store, metadata, { from: day, to: day });
  return live.some(({ path }) => own.has(canonical(path)));
}

function* groupsOf(intents: readonly CompactionIntent[]): Generator<CompactionIntent[]> {
  let group: CompactionIntent[] = [];
  let files = 0;
  for (const intent of intents) {
    const more = intent.plan.inputs.length + intent.files.length;
    if (group.length === mostUnits || (group.length > 0 && files + more > mostFiles)) {
      yield group;
      [group, files] = [[], 0];
    }
    group.push(intent);
    files += more;
  }
  if (group.length > 0) yield group;
}
