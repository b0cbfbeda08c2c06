import type { Scalar } from '../columns/types.ts';
import { compareValues } from '../parquet/format/bounds.ts';
import type { ParquetFile } from '../parquet/read/row-reader.ts';
import { canonical } from '../store/places.ts';
import type { ObjectStore } from '../store/store.ts';
import { partitionColumn } from '../tables/declaration.ts';
import { orElse } from './avro.ts';
import type { DataFile } from './data-file.ts';
import { mapAhead, readFile } from './files.ts';
import {
  dataContent,
  deleted,
  deletesContent,
  type Manifest,
  type ManifestEntry,
  type OpenedManifest,
  openManifest,
  partitionValues,
  specById,
} from './manifest.ts';
import { decodeManifestList, hasLiveFiles, type ManifestFile } from './manifest-list.ts';
import {
  currentSchema,
  currentSnapshot,
  type PartitionSpec,
  type SchemaField,
  type Snapshot,
  type TableMetadata,
} from './metadata.ts';
import { type DeleteFile, DeleteIndex, deleteFile } from './row-deletes.ts';
import { fieldsByName } from './schema.ts';
import { TableFault } from './table-fault.ts';
import { decodeValue } from './values.ts';

/**
 * Scan planning (Iceberg spec, "Scan Planning"): the live files of a snapshot, no matter who wrote them, left out by the
 * partition summaries of manifests and by the bounds of files. Leaving out is only ever a saving: a file that is
 * yielded may hold no matching row, one that is not holds none.
 */
export interface FileFilter {
  /** Days, inclusive, YYYY-MM-DD. */
  readonly ymd?: Range<string>;
  /** All must be met. Files without bounds for the column are kept. */
  readonly bounds?: readonly ColumnRange[];
  /** The snapshot to read; without it the current one. */
  readonly snapshot?: Snapshot;
}

/** Inclusive on both sides; a side that is missing is open. */
export interface Range<T> {
  readonly from?: T;
  readonly to?: T;
}
/** Values as rows have them: long and timestamp (µs) bigint, int and double number, string text or its UTF-8 bytes. */
export interface ColumnRange extends Range<Scalar> {
  /** By its name now, or a field of an earlier schema. */
  readonly column: string | SchemaField;
  /** Only what is one of these. */
  readonly among?: readonly Scalar[];
}

export interface LiveFile extends Omit<DataFile, 'ymd'> {
  /** null where the file's partition spec, set by another engine, does not say, or the rows have none. */
  readonly ymd: string | null;
  /** PARQUET unless another engine chose otherwise. */
  readonly format: string;
  readonly specId: number;
  /** Data sequence number: the age of the rows. */
  readonly sequenceNumber: number;
  /** Sequence number of the snapshot that added the file; later than `sequenceNumber` for rewritten rows. */
  readonly fileSequenceNumber: number;
  /** The snapshot that added the file. */
  readonly snapshotId: bigint;
  /** The manifest that lists it. */
  readonly manifest: string;
  /** By field id, what rows have in columns that the file may lack, since its partition says it; see `constantsOf`. */
  readonly constants?: ReadonlyMap<number, Scalar>;
  /** Row-level deletes that apply to it: `deletedRows` says which of its `recordCount` rows they take. */
  readonly deletes: readonly DeleteFile[];
}

const manifestsAhead = 8;

/** Live data files, manifest by manifest, the newest manifests first, each with the row-level deletes that apply to it. */
export async function* liveFiles(
  store: ObjectStore,
  metadata: TableMetadata,
  filter: FileFilter = {},
): AsyncGenerator<LiveFile> {
  const manifests = await liveManifests(store, metadata, filter);
  const deletes = await readDeletes(store, metadata, manifests);
  yield* dataFiles(store, metadata, manifests, deletes, filter);
}

/** Delete files of the current snapshot that apply to none of its data files. */
export async function danglingDeletes(store: ObjectStore, metadata: TableMetadata): Promise<DeleteFile[]> {
  const manifests = await liveManifests(store, metadata, {});
  if (manifests.every(({ content }) => content === dataContent)) return [];
  const deletes = await readDeletes(store, metadata, manifests);
  for await (const _ of dataFiles(store, metadata, manifests, deletes, {}));
  return deletes.unused;
}

async function* dataFiles(
  store: ObjectStore,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
  deletes: DeleteIndex,
  filter: FileFilter,
): AsyncGenerator<LiveFile> {
  const matches = boundsTest(metadata, filter.bounds ?? []);
  for await (const { file, manifest } of openManifests(store, manifests, dataContent)) {
    const spec = specById(metadata, file.specId);
    for (const entry of manifest.entries) {
      if (entry.status === deleted) continue;
      const ymd = ymdOf(manifest, spec, metadata, entry);
      if (!inRange(ymd, filter.ymd)) continue;
      const constants = constantsOf(manifest, spec, metadata, entry);
      const live = toLiveFile(entry, file, { ymd, deletes: deletes.of(entry, manifest, spec), constants });
      if (matches(live)) yield live;
    }
  }
}

async function liveManifests(
  store: ObjectStore,
  metadata: TableMetadata,
  filter: Pick<FileFilter, 'ymd' | 'snapshot'>,
): Promise<ManifestFile[]> {
  const manifests = await readManifestList(store, filter.snapshot ?? currentSnapshot(metadata));
  return manifests.filter(
    (manifest) =>
      hasLiveFiles(manifest) && mayHoldDays(manifest, specById(metadata, manifest.specId), metadata, filter.ymd),
  );
}

/** The delete files that these manifests list. */
export async function readDeletes(
  store: ObjectStore,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
): Promise<DeleteIndex> {
  const files: DeleteFile[] = [];
  for await (const { file, manifest } of loadManifests(store, manifests, deletesContent)) {
    const spec = specById(metadata, file.specId);
    for (const entry of manifest.entries) if (entry.status !== deleted) files.push(deleteFile(entry, manifest, spec));
  }
  return new DeleteIndex(metadata, files);
}

/** The manifests of one content, in order. */
export async function* loadManifests(
  store: ObjectStore,
  manifests: readonly ManifestFile[],
  content: number,
): AsyncGenerator<{ readonly file: ManifestFile; readonly manifest: Manifest }> {
  for await (const { file, manifest } of openManifests(store, manifests, content))
    yield { file, manifest: { ...manifest, entries: [...manifest.entries] } };
}

/** The same with entries that are decoded when they are asked for, once. */
export async function* openManifests(
  store: ObjectStore,
  manifests: readonly ManifestFile[],
  content?: number,
): AsyncGenerator<{ readonly file: ManifestFile; readonly manifest: OpenedManifest }> {
  const wanted = manifests.filter((manifest) => content === undefined || manifest.content === content);
  const load = async (file: ManifestFile) => ({ file, bytes: await readFile(store, file.path) });
  for await (const { file, bytes } of mapAhead(wanted, manifestsAhead, load))
    yield { file, manifest: opened(file, bytes) };
}

/** The manifests of a snapshot; none for a table without snapshots. */
export async function readManifestList(store: ObjectStore, snapshot: Snapshot | undefined): Promise<ManifestFile[]> {
  if (snapshot === undefined) return [];
  const uri = snapshot['manifest-list'];
  return decoded(uri, await readFile(store, uri), decodeManifestList);
}

function decoded<T>(uri: string, bytes: Uint8Array, decode: (bytes: Uint8Array, source: string) => T): T {
  try {
    return decode(bytes, uri);
  } catch (cause) {
    throw unreadable(uri, cause);
  }
}

const unreadable = (uri: string, cause: unknown): TableFault =>
  new TableFault(`${uri} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

/** The manifest with what its entries inherit from the list filled in (spec, "Sequence Number Inheritance"). */
export async function readManifest(store: ObjectStore, file: ManifestFile): Promise<Manifest> {
  const { entries, ...manifest } = opened(file, await readFile(store, file.path));
  return { ...manifest, entries: [...entries] };
}

function opened(file: ManifestFile, bytes: Uint8Array): OpenedManifest {
  const manifest = decoded(file.path, bytes, openManifest);
  const inherited = Iterator.from(manifest.entries).map((entry) => ({
    ...entry,
    snapshotId: entry.snapshotId ?? file.addedSnapshotId,
    sequenceNumber: entry.sequenceNumber ?? file.sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber ?? file.sequenceNumber,
  }));
  const entries = orElse(inherited, (cause) => unreadable(file.path, cause));
  return { ...manifest, specId: file.specId, content: file.content, entries };
}

/** Index in the spec of the identity partition by `ymd`; -1 where it has none. */
export function ymdIndex(spec: PartitionSpec, metadata: TableMetadata): number {
  const source = fieldsByName(metadata).get(partitionColumn)?.id;
  return spec.fields.findIndex((field) => field['source-id'] === source && field.transform === 'identity');
}

/** The day of a file by its partition tuple, or, where another engine has it in none, by its bounds; null where it has several. */
export function ymdOf(
  manifest: Pick<Manifest, 'partitionSchema'>,
  spec: PartitionSpec,
  metadata: TableMetadata,
  entry: ManifestEntry,
): string | null {
  const value = partitionValues(manifest, spec, entry.file)[ymdIndex(spec, metadata)];
  return typeof value === 'string' ? value : onlyDayOf(entry.file, metadata);
}

function onlyDayOf(
  { lowerBounds, upperBounds, nullCounts }: ManifestEntry['file'],
  metadata: TableMetadata,
): string | null {
  const id = fieldsByName(metadata).get(partitionColumn)?.id;
  const [lower, upper] = id === undefined ? [] : [lowerBounds?.get(id), upperBounds?.get(id)];
  if (lower === undefined || upper === undefined || nullCounts?.get(id!) !== 0) return null;
  const [first, last] = [Buffer.from(lower).toString('utf8'), Buffer.from(upper).toString('utf8')];
  return first === last && isDay(first) ? first : null;
}

/**
 * Files that were written for Hive and added as they are lack the columns that their folders are named after: rows have
 * the value of the identity partition there (spec, "Column Projection"). A column that the manifest counts values of is in
 * the file. undefined where there are none; of types that the program writes.
 */
function constantsOf(
  manifest: Pick<Manifest, 'partitionSchema'>,
  spec: PartitionSpec,
  metadata: TableMetadata,
  { file }: ManifestEntry,
): LiveFile['constants'] {
  const isCounted = (field: PartitionSpec['fields'][number]) => file.valueCounts?.has(field['source-id']) === true;
  if (spec.fields.every((field) => field.transform !== 'identity' || isCounted(field))) return undefined;
  const constants = new Map<number, Scalar>();
  for (const [index, value] of partitionValues(manifest, spec, file).entries()) {
    const field = spec.fields[index]!;
    if (field.transform !== 'identity' || isCounted(field)) continue;
    const type = currentSchema(metadata).fields.find(({ id }) => id === field['source-id'])?.type;
    if (type === 'long' && typeof value === 'number') constants.set(field['source-id'], BigInt(value));
    else if (type === typesOfConstants.get(typeof value)) constants.set(field['source-id'], value as Scalar);
  }
  return constants.size === 0 ? undefined : constants;
}

const typesOfConstants: ReadonlyMap<string, string> = new Map([
  ['string', 'string'],
  ['boolean', 'boolean'],
  ['number', 'int'],
  ['bigint', 'long'],
]);

/** A live file as the Parquet readers name it. */
export const asParquet = ({
  path,
  fileSize,
  constants,
}: Pick<LiveFile, 'path' | 'fileSize' | 'constants'>): ParquetFile => ({
  uri: path,
  size: fileSize,
  ...(constants && { constants }),
});

/** Bounds may be cut short, days are not. */
const isDay = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(text);

function toLiveFile(
  entry: ManifestEntry,
  file: ManifestFile,
  { ymd, deletes, constants }: Pick<LiveFile, 'ymd' | 'deletes'> & { readonly constants: LiveFile['constants'] },
): LiveFile {
  const { file: data } = entry;
  return {
    path: canonical(data.path),
    ymd,
    recordCount: data.recordCount,
    fileSize: data.fileSize,
    columnSizes: data.columnSizes ?? new Map(),
    valueCounts: data.valueCounts ?? new Map(),
    nullCounts: data.nullCounts ?? new Map(),
    lowerBounds: data.lowerBounds ?? new Map(),
    upperBounds: data.upperBounds ?? new Map(),
    splitOffsets: data.splitOffsets ?? [],
    sortOrderId: data.sortOrderId ?? 0,
    format: data.format.toUpperCase(),
    specId: file.specId,
    sequenceNumber: entry.sequenceNumber ?? file.sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber ?? file.sequenceNumber,
    snapshotId: entry.snapshotId ?? file.addedSnapshotId,
    manifest: file.path,
    deletes,
    ...(constants && { constants }),
  };
}

function mayHoldDays(
  manifest: ManifestFile,
  spec: PartitionSpec,
  metadata: TableMetadata,
  days: Range<string> | undefined,
): boolean {
  if (days === undefined) return true;
  const index = ymdIndex(spec, metadata);
  const summary = manifest.partitions?.[index];
  if (index < 0 || summary === undefined) return true;
  const { lowerBound, upperBound } = summary;
  // Without bounds all values are null, and null is in no range.
  if (lowerBound === null || upperBound === null) return false;
  return overlaps(lowerBound, upperBound, days);
}

/** A file whose partition does not say its day may hold any. */
function inRange(ymd: string | null, days: Range<string> | undefined): boolean {
  return days === undefined || ymd === null || overlaps(ymd, ymd, days);
}

/** Whether a file may have rows in all of these ranges, as its bounds say. */
export function boundsTest(metadata: TableMetadata, ranges: readonly ColumnRange[]): (file: LiveFile) => boolean {
  const fields = fieldsByName(metadata);
  const tests = ranges.map((range) => {
    const field = typeof range.column === 'string' ? fields.get(range.column) : range.column;
    if (field === undefined)
      throw new Error(`table at ${metadata.location} has no column ${String(range.column)} to filter by`);
    return (file: LiveFile) => {
      const lower = file.lowerBounds.get(field.id);
      const upper = file.upperBounds.get(field.id);
      const least = lower && decodeValue(field.type, lower);
      const greatest = upper && decodeValue(field.type, upper);
      if (range.to !== undefined && least !== undefined && compareValues(least, range.to) > 0) return false;
      if (range.from !== undefined && greatest !== undefined && compareValues(greatest, range.from) < 0) return false;
      if (range.among === undefined || least === undefined || greatest === undefined) return true;
      return range.among.some((value) => compareValues(least, value) <= 0 && compareValues(greatest, value) >= 0);
    };
  });
  return (file) => tests.every((test) => test(file));
}

const overlaps = (lower: Scalar, upper: Scalar, { from, to }: Range<string>): boolean =>
  (to === undefined || compareValues(lower, to) <= 0) && (from === undefined || compareValues(upper, from) >= 0);
