/**
 * A day that is too large for one machine, cut into parts by the first key of its order: each part has the rows of a range of
 * times. Rows that are the same record have the same time, so a part finds all of its duplicates by itself, and files of
 * different parts cover times apart from each other. Pure: the same files give the same parts.
 */
import type { ColumnData } from '../../columns/batch.ts';
import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { LiveFile } from '../../iceberg/scan.ts';
import { fieldsByName } from '../../iceberg/schema.ts';
import { decodeValue } from '../../iceberg/values.ts';
import type { CompactionTable } from '../../rewrite/stored-table.ts';
import { sequences } from '../../tables/sequences.ts';
import { type RowsOf, slotValue } from '../rewrite/duplicates.ts';
import type { DayPlan } from './plan.ts';

/** By what days of a table can be cut. */
export interface PartKey {
  /** A timestamp. */
  readonly column: string;
  readonly fieldId: number;
  /** Cuts are multiples of it, in microseconds: rows that the order does not tell apart stay together. */
  readonly unit: bigint;
}

export interface DayPart {
  /** From 0. */
  readonly number: number;
  readonly of: number;
  readonly key: PartKey;
  /** Microseconds since the epoch, included; the first part has none, and the rows without a time. */
  readonly from: bigint | undefined;
  /** Not included; the last part has none. */
  readonly to: bigint | undefined;
}

const microsPerSecond = 1_000_000n;
const mostParts = 1000;

/** undefined where a day is for one machine: the table is in another order, or its rows mean a union. */
export function partKeyOf(
  { metadata }: LoadedTable,
  { declaration, clustering: [first] }: CompactionTable,
): PartKey | undefined {
  const type = declaration.columns.find(({ name }) => name === first?.column)?.type;
  const fieldId = first && fieldsByName(metadata).get(first.column)?.id;
  if (first === undefined || fieldId === undefined || type !== 'timestamp' || declaration.name === sequences.name)
    return undefined;
  return {
    column: first.column,
    fieldId,
    unit: first.transform === 'hour' ? 3600n * microsPerSecond : microsPerSecond,
  };
}

/** None where the day is small enough, or cannot be cut. A day that is only suspected of duplicates is never cut. */
export function cutDay(
  { inputs, bytes, reasons }: Pick<DayPlan, 'inputs' | 'bytes' | 'reasons'>,
  key: PartKey | undefined,
  partBytes: number,
): DayPart[] {
  if (key === undefined || reasons.length === 0 || bytes <= partBytes) return [];
  const spans: Span[] = [];
  for (const file of inputs) {
    const [from, to] = boundsOf(file, key);
    if (from === undefined || to === undefined || to < from) return [];
    spans.push({ from, to, bytes: file.fileSize });
  }
  const cuts = evenCuts(spans, Math.min(mostParts, Math.ceil(bytes / partBytes)), key.unit);
  if (cuts.length === 0) return [];
  return [...cuts, undefined].map((to, number) => ({ number, of: cuts.length + 1, key, from: cuts[number - 1], to }));
}

interface Span {
  readonly from: bigint;
  readonly to: bigint;
  readonly bytes: number;
}

/** Times at which some `parts` of about the same size end, as if the bytes of each span lay evenly in it. */
function evenCuts(spans: readonly Span[], parts: number, unit: bigint): bigint[] {
  let begin = spans[0]!.from;
  for (const { from } of spans) if (from < begin) begin = from;
  const total = spans.reduce((sum, { bytes }) => sum + bytes, 0);
  /** What begins at a time: bytes, and bytes for each microsecond from then on. */
  const steps = spans.flatMap(({ from, to, bytes }) => {
    const [at, end] = [Number(from - begin), Number(to - begin)];
    if (at === end) return [{ at, bytes, rate: 0 }];
    const rate = bytes / (end - at);
    return [
      { at, bytes: 0, rate },
      { at: end, bytes: 0, rate: -rate },
    ];
  });
  steps.sort((a, b) => a.at - b.at);
  const cuts: bigint[] = [];
  let [time, seen, rate] = [0, 0, 0];
  for (const step of steps) {
    for (let wanted = wantedAfter(); rate > 0 && seen + rate * (step.at - time) >= wanted; wanted = wantedAfter()) {
      time += Math.max(0, (wanted - seen) / rate);
      seen = wanted;
      cut(time);
    }
    seen += rate * (step.at - time) + step.bytes;
    time = step.at;
    rate += step.rate;
    while (step.bytes > 0 && seen >= wantedAfter()) cut(step.at);
  }
  return [...new Set(cuts)].filter((at) => at > begin);

  function wantedAfter(): number {
    return cuts.length + 1 < parts ? ((cuts.length + 1) * total) / parts : Number.POSITIVE_INFINITY;
  }
  function cut(at: number): void {
    cuts.push(floor(begin + BigInt(Math.floor(at)), unit));
  }
}

const floor = (value: bigint, unit: bigint): bigint => value - (((value % unit) + unit) % unit);

type Bounds = readonly [from: bigint | undefined, to: bigint | undefined];

/** As the manifest has them. */
function boundsOf({ lowerBounds, upperBounds }: LiveFile, { fieldId }: PartKey): Bounds {
  const timeOf = (bytes: Uint8Array | undefined): bigint | undefined => {
    const value = bytes && decodeValue('timestamp', bytes);
    return typeof value === 'bigint' ? value : undefined;
  };
  return [timeOf(lowerBounds.get(fieldId)), timeOf(upperBounds.get(fieldId))];
}

const isIn = ({ from, to }: DayPart, time: bigint): boolean =>
  (from === undefined || time >= from) && (to === undefined || time < to);

/** Whether a file may hold rows of the part. */
export function mayHold(part: DayPart, file: LiveFile): boolean {
  const [from, to] = boundsOf(file, part.key);
  if (from === undefined || to === undefined || (part.from === undefined && mayHoldNulls(part, file))) return true;
  return (part.to === undefined || from < part.to) && (part.from === undefined || to >= part.from);
}

/** The files that count as those of the part, or of the day: one that has rows of several parts is counted by one of them. */
export function countedBy(part: DayPart | undefined, files: readonly LiveFile[]): readonly LiveFile[] {
  if (part === undefined) return files;
  return files.filter((file) => {
    const [from] = boundsOf(file, part.key);
    return from === undefined ? part.from === undefined : isIn(part, from);
  });
}

const mayHoldNulls = ({ key }: DayPart, { nullCounts }: LiveFile): boolean => (nullCounts.get(key.fieldId) ?? 1) > 0;

/** 1 for each row of the file that is not in the part; undefined where all are, as the manifest says. */
export async function rowsOutside(part: DayPart, file: LiveFile, rowsOf: RowsOf, { declaration }: CompactionTable) {
  const [from, to] = boundsOf(file, part.key);
  const isAllIn = from !== undefined && to !== undefined && isIn(part, from) && isIn(part, to);
  if (isAllIn && (part.from === undefined || !mayHoldNulls(part, file))) return undefined;
  const columns = declaration.columns.filter(({ name }) => name === part.key.column);
  const outside = new Uint8Array(file.recordCount);
  for await (const some of rowsOf(file)) {
    const data = (await some.read(columns)).get(part.key.column);
    for (let row = 0; row < some.rows; row++) outside[some.firstRow + row] = isRowIn(part, data, row) ? 0 : 1;
  }
  return outside;
}

function isRowIn(part: DayPart, data: ColumnData | undefined, row: number): boolean {
  const time = slotValue(data, row);
  return typeof time === 'bigint' ? isIn(part, time) : part.from === undefined;
}
