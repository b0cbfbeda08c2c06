import type { EncodedFile } from '../parquet/encoder.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { currentSchema, type TableMetadata } from './metadata.ts';
import { sortOrderIdOf } from './schema.ts';
import { hasBounds, manifestLowerBound, manifestUpperBound } from './values.ts';

/**
 * A Parquet data file as a manifest describes it (Iceberg spec, "Manifests", data_file): where it is, its partition,
 * and the counts and bounds by which readers skip it. Maps are by field id of leaf columns.
 */
export interface DataFile {
  readonly path: string;
  readonly ymd: string;
  readonly recordCount: number;
  readonly fileSize: number;
  readonly columnSizes: ReadonlyMap<number, number>;
  readonly valueCounts: ReadonlyMap<number, number>;
  readonly nullCounts: ReadonlyMap<number, number>;
  /** Single values in binary; strings cut to 16 code points unless the table keeps their bounds whole. */
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>;
  readonly upperBounds: ReadonlyMap<number, Uint8Array>;
  /** Row groups at which readers may split the file. */
  readonly splitOffsets: readonly number[];
  /** 0: unsorted. */
  readonly sortOrderId: number;
}

export interface WrittenFile {
  readonly path: string;
  readonly ymd: string;
  readonly encoded: EncodedFile;
  readonly metadata: TableMetadata;
  /** Rows are sorted by its `sortedBy`. */
  readonly declaration: TableDeclaration;
}

/** Describes a file that was encoded with the columns of `fileColumns(metadata, declaration)`. */
export function dataFile({ path, ymd, encoded, metadata, declaration }: WrittenFile): DataFile {
  const lowerBounds = new Map<number, Uint8Array>();
  const upperBounds = new Map<number, Uint8Array>();
  const full = new Set(declaration.fullBounds);
  for (const field of currentSchema(metadata).fields) {
    const stats = encoded.columns.get(field.id);
    if (stats === undefined || typeof field.type !== 'string' || !hasBounds(field.type)) continue;
    if (stats.min !== undefined)
      lowerBounds.set(field.id, manifestLowerBound(field.type, stats.min, full.has(field.name)));
    const upper = stats.max === undefined ? undefined : manifestUpperBound(field.type, stats.max, full.has(field.name));
    if (upper !== undefined) upperBounds.set(field.id, upper);
  }
  const counts = (of: 'compressedSize' | 'valueCount' | 'nullCount') =>
    new Map([...encoded.columns].map(([id, stats]) => [id, stats[of]] as const).sort(([a], [b]) => a - b));
  return {
    path,
    ymd,
    recordCount: encoded.rows,
    fileSize: encoded.size,
    columnSizes: counts('compressedSize'),
    valueCounts: counts('valueCount'),
    nullCounts: counts('nullCount'),
    ...packed({ lowerBounds, upperBounds }),
    splitOffsets: splitsAt(encoded.splitOffsets),
    sortOrderId: sortOrderIdOf(metadata, declaration.sortedBy),
  };
}

type Bounds = Pick<DataFile, 'lowerBounds' | 'upperBounds'>;

/**
 * The same bounds in memory of their own. A few bytes that are part of a larger buffer keep all of it, and a commit may
 * have thousands of files.
 */
function packed({ lowerBounds, upperBounds }: Bounds): Bounds {
  const bytes = Buffer.concat([...lowerBounds.values(), ...upperBounds.values()]);
  const own = Uint8Array.from(bytes);
  let at = 0;
  const moved = (bounds: ReadonlyMap<number, Uint8Array>): ReadonlyMap<number, Uint8Array> => {
    const all = new Map<number, Uint8Array>();
    for (const [id, { length }] of bounds) {
      all.set(id, own.subarray(at, at + length));
      at += length;
    }
    return all;
  };
  return { lowerBounds: moved(lowerBounds), upperBounds: moved(upperBounds) };
}

const leastSplitBytes = 64 << 20;

/**
 * Not every row group: engines that plan one split for each offset, as Trino does, read the footer again in each, which
 * with small row groups is more than the columns that they want.
 */
function splitsAt(rowGroups: readonly number[]): number[] {
  const splits: number[] = [];
  for (const offset of rowGroups) {
    const last = splits.at(-1);
    if (last === undefined || offset - last >= leastSplitBytes) splits.push(offset);
  }
  return splits;
}

/** As JSON: maps as objects by field id, bounds in base64. */
export interface DataFileJson {
  readonly path: string;
  readonly ymd: string;
  readonly recordCount: number;
  readonly fileSize: number;
  readonly columnSizes: Readonly<Record<string, number>>;
  readonly valueCounts: Readonly<Record<string, number>>;
  readonly nullCounts: Readonly<Record<string, number>>;
  readonly lowerBounds: Readonly<Record<string, string>>;
  readonly upperBounds: Readonly<Record<string, string>>;
  readonly splitOffsets: readonly number[];
  readonly sortOrderId: number;
}

export function dataFileToJson(file: DataFile): DataFileJson {
  return {
    ...file,
    columnSizes: Object.fromEntries(file.columnSizes),
    valueCounts: Object.fromEntries(file.valueCounts),
    nullCounts: Object.fromEntries(file.nullCounts),
    lowerBounds: base64(file.lowerBounds),
    upperBounds: base64(file.upperBounds),
  };
}

export function dataFileFromJson(json: DataFileJson): DataFile {
  return {
    ...json,
    columnSizes: byId(json.columnSizes, (value) => value),
    valueCounts: byId(json.valueCounts, (value) => value),
    nullCounts: byId(json.nullCounts, (value) => value),
    lowerBounds: byId(json.lowerBounds, fromBase64),
    upperBounds: byId(json.upperBounds, fromBase64),
  };
}

const base64 = (bounds: ReadonlyMap<number, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...bounds].map(([id, bytes]) => [id, Buffer.from(bytes).toString('base64')]));

/** In memory of their own, as above. */
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));

const byId = <V, T>(object: Readonly<Record<string, V>>, convert: (value: V) => T): Map<number, T> =>
  new Map(Object.entries(object).map(([id, value]) => [Number(id), convert(value)]));
