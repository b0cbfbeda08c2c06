/**
 * `job plan --compact`: the days that a compaction would rewrite, as units. Nothing is claimed: what a unit is about are
 * the files of one snapshot, and they can be replaced only once. So planning is repeatable, the same files of a day
 * make a unit of the same id, and ordinary compactions may run beside it.
 */
import { createHash } from 'node:crypto';
import { UsageError } from '../../config/errors.ts';
import { currentSnapshot, type Snapshot, type TableMetadata } from '../../iceberg/metadata.ts';
import type { Range } from '../../iceberg/scan.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { parseDays } from '../../ingest/time-range.ts';
import { finishAmendments } from '../../ledger/amendment.ts';
import { cachedReads } from '../../store/cached-reads.ts';
import { compareText } from '../../text/order.ts';
import type { KnownFile } from '../compact/commit.ts';
import { openTable, rulesOf, withSortOrder } from '../compact/open.ts';
import { type DayPlan, planTable, type Refusal } from '../compact/plan.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import { type CompactUnit, newCompactUnit } from './unit.ts';

export interface PlanCompactionOptions {
  /** Names; all tables where omitted. */
  readonly tables?: readonly string[];
  /** UTC days, or times in them such as `yesterday` or `-7d`; both included. */
  readonly from?: string;
  readonly to?: string;
  /** How long what is staged is committed, in seconds from now. */
  readonly holdSeconds: number;
  /** Units of one manifest, at most. */
  readonly units: number;
  readonly signal?: AbortSignal;
  /** Told of what stays as it is, with the reason. */
  readonly onRefused?: (refusal: Refusal) => void;
}

export async function* planCompaction(runtime: Runtime, options: PlanCompactionOptions): AsyncGenerator<CompactUnit> {
  const { catalog, clock } = runtime;
  const now = clock();
  const range = parseDays(options, { now });
  const until = new Date(now + options.holdSeconds * 1000).toISOString();
  const existing = await catalog.listTables();
  const unknown = options.tables?.find((name) => !existing.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no table ${unknown} in the catalog; there are: ${existing.join(', ')}`);
  await expectOwnWarehouse(runtime);
  await finishAmendments(runtime);
  let count = 0;
  for (const name of options.tables ?? existing) {
    try {
      for (const { plan, snapshot } of await planDays(runtime, name, range, options.onRefused)) {
        options.signal?.throwIfAborted();
        const { table, day, reasons, inputs, bytes, rows } = plan;
        yield newCompactUnit({
          unit: count++,
          table,
          day,
          id: unitId(snapshot.table, plan),
          snapshot: String(snapshot.id),
          reasons,
          files: inputs.length,
          bytes,
          rows,
          until,
        });
        if (count === options.units) return;
      }
    } catch (error) {
      if (!isTableFault(error)) throw error;
      options.onRefused?.({ table: name, day: null, reason: error.message, fault: true });
    }
  }
}

interface PlannedOn {
  readonly plan: DayPlan;
  readonly snapshot: { readonly table: string; readonly id: bigint };
}

async function planDays(
  runtime: Runtime,
  name: string,
  range: Range<string>,
  onRefused: PlanCompactionOptions['onRefused'],
): Promise<PlannedOn[]> {
  const opened = await openTable(runtime, name);
  if (opened === undefined) return [];
  const { metadata } = opened.loaded;
  const snapshot = currentSnapshot(metadata);
  if (snapshot === undefined) return [];
  const files = await readTableFiles(cachedReads(runtime.store), metadata, range);
  const { days, suspects, refused } = planTable(opened.planned, files, rulesOf(runtime.config));
  for (const refusal of refused) onRefused?.(refusal);
  const work = [...days, ...suspects].sort((a, b) => compareText(a.day, b.day));
  // Those who stage give it to their files.
  if (work.length > 0 && opened.planned.sortOrderId === undefined) await withSortOrder(runtime, opened);
  const on = { table: metadata['table-uuid'], id: snapshot['snapshot-id'] };
  return work.map((plan) => ({ plan, snapshot: on }));
}

/** The unit of a day again, from the files of the snapshot that it was planned on. */
export async function replanDay(
  { config, store }: Pick<Runtime, 'config' | 'store'>,
  { planned, loaded: { metadata } }: Pick<NonNullable<Awaited<ReturnType<typeof openTable>>>, 'planned' | 'loaded'>,
  { day, id }: Pick<CompactUnit, 'day' | 'id'>,
  snapshot: Snapshot,
): Promise<DayPlan | undefined> {
  const files = await readTableFiles(store, metadata, { from: day, to: day }, snapshot);
  const { days, suspects } = planTable(planned, files, rulesOf(config));
  return [...days, ...suspects].find((plan) => unitId(metadata['table-uuid'], plan) === id);
}

/** Of what decides the outcome: the files that go, those whose rows count, and the deletes that are known of. */
export function unitId(tableUuid: TableMetadata['table-uuid'], { day, reasons, inputs, kept }: DayPlan): string {
  const digest = createHash('sha256').update(JSON.stringify([tableUuid, day, reasons.length > 0]));
  const add = (sign: string, { path, deletes }: KnownFile): void => {
    digest.update(JSON.stringify([sign, path, ...deletes.map(({ key }) => key).sort(compareText)]));
  };
  for (const file of inputs) add('-', file);
  for (const file of kept) add('=', file);
  return digest.digest('hex').slice(0, 32);
}
