/**
 * `job commit` of days: every intent of compaction that stands is carried out, many in a snapshot of each table, and
 * removed; those of the parts of a day together, when all of them stand. Those whose files another writer has changed meanwhile are given up. Safe to repeat, and to run beside other
 * commits: the files that a unit replaces can be taken out of a table only once.
 */

import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { lostAmong } from '../../iceberg/files.ts';
import { AccountingError, increase } from '../../ingest/object-counts.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { finishAmendments } from '../../ledger/amendment.ts';
import { canonical } from '../../store/places.ts';
import { type ChangedDay, commitDays, dropDanglingDeletes, stillValid, unitsProperty } from '../compact/commit.ts';
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
    const days = daysOf(intents);
    for (const group of groupsOf(days.filter(isWhole))) {
      const done = await commitGroup(runtime, table, group);
      committed.push(...done.committed.flatMap((day) => day.intents));
      overtaken.push(...done.overtaken.flatMap((day) => day.intents));
    }
    const left = await removeLeftParts(
      runtime,
      table,
      days.filter((day) => !isWhole(day)),
    );
    committed.push(...left.committed);
    overtaken.push(...left.overtaken);
    if (committed.some((intent) => intent.table === table)) await dropDanglingDeletes(runtime, table);
  }
  return {
    units: { committed: committed.length, overtaken: overtaken.length, late },
    counts: committed.reduce((sum, { counts }) => addCompacted(sum, counts), nothingCompacted),
  };
}

/** What is committed together: a unit, or all parts of a day. */
interface StagedDay extends ChangedDay {
  readonly unit: string;
  readonly intents: readonly CompactionIntent[];
}

const isWhole = ({ intents }: StagedDay): boolean => intents.length === (intents[0]!.part?.of ?? 1);

function daysOf(intents: readonly CompactionIntent[]): StagedDay[] {
  const groups = Map.groupBy(intents, ({ unit, part }) => part?.group ?? unit);
  return [...groups].map(([unit, parts]) => {
    const byObject = new Map<string, number>();
    const copies = new Map<string, number>();
    for (const { duplicates } of parts) {
      for (const [uri, rows] of duplicates.byObject) increase(byObject, uri, rows);
      for (const [uri, rows] of duplicates.copies) increase(copies, uri, rows);
    }
    const count = parts.reduce((sum, { duplicates }) => sum + duplicates.count, 0);
    const files = parts.flatMap((part) => part.files);
    return { unit, intents: parts, plan: parts[0]!.plan, files, duplicates: { count, byObject, copies } };
  });
}

async function commitGroup(runtime: Runtime, table: string, group: readonly StagedDay[]) {
  const before = await openTable(runtime, table);
  if (before === undefined) throw new Error(`table ${table} was dropped since its units were planned`);
  group.forEach(expectAllRows);
  const lost = await lostAmong(
    runtime.store,
    group.flatMap(({ files }) => files),
  );
  const isLost = new Set(lost);
  const whole = group.filter(({ files }) => !files.some((file) => isLost.has(file)));
  const { committed } = await commitDays(runtime, before.planned, whole);
  const done = [...committed];
  const overtaken = group.filter((day) => !done.includes(day));
  const given: StagedDay[] = [];
  if (overtaken.length > 0) {
    const after = await openTable(runtime, table);
    for (const day of overtaken) {
      const { unit, plan, files } = day;
      const isDone = after && (await isCommitted(runtime, after.loaded, { unit, day: plan.day, files }));
      (isDone ? done : given).push(day);
    }
  }
  await Promise.all(group.flatMap(({ intents }) => intents.map(({ unit }) => removeCompaction(runtime, unit))));
  return { committed: done, overtaken: given };
}

/** Each row of the day is in one part, as far as the bounds in the manifests were right. */
function expectAllRows({ plan, intents }: StagedDay): void {
  const expected = intents[0]!.part?.rows;
  const found = intents.reduce((sum, { counts }) => sum + counts.rows, 0);
  if (expected !== undefined && found !== expected)
    throw new AccountingError(
      `${intents[0]!.table}, ${plan.day}: its parts have ${found} rows, and its files ${expected} by the table's manifest; ` +
        'nothing of it is committed: compact the day as a whole, with a larger compact.part_bytes',
    );
}

/**
 * Of days whose parts do not all stand: those that wait for nothing. Either a commit has died before it had removed all of the
 * intents, or others have changed the files of the day.
 */
async function removeLeftParts(runtime: Runtime, table: string, days: readonly StagedDay[]) {
  const committed: CompactionIntent[] = [];
  const overtaken: CompactionIntent[] = [];
  const opened = days.length === 0 ? undefined : await openTable(runtime, table);
  if (opened === undefined) return { committed, overtaken };
  const { loaded, planned } = opened;
  const valid = new Set(await stillValid(runtime.store, loaded.metadata, planned, days));
  for (const day of days) {
    if (valid.has(day)) continue;
    const { unit, plan, files, intents } = day;
    const isDone = await isCommitted(runtime, loaded, { unit, day: plan.day, files });
    (isDone ? committed : overtaken).push(...intents);
    for (const intent of intents) await removeCompaction(runtime, intent.unit);
  }
  return { committed, overtaken };
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

function* groupsOf(days: readonly StagedDay[]): Generator<StagedDay[]> {
  let group: StagedDay[] = [];
  let files = 0;
  for (const day of days) {
    const more = day.plan.inputs.length + day.files.length;
    if (group.length === mostUnits || (group.length > 0 && files + more > mostFiles)) {
      yield group;
      [group, files] = [[], 0];
    }
    group.push(day);
    files += more;
  }
  if (group.length > 0) yield group;
}
