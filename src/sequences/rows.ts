/** A row of the table `sequences`, as code has it and as it is stored; and a set of any size as rows. */
import { createHash } from 'node:crypto';
import type { Value } from '../columns/types.ts';
import { sequences } from '../tables/sequences.ts';
import { type RequestUse, requestUses } from './evidence.ts';
import { countOf, gapsOf, type NumberRange } from './number-set.ts';

/** Numbers of records that have arrived. */
export const arrivedKinds = ['decision', 'quarantined'] as const;
export type SequenceKind = (typeof arrivedKinds)[number] | RequestUse;

/** What a number was used for, where the row is what the producer's own log says of it. */
export const useOfKind = (kind: string): RequestUse | undefined => requestUses.find((use) => use === kind);

/** Of whom and when the numbers are. */
export interface SequenceOwner {
  readonly ymd: string;
  readonly source: string;
  readonly instanceKey: bigint;
  /** null where records do not say, or say it with a text that is empty or longer than `longestInstance`. */
  readonly instance: string | null;
  readonly kind: SequenceKind;
  /** null: of several batches. */
  readonly batch: string | null;
  /** Microseconds since the epoch, of the records. */
  readonly firstTime: number;
  readonly lastTime: number;
}

export interface SequenceRow extends SequenceOwner {
  /** The numbers; empty for records without. Ascending, and no two touch. */
  readonly ranges: readonly NumberRange[];
}

/** Characters of a name. It is repeated in every row, and outsiders choose it. */
export const longestInstance = 200;
/** A row with more is cut in two, so that no row is large. */
const mostGaps = 1000;

/**
 * What `instance_key` has for an instance. Six bytes tell millions of instances apart and take half the space of eight
 * in files; someone who makes two names share a key could as well write under the other name.
 */
export const instanceKey = (instance: string | null): bigint =>
  instance === null ? 0n : BigInt(createHash('sha256').update(instance).digest().readUIntBE(0, 6));

/** One row, or as many as its gaps need, as values in the order of the table. */
export function* toRows(row: SequenceRow): Generator<Value[]> {
  const { ranges } = row;
  if (ranges.length === 0) yield valuesOf(row, []);
  for (let at = 0; at < ranges.length; at += mostGaps + 1) yield valuesOf(row, ranges.slice(at, at + mostGaps + 1));
}

function valuesOf(row: SequenceOwner, ranges: readonly NumberRange[]): Value[] {
  const gaps = gapsOf(ranges).flatMap(([first, last]) => [BigInt(first), BigInt(last - first + 1)]);
  const values: Record<string, Value> = {
    ymd: row.ymd,
    source: row.source,
    instance_key: row.instanceKey,
    kind: row.kind,
    first: ranges.length === 0 ? null : BigInt(ranges[0]![0]),
    count: BigInt(countOf(ranges)),
    gaps: gaps.length === 0 ? null : gaps,
    last: ranges.length === 0 ? null : BigInt(ranges.at(-1)![1]),
    first_time: timeOf(row.firstTime),
    last_time: timeOf(row.lastTime),
    batch: row.batch,
    instance_id: row.instance,
  };
  return sequences.columns.map(({ name }) => values[name] as Value);
}

/** Beyond the year 2255 numbers are rounded to some microseconds; up from the last one of 9999, to a year that readers do not have. */
const timeOf = (micros: number): bigint => {
  const time = BigInt(micros);
  return time > lastTime ? lastTime : time;
};
const lastTime = 253_402_300_799_999_999n;

/** The numbers that a row stands for, by its columns `first`, `count` and `gaps`: `last` follows from them. */
export function rangesOfRow(row: Readonly<Record<string, unknown>>): NumberRange[] {
  if (row.first === null || row.first === undefined) return [];
  const gaps = (row.gaps ?? []) as readonly bigint[];
  const ranges: NumberRange[] = [];
  let first = Number(row.first);
  let rest = Number(row.count);
  for (let i = 0; i < gaps.length; i += 2) {
    const start = Number(gaps[i]);
    ranges.push([first, start - 1]);
    rest -= start - first;
    first = start + Number(gaps[i + 1]);
  }
  ranges.push([first, first + rest - 1]);
  return ranges;
}

/** A row of the table as it is read. */
export function fromRow(row: Readonly<Record<string, unknown>>): SequenceRow {
  return {
    ymd: String(row.ymd),
    source: String(row.source),
    instanceKey: row.instance_key as bigint,
    instance: (row.instance_id as string | null) ?? null,
    kind: row.kind as SequenceKind,
    batch: (row.batch as string | null) ?? null,
    firstTime: Number(row.first_time),
    lastTime: Number(row.last_time),
    ranges: rangesOfRow(row),
  };
}
