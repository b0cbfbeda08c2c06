import type { EncodedFile } from '../parquet/encoder.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { currentSchema, type TableMetadata } from './metadata.ts';
import { sortOrderIdOf } from './schema.ts';
import { byteStrings, longs, MapWriter, StoredMap } from './stored-map.ts';
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
  const byId = [...encoded.columns].sort(([a], [b]) => a - b);
  const counts = (of: 'compressedSize' | 'valueCount' | 'nullCount') =>
    new Map(byId.map(([id, stats]) => [id, stats[of]]));
  return {
    path,
    ymd,
    recordCount: encoded.rows,
    fileSize: encoded.size,
    ...packed({
      columnSizes: counts('compressedSize'),
      valueCounts: counts('valueCount'),
      nullCounts: counts('nullCount'),
      lowerBounds,
      upperBounds,
    }),
    splitOffsets: splitsAt(encoded.splitOffsets),
    sortOrderId: sortOrderIdOf(metadata, declaration.sortedBy),
  };
}

type Maps = Pick<DataFile, 'columnSizes' | 'valueCounts' | 'nullCounts' | 'lowerBounds' | 'upperBounds'>;

/**
 * The same maps, all in one piece of memory of their own. As Maps they take ten times as much, a few bytes that are part of a
 * larger buffer keep all of it, and a commit may have thousands of files.
 */
const packed = (maps: Maps): Maps => unpacked(bytesOf(maps));

function bytesOf({ columnSizes, valueCounts, nullCounts, lowerBounds, upperBounds }: Maps): Buffer {
  const out = new MapWriter();
  for (const counts of [columnSizes, valueCounts, nullCounts]) out.map(counts, longs);
  for (const bounds of [lowerBounds, upperBounds]) out.map(bounds, byteStrings);
  return out.bytes();
}

function unpacked(block: Buffer): Maps {
  const columnSizes = new StoredMap(block, 0, longs);
  const valueCounts = new StoredMap(block, columnSizes.end, longs);
  const nullCounts = new StoredMap(block, valueCounts.end, longs);
  const lowerBounds = new StoredMap(block, nullCounts.end, byteStrings);
  const upperBounds = new StoredMap(block, lowerBounds.end, byteStrings);
  return { columnSizes, valueCounts, nullCounts, lowerBounds, upperBounds };
}

/** For another thread, which gets plain data: a structured clone keeps no class. */
export interface PackedDataFile extends Omit<DataFile, keyof Maps> {
  readonly maps: Uint8Array;
}

export function packDataFile(file: DataFile): PackedDataFile {
  const { columnSizes, valueCounts, nullCounts, lowerBounds, upperBounds, ...rest } = file;
  return { ...rest, maps: bytesOf(file) };
}

export function unpackDataFile({ maps, ...rest }: PackedDataFile): DataFile {
  return { ...rest, ...unpacked(Buffer.from(maps.buffer, maps.byteOffset, maps.length)) };
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
    ...packed({
      columnSizes: byId(json.columnSizes, (value) => value),
      valueCounts: byId(json.valueCounts, (value) => value),
      nullCounts: byId(json.nullCounts, (value) => value),
      lowerBounds: byId(json.lowerBounds, fromBase64),
      upperBounds: byId(json.upperBounds, fromBase64),
    }),
  };
}

const base64 = (bounds: ReadonlyMap<number, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...bounds].map(([id, bytes]) => [id, Buffer.from(bytes).toString('base64')]));

const fromBase64 = (text: string): Uint8Array => Buffer.from(text, 'base64');

const byId = <V, T>(object: Readonly<Record<string, V>>, convert: (value: V) => T): Map<number, T> =>
  new Map(Object.entries(object).map(([id, value]) => [Number(id), convert(value)]));
