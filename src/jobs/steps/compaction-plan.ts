/**
 * `job plan --compact`: the days that a compaction would rewrite, or parts of them where they are large, as units. Nothing is claimed: what a unit is about are
 * the files of one snapshot, and they can be replaced only once. So planning is repeatable, the same files of a day
 * make a unit of the same id, and ordinary compactions may run beside it.
 */
import { createHash } from 'node:crypto';
import type { Config } from '../../config/config.ts';
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
import { type OpenedTable, openTable, rulesOf, withSortOrder } from '../compact/open.ts';
import { countedBy, cutDay, type DayPart, type PartKey } from '../compact/parts.ts';
import { type DayPlan, planTable, type Refusal, sumBytes } from '../compact/plan.ts';
import { readTableFiles } from '../rewrite/live-files.ts';
import { type CompactUnit, newCompactUnit } from './unit.ts';

export interface PlanCompactionOptions {
  /** Names; all tables where omitted. */
  readonly tables?: readonly string[];
  /** UTC days, or times in them such as `yesterday` or `-7d`; both included. */
  readonly from?: string;
  readonly to?: string;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string;
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
      for (const { plan, parts, snapshot } of await planDays(runtime, name, range, options.onRefused)) {
        options.signal?.throwIfAborted();
        const { table, day, reasons } = plan;
        // Nothing of a day is committed before all of its parts are staged.
        if (count > 0 && count + parts.length > options.units) return;
        for (const part of parts.length > options.units ? [undefined] : parts) {
          const own = countedBy(part, plan.inputs);
          yield newCompactUnit({
            unit: count++,
            table,
            day,
            ...(part && { part: part.number, parts: part.of }),
            id: unitId(snapshot.table, plan, part),
            snapshot: String(snapshot.id),
            reasons,
            files: own.length,
            bytes: sumBytes(own),
            rows: own.reduce((sum, { recordCount }) => sum + recordCount, 0),
            until,
          });
          if (count === options.units) return;
        }
      }
    } catch (error) {
      if (!isTableFault(error)) throw error;
      options.onRefused?.({ table: name, day: null, reason: error.message, fault: true });
    }
  }
}

interface PlannedOn {
  readonly plan: DayPlan;
  /** undefined is all of the day. */
  readonly parts: readonly (DayPart | undefined)[];
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
  return work.map((plan) => ({ plan, parts: partsOf(plan, opened.partKey, runtime.config), snapshot: on }));
}

function partsOf(
  plan: DayPlan,
  key: PartKey | undefined,
  { compact }: Pick<Config, 'compact'>,
): readonly (DayPart | undefined)[] {
  const parts = cutDay(plan, key, compact.partBytes);
  return parts.length === 0 ? [undefined] : parts;
}

export interface ReplannedDay {
  /** Of the whole day. */
  readonly plan: DayPlan;
  readonly part: DayPart | undefined;
  /** What it is committed as: the unit, or the day that it is a part of. */
  readonly group: string;
}

/** The unit of a day again, from the files of the snapshot that it was planned on. */
export async function replanDay(
  { config, store }: Pick<Runtime, 'config' | 'store'>,
  { planned, partKey, loaded: { metadata } }: Pick<OpenedTable, 'planned' | 'partKey' | 'loaded'>,
  unit: Pick<CompactUnit, 'day' | 'id' | 'part'>,
  snapshot: Snapshot,
): Promise<ReplannedDay | undefined> {
  const table = metadata['table-uuid'];
  const files = await readTableFiles(store, metadata, { from: unit.day, to: unit.day }, snapshot);
  const { days, suspects } = planTable(planned, files, rulesOf(config));
  for (const plan of [...days, ...suspects]) {
    // Where the plan could not give all of the parts, it gave the whole.
    const part = unit.part === undefined ? undefined : partsOf(plan, partKey, config)[unit.part];
    if (unitId(table, plan, part) === unit.id) return { plan, part, group: groupId(table, plan, part) };
  }
  return undefined;
}

/** Of what decides the outcome: the files that go, those whose rows count, the deletes that are known of, and the part. */
function unitId(table: TableMetadata['table-uuid'], plan: DayPlan, part?: DayPart): string {
  const group = groupId(table, plan, part);
  if (part === undefined) return group;
  const { number, from, to } = part;
  return digestOf(JSON.stringify([group, number, String(from), String(to)]));
}

/** The same for all parts of a day. */
function groupId(table: TableMetadata['table-uuid'], { day, reasons, inputs, kept }: DayPlan, part?: DayPart): string {
  const lines: unknown[] = [[table, day, reasons.length > 0]];
  if (part !== undefined) lines.push(['parts', part.of, part.key.column, String(part.key.unit)]);
  const add = (sign: string, { path, deletes }: KnownFile): void => {
    lines.push([sign, path, ...deletes.map(({ key }) => key).sort(compareText)]);
  };
  for (const file of inputs) add('-', file);
  for (const file of kept) add('=', file);
  return digestOf(lines.map((line) => JSON.stringify(line)).join(''));
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
