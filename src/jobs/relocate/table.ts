/**
 * One table under its new name: manifest lists, manifests and position delete files are written anew beside those that were
 * copied, with every path in them changed. What is written is named after its content, so doing it again writes the same.
 */
import { createHash } from 'node:crypto';
import { readDeletedPositions } from '../../iceberg/deleted-rows.ts';
import { mapAhead } from '../../iceberg/files.ts';
import {
  dataContent,
  deleted,
  encodeManifest,
  type Manifest,
  type ManifestDataFile,
  type ManifestEntry,
  specById,
} from '../../iceberg/manifest.ts';
import { encodeManifestList, type ManifestFile } from '../../iceberg/manifest-list.ts';
import type { Snapshot, SnapshotBound, TableMetadata } from '../../iceberg/metadata.ts';
import { deletedPathField, deletedPositionField, deleteFile } from '../../iceberg/row-deletes.ts';
import { openManifests, readManifest, readManifestList } from '../../iceberg/scan.ts';
import { KernelTable } from '../../kernel/table.ts';
import type { EncodedFile } from '../../parquet/encoder.ts';
import { ColumnarEncoder } from '../../parquet/write/encoder.ts';
import { canonical } from '../../store/places.ts';
import type { ObjectStore } from '../../store/store.ts';
import { type Move, moved } from './places.ts';

/** The warehouse names something that is in neither place, or that was not copied. Nothing was written. */
export class NotRelocatable extends Error {
  override readonly name = 'NotRelocatable';
  readonly code = 'not-relocatable';
}

export interface TableToRelocate {
  /** Reads what the old warehouse has named from the new place. */
  readonly store: ObjectStore;
  readonly name: string;
  readonly metadata: TableMetadata;
  /** Where the table is from now on. */
  readonly location: string;
  readonly move: Move;
}

export interface TableFiles {
  readonly snapshots: number;
  readonly manifests: number;
  /** Data and delete files that some snapshot has. */
  readonly files: number;
}

const filesAhead = 8;

/** Throws NotRelocatable unless every file that a snapshot names is in the new place, and as long as its manifest says. */
export async function checkTable(table: TableToRelocate): Promise<TableFiles> {
  const { store, metadata, location } = table;
  const there = new Map<string, number>();
  for await (const { uri, size } of store.list(`${location}/`)) there.set(canonical(uri), size);
  const lacking: string[] = [];
  const expectThere = async (path: string, size?: number): Promise<void> => {
    const uri = newName(table, path);
    const found = there.get(uri) ?? (await store.head(uri))?.size;
    if (found === undefined) lacking.push(`${uri} is not there`);
    else if (size !== undefined && found !== size) lacking.push(`${uri} has ${found} bytes and not ${size}`);
  };
  for (const path of placesIn(metadata)) newName(table, path);
  const manifests = new Map<string, ManifestFile>();
  for (const snapshot of metadata.snapshots) await expectThere(snapshot['manifest-list']);
  failWith(table, lacking);
  for await (const list of mapAhead(metadata.snapshots, filesAhead, (snapshot) => readManifestList(store, snapshot)))
    for (const manifest of list) manifests.set(canonical(manifest.path), manifest);
  for (const { path, length } of manifests.values()) await expectThere(path, length);
  failWith(table, lacking);
  const files = new Set<string>();
  for await (const { manifest } of openManifests(store, [...manifests.values()]))
    for (const { status, file } of manifest.entries) {
      if (status === deleted || files.has(canonical(file.path))) continue;
      files.add(canonical(file.path));
      await expectThere(file.path, file.fileSize);
      if (file.content === 1 && !['PARQUET', 'AVRO'].includes(file.format.toUpperCase()))
        throw new NotRelocatable(
          `${file.path}, of table ${table.name}, names data files in format ${file.format}, which is not written here: ` +
            'run compact in the old place, which merges row-level deletes, expire, and copy again',
        );
    }
  failWith(table, lacking);
  return { snapshots: metadata.snapshots.length, manifests: manifests.size, files: files.size };
}

function failWith({ name }: TableToRelocate, lacking: readonly string[]): void {
  if (lacking.length === 0) return;
  throw new NotRelocatable(
    `${lacking.length} files that table ${name} names were not copied, such as: ${lacking[0]}. Copy the warehouse again, whole, ` +
      'while nothing writes to it, then relocate; nothing was changed',
  );
}

/** Writes the table's manifests and delete files for the new place, and gives the metadata that names them. */
export async function relocateTable(table: TableToRelocate, nowMs: number): Promise<TableMetadata> {
  const { store, metadata, location } = table;
  const rewriting = new Map<string, Promise<Rewritten>>();
  const rewrite = (file: ManifestFile): Promise<Rewritten> => {
    const key = canonical(file.path);
    const known = rewriting.get(key) ?? relocateManifest(table, file);
    rewriting.set(key, known);
    return known;
  };
  const lists = mapAhead(metadata.snapshots, filesAhead, async (snapshot: Snapshot): Promise<Snapshot> => {
    const manifests: ManifestFile[] = [];
    for (const file of await readManifestList(store, snapshot)) manifests.push({ ...file, ...(await rewrite(file)) });
    const header = {
      snapshotId: snapshot['snapshot-id'],
      parentSnapshotId: snapshot['parent-snapshot-id'],
      sequenceNumber: snapshot['sequence-number'],
    };
    const bytes = encodeManifestList(header, manifests);
    const path = await putNamed(store, `${location}/metadata/snap-${header.snapshotId}-relocated`, '.avro', [bytes]);
    return { ...snapshot, 'manifest-list': path };
  });
  const snapshots: Snapshot[] = [];
  for await (const snapshot of lists) snapshots.push(snapshot);
  return {
    ...renamed(table),
    location,
    snapshots,
    'last-updated-ms': Math.max(nowMs, metadata['last-updated-ms']),
  };
}

interface Rewritten {
  readonly path: string;
  readonly length: number;
}

async function relocateManifest(table: TableToRelocate, file: ManifestFile): Promise<Rewritten> {
  const { store, metadata, location } = table;
  const manifest = await readManifest(store, file);
  const entries: ManifestEntry[] = [];
  for (const entry of manifest.entries) entries.push({ ...entry, file: await relocateEntry(table, manifest, entry) });
  const bytes = encodeManifest({ ...manifest, entries }, metadata);
  const path = await putNamed(store, `${location}/metadata/relocated`, '.avro', [bytes]);
  return { path, length: bytes.length };
}

async function relocateEntry(
  table: TableToRelocate,
  manifest: Manifest,
  entry: ManifestEntry,
): Promise<ManifestDataFile> {
  const { file, status } = entry;
  const path = newName(table, file.path);
  if (manifest.content === dataContent) return { ...file, path };
  const referencedDataFile = file.referencedDataFile && newName(table, file.referencedDataFile);
  const bounds = (of: ManifestDataFile['lowerBounds']): ManifestDataFile['lowerBounds'] =>
    of &&
    new Map([...of].flatMap(([id, bytes]) => (id === deletedPathField ? movedBound(table, bytes) : [[id, bytes]])));
  const base = {
    ...file,
    path,
    referencedDataFile,
    lowerBounds: bounds(file.lowerBounds),
    upperBounds: bounds(file.upperBounds),
  };
  // Equality deletes name no file, and what is gone already is read by nobody.
  if (file.content !== 1 || status === deleted) return base;
  const deletes = deleteFile(entry, manifest, specById(table.metadata, manifest.specId));
  return { ...base, ...(await relocatePositions(table, deletes, path)) };
}

/** A bound that was cut so short that it does not tell the warehouse is left out: readers then look into the file. */
function movedBound(table: TableToRelocate, bytes: Uint8Array): [number, Uint8Array][] {
  const path = moved(Buffer.from(bytes).toString(), table.move);
  return path === undefined ? [] : [[deletedPathField, Buffer.from(path)]];
}

const positionColumns = [
  { name: 'file_path', type: 'string', description: '', required: true, id: deletedPathField },
  { name: 'pos', type: 'long', description: '', required: true, id: deletedPositionField },
] as const;

async function relocatePositions(
  { store, move }: TableToRelocate,
  file: ReturnType<typeof deleteFile>,
  path: string,
): Promise<Partial<ManifestDataFile>> {
  const positions = new KernelTable(positionColumns);
  let encoded: EncodedFile;
  try {
    for await (const rows of readDeletedPositions(store, file))
      for (const row of rows)
        positions.append([moved(String(row.path), move) ?? String(row.path), BigInt(Number(row.position))]);
    const input = { columns: positionColumns, batch: positions.batch(), rowGroupRows: 122_880 };
    encoded = await new ColumnarEncoder().encode(input);
  } finally {
    positions.release();
  }
  const { chunks, size } = encoded;
  const folder = path.slice(0, path.lastIndexOf('/'));
  return {
    path: await putNamed(store, `${folder}/relocated-deletes`, '.parquet', chunks),
    format: 'PARQUET',
    fileSize: size,
    columnSizes: null,
    valueCounts: null,
    splitOffsets: null,
  };
}

async function putNamed(
  store: ObjectStore,
  label: string,
  extension: string,
  chunks: readonly Uint8Array[],
): Promise<string> {
  const digest = createHash('sha256');
  for (const chunk of chunks) digest.update(chunk);
  const uri = `${label}-${digest.digest('hex').slice(0, 16)}${extension}`;
  await store.put(uri, chunks, { contentType: 'application/octet-stream' });
  return uri;
}

/** Metadata whose own places are those of the new warehouse; manifest lists are as they were. */
export function renamed(table: TableToRelocate): TableMetadata {
  const { metadata } = table;
  const bound = (of: SnapshotBound): SnapshotBound =>
    typeof of['statistics-path'] === 'string'
      ? { ...of, 'statistics-path': newName(table, of['statistics-path']) }
      : of;
  return {
    ...metadata,
    properties: Object.fromEntries(
      Object.entries(metadata.properties).map(([key, value]) => [key, isPlace(key) ? newName(table, value) : value]),
    ),
    'metadata-log': metadata['metadata-log'].map((entry) => ({
      ...entry,
      'metadata-file': newName(table, entry['metadata-file']),
    })),
    ...(metadata.statistics && { statistics: metadata.statistics.map(bound) }),
    ...(metadata['partition-statistics'] && { 'partition-statistics': metadata['partition-statistics'].map(bound) }),
  };
}

/** Properties that tell other engines where to put files (Iceberg, "Write properties"). */
const isPlace = (property: string): boolean =>
  ['write.data.path', 'write.metadata.path', 'write.object-storage.path', 'write.folder-storage.path'].includes(
    property,
  );

function placesIn(metadata: TableMetadata): string[] {
  return [
    ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
    ...Object.entries(metadata.properties).flatMap(([key, value]) => (isPlace(key) ? [value] : [])),
  ];
}

function newName({ name, move }: TableToRelocate, path: string): string {
  const uri = moved(path, move);
  if (uri === undefined)
    throw new NotRelocatable(
      `table ${name} names ${path}, which lies neither in ${move.from} nor in ${move.to}: only what the warehouse itself ` +
        'holds can be relocated; nothing was changed',
    );
  return uri;
}
