/**
 * `job stage` of a day, or of a part of it: its files are rewritten as by a compaction on this machine, and the intent is put. Commits
 * nothing. A unit that is staged twice, or at the same time, has one intent, the one that was put first; each try gives
 * its files names of their own, and removes them where the intent of another one stands.
 */
import { snapshotById } from '../../iceberg/metadata.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { ColumnNotWritten } from '../../rewrite/stored-table.ts';
import { stillValid } from '../compact/commit.ts';
import { DayRows } from '../compact/day-rows.ts';
import { type OpenedTable, openTable, rewriteOptions } from '../compact/open.ts';
import { countedBy, type DayPart } from '../compact/parts.ts';
import { type DayPlan, sumBytes } from '../compact/plan.ts';
import { type RewrittenDay, rewriteDay } from '../compact/rewrite.ts';
import { isCommitted } from './compaction-commit.ts';
import { type CompactionCounts, type CompactionIntent, putCompaction, readCompaction } from './compaction-intent.ts';
import { replanDay } from './compaction-plan.ts';
import { type CompactOutcome, type CompactUnit, unitError } from './unit.ts';

export async function stageDay(runtime: Runtime, unit: CompactUnit, signal?: AbortSignal): Promise<CompactOutcome> {
  const { store, clock, config } = runtime;
  const begun = clock();
  const standing = await readCompaction(runtime, unit.id);
  if (standing !== undefined && standing.intent.until > begun)
    return { state: 'staged', counts: standing.intent.counts };
  const until = Date.parse(unit.until);
  // Nobody would commit it.
  if (until <= begun) return { state: 'overtaken' };
  const opened = await open(runtime, unit);
  const snapshot = snapshotById(opened.loaded.metadata, BigInt(unit.snapshot));
  if (snapshot === undefined) return over(runtime, unit, opened);
  const replanned = await replanDay(runtime, opened, unit, snapshot);
  if (replanned === undefined || opened.planned.sortOrderId === undefined)
    throw new Error(
      `${unit.table}, ${unit.day}: the plan of this unit was made by another configuration of compact, or another version; plan again`,
    );
  const { plan, part, group } = replanned;
  if (!(await isRight(runtime, opened, plan))) return over(runtime, unit, opened, group);
  let rewritten: RewrittenDay | undefined;
  const rows = new DayRows(opened.table);
  try {
    const options = rewriteOptions(config, runtime.uuid(), signal);
    rewritten = await rewriteDay(store, opened.loaded, opened.table, plan, rows, options, part);
  } catch (error) {
    if (error instanceof ColumnNotWritten) return { state: 'refused', error: unitError(error) };
    // Files of a version that is no longer current may be gone already.
    const current = await open(runtime, unit);
    if (await isRight(runtime, current, plan)) throw error;
    return over(runtime, unit, current, group);
  } finally {
    rows.release();
  }
  if (rewritten === undefined) return { state: 'unchanged' };
  // Later, `expire` may have taken the first of them for left behind.
  if (clock() - begun >= config.expire.graceSeconds * 1000)
    throw new Error(`${unit.table}, ${unit.day}: rewriting it took longer than expire.grace; nothing of it is used`);
  const own: CompactionIntent = {
    ...rewritten,
    unit: unit.id,
    table: unit.table,
    until,
    counts: countsOf(rewritten, part),
    ...(part && { part: { number: part.number, of: part.of, group, rows: plan.rows } }),
  };
  const intent = await putCompaction(runtime, own, standing);
  const needed = new Set(intent.files.map(({ path }) => path));
  await Promise.allSettled(own.files.map(({ path }) => (needed.has(path) ? undefined : store.delete(path))));
  return { state: 'staged', counts: intent.counts };
}

async function open(runtime: Runtime, { table }: CompactUnit): Promise<OpenedTable> {
  const opened = await openTable(runtime, table);
  if (opened === undefined) throw new Error(`table ${table} was dropped since the plan`);
  return opened;
}

/** Duplicates are not known yet, and the files that stay matter only where there are some. */
const isRight = async ({ store }: Runtime, { loaded, planned }: OpenedTable, plan: DayPlan): Promise<boolean> => {
  const unchanged = { plan, files: [], duplicates: { count: 0, byObject: new Map(), copies: new Map() } };
  return (await stillValid(store, loaded.metadata, planned, [unchanged])).length > 0;
};

/** The files of the unit are no longer there to be replaced: by its own commit, or by another writer. */
const over = async (
  runtime: Runtime,
  { id, day }: CompactUnit,
  { loaded }: OpenedTable,
  group = id,
): Promise<CompactOutcome> => ({
  state: (await isCommitted(runtime, loaded, { unit: group, day, files: [] })) ? 'settled' : 'overtaken',
});

function countsOf(
  { plan, files, rows, duplicates, deleted }: RewrittenDay,
  part: DayPart | undefined,
): CompactionCounts {
  const inputs = countedBy(part, plan.inputs);
  return {
    files: { before: inputs.length, after: files.length },
    bytes: { before: sumBytes(inputs), after: sumBytes(files) },
    rows,
    duplicates: duplicates.count,
    deleted,
  };
}
