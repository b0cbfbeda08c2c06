/**
 * Stages a snapshot on one version of a table: writes its manifests and manifest list, and returns the metadata that
 * would make it current (Iceberg spec, "Snapshots", "Manifests", "Sequence Number Inheritance").
 *
 * The names of all files that are written hold the snapshot id, which is a digest of the version staged on and of the
 * change. So once that version is no longer current, its staged files either belong to the history of the table or can
 * never come into it: the property on which removing the files of a lost attempt rests (commit.ts).
 */
import { createHash } from 'node:crypto';
import { canonical } from '../store/places.ts';
import type { ObjectStore } from '../store/store.ts';
import { partitionColumn } from '../tables/declaration.ts';
import { compareText } from '../text/order.ts';
import type { Catalog, LoadedTable } from './catalog.ts';
import type { Change } from './change.ts';
import type { DataFile } from './data-file.ts';
import { mapAhead } from './files.ts';
import { trimSnapshots } from './history.ts';
import { stringifyJson } from './json.ts';
import {
  added,
  dataContent,
  deleted,
  deletesContent,
  encodeManifest,
  existing,
  type Manifest,
  type ManifestEntry,
  specById,
} from './manifest.ts';
import { encodeManifestList, hasLiveFiles, type ManifestFile } from './manifest-list.ts';
import { stringPartition } from './manifest-schemas.ts';
import { manifestsToMerge, mergeEntries } from './merge.ts';
import { currentSnapshot, type PartitionSpec, type Snapshot, type TableMetadata } from './metadata.ts';
import { deleteFile } from './row-deletes.ts';
import { loadManifests, readDeletes, readManifest, readManifestList, ymdIndex } from './scan.ts';
import { partitionSummaries, snapshotSummary } from './summary.ts';
import { TableFault } from './table-fault.ts';

export interface StagedSnapshot {
  readonly metadata: TableMetadata;
  readonly snapshotId: bigint;
  /** What was written for this attempt alone. */
  readonly files: readonly string[];
}

/** A change removes files that are not, or no longer, live: the planner must plan again. */
export class MissingDataFiles extends Error {
  override readonly name = 'MissingDataFiles';
  readonly paths: readonly string[];
  constructor(table: string, paths: readonly string[]) {
    super(`${paths.length} data files to remove from table ${table} are not live, such as ${paths[0]}`);
    this.paths = paths;
  }
}

/**
 * Another engine has deleted rows of a file since the change that replaces it was planned. Its new files carry a later
 * sequence number, so those deletes would stop applying and the rows come back: the change has to be planned again.
 */
export class NewRowDeletes extends Error {
  override readonly name = 'NewRowDeletes';
  constructor(table: string, path: string, deletes: string) {
    super(
      `rows of ${path}, of table ${table}, were deleted by another engine (${deletes}) while it was being rewritten`,
    );
  }
}

export interface StageContext {
  readonly store: ObjectStore;
  readonly catalog: Pick<Catalog, 'writeAhead'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Requests of one attempt at a time, and so the files that are held in memory. */
const uploadsAtOnce = 8;

/**
 * What the files say of each other follows from their content, so they are uploaded side by side; all are there when
 * this resolves. Throws MissingDataFiles, NewRowDeletes, StoreError.
 */
export async function stage(
  { store, catalog, now }: StageContext,
  table: string,
  base: LoadedTable,
  change: Change,
): Promise<StagedSnapshot> {
  const uploads: Promise<unknown>[] = [...(change.uploads ?? [])];
  try {
    checkChange(table, change);
    const staged = await stageFiles(store, table, base, change, now(), uploads);
    uploads.push(Promise.resolve(catalog.writeAhead?.(table, base, staged.metadata)));
    await Promise.all(uploads);
    return staged;
  } finally {
    // Nothing may come in behind the back of a caller that has been told of a failure.
    await Promise.allSettled(uploads);
  }
}

async function stageFiles(
  store: ObjectStore,
  table: string,
  base: LoadedTable,
  change: Change,
  nowMs: number,
  uploads: Promise<unknown>[],
): Promise<StagedSnapshot> {
  const { metadata } = base;
  const parent = currentSnapshot(metadata);
  const sequenceNumber = metadata['last-sequence-number'] + 1;
  const snapshotId = newSnapshotId(base, change);
  const files: string[] = [];
  const directory = `${metadata.location}/metadata`;

  const put = async (name: string, bytes: Uint8Array): Promise<string> => {
    const uri = `${directory}/${name}-${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}.avro`;
    files.push(uri);
    const upload = store.put(uri, bytes, { contentType: 'application/avro' });
    // The failure is for the end to tell.
    upload.catch(() => {});
    uploads.push(upload);
    await uploads.at(-uploadsAtOnce);
    return uri;
  };
  let manifestCount = 0;
  const writeManifest = async (manifest: Manifest, like?: ManifestFile): Promise<ManifestFile> => {
    const bytes = encodeManifest(manifest, metadata);
    const path = await put(`${snapshotId}-m${manifestCount++}`, bytes);
    return describe(manifest, metadata, { path, length: bytes.length, sequenceNumber, snapshotId }, like);
  };

  const before = (await manifestsOf(store, parent)).filter(hasLiveFiles);
  const { kept, rewritten, removed } = change.removeAll
    ? await removeEverything(store, before, snapshotId)
    : await removeFiles(store, table, metadata, before, change, snapshotId);
  const drop = await dropDeletes(store, metadata, kept, change.removeDeletes ?? [], snapshotId);
  const spec = change.add.length > 0 ? writableSpec(table, metadata) : undefined;
  const next: ManifestFile[] = [];
  if (spec !== undefined) next.push(await writeManifest(appended(spec, metadata, change.add, snapshotId)));
  for (const { manifest, file } of [...rewritten, ...drop.rewritten]) next.push(await writeManifest(manifest, file));

  const toMerge = manifestsToMerge(metadata, drop.kept);
  for (const manifest of await mergeEntries(store, metadata, toMerge)) next.push(await writeManifest(manifest));
  next.push(...drop.kept.filter((manifest) => !toMerge.includes(manifest)));

  const header = { snapshotId, parentSnapshotId: parent?.['snapshot-id'], sequenceNumber };
  const snapshot: Snapshot = {
    'sequence-number': sequenceNumber,
    'snapshot-id': snapshotId,
    ...(parent && { 'parent-snapshot-id': parent['snapshot-id'] }),
    'timestamp-ms': Math.max(nowMs, metadata['last-updated-ms']),
    summary: snapshotSummary(change, removed, drop.removed, parent, next),
    'manifest-list': await put(`snap-${snapshotId}`, encodeManifestList(header, next)),
    'schema-id': metadata['current-schema-id'],
  };
  listed.set(snapshot, next);
  if (parent !== undefined) listed.delete(parent);
  const withSnapshot = addSnapshot(metadata, snapshot);
  return { metadata: change.keep ? trimSnapshots(withSnapshot, change.keep) : withSnapshot, snapshotId, files };
}

/** Manifests of the newest snapshots that were staged here: the commit that follows one need not read what it wrote. */
const listed = new WeakMap<Snapshot, readonly ManifestFile[]>();

async function manifestsOf(store: ObjectStore, snapshot: Snapshot | undefined): Promise<readonly ManifestFile[]> {
  return (snapshot && listed.get(snapshot)) ?? readManifestList(store, snapshot);
}

/** The snapshot becomes the current one, on branch `main`. */
function addSnapshot(metadata: TableMetadata, snapshot: Snapshot): TableMetadata {
  const id = snapshot['snapshot-id'];
  const timestamp = snapshot['timestamp-ms'];
  return {
    ...metadata,
    'last-sequence-number': snapshot['sequence-number'],
    'last-updated-ms': timestamp,
    'current-snapshot-id': id,
    snapshots: [...metadata.snapshots, snapshot],
    'snapshot-log': [...metadata['snapshot-log'], { 'timestamp-ms': timestamp, 'snapshot-id': id }],
    refs: { ...metadata.refs, main: { ...metadata.refs.main, 'snapshot-id': id, type: 'branch' } },
  };
}

function checkChange(table: string, { operation, add, remove, removeAll }: Change): void {
  if (operation === 'append' && (remove.length > 0 || removeAll))
    throw new Error(`an append to table ${table} cannot remove files`);
  if (removeAll && remove.length > 0) throw new Error(`a change of table ${table} names files beside all of them`);
  if (operation === 'delete' && add.length > 0) throw new Error(`a delete from table ${table} cannot add files`);
  const paths = new Set(add.map((file) => file.path));
  if (paths.size !== add.length) throw new Error(`a change of table ${table} adds a file twice`);
  const both = remove.find((path) => paths.has(path));
  if (both !== undefined) throw new Error(`a change of table ${table} adds and removes ${both}`);
}

/** 63 bits, positive. Bound to the exact version of the table, so that no other attempt ever has the same id. */
function newSnapshotId(base: LoadedTable, { operation, add, remove, removeDeletes, summary }: Change): bigint {
  const { metadata } = base;
  const content = [
    metadata['table-uuid'],
    base.metadataLocation,
    base.version,
    metadata['current-snapshot-id'],
    metadata['last-sequence-number'] + 1,
    operation,
    Object.entries(summary).sort(([a], [b]) => compareText(a, b)),
    add.map((file) => file.path),
    remove,
    ...(removeDeletes === undefined ? [] : [removeDeletes]),
  ];
  const digest = createHash('sha256').update(stringifyJson(content)).digest();
  return BigInt.asUintN(63, digest.readBigUInt64BE()) || 1n;
}

/**
 * The spec under which files are added: identity of `ymd` and nothing else, whatever other engines made the default. Throws
 * TableFault where there is none.
 */
export function writableSpec(table: string, metadata: TableMetadata): PartitionSpec {
  const ours = (spec: PartitionSpec) => spec.fields.length === 1 && ymdIndex(spec, metadata) === 0;
  const current = specById(metadata, metadata['default-spec-id']);
  const spec = ours(current) ? current : metadata['partition-specs'].find(ours);
  if (spec === undefined)
    throw new TableFault(
      `table ${table} (${metadata.location}) has never been partitioned by its column ${partitionColumn} alone: another engine has made ` +
        `the table, or has dropped the column; see to it there that each row has its day in ${partitionColumn}, and partition ` +
        `the table by that alone (Spark: ALTER TABLE ${table} ADD PARTITION FIELD ${partitionColumn}; ` +
        `Trino: SET PROPERTIES partitioning = ARRAY['${partitionColumn}']); more fields may be added afterwards`,
    );
  return spec;
}

/** The snapshot stands in each entry although it might be inherited: PyIceberg 0.11 takes an inherited one for the status. */
function appended(
  spec: PartitionSpec,
  metadata: TableMetadata,
  files: readonly DataFile[],
  snapshotId: bigint,
): Manifest {
  const field = spec.fields[ymdIndex(spec, metadata)]!;
  return {
    specId: spec['spec-id'],
    content: dataContent,
    partitionSchema: stringPartition(field['field-id'], field.name),
    entries: files.map((file) => ({
      status: added,
      snapshotId,
      sequenceNumber: null,
      fileSequenceNumber: null,
      file: {
        content: 0,
        path: file.path,
        format: 'PARQUET',
        partition: { [field.name]: file.ymd },
        recordCount: file.recordCount,
        fileSize: file.fileSize,
        columnSizes: file.columnSizes,
        valueCounts: file.valueCounts,
        nullCounts: file.nullCounts,
        nanCounts: null,
        lowerBounds: file.lowerBounds,
        upperBounds: file.upperBounds,
        keyMetadata: null,
        splitOffsets: file.splitOffsets.length > 0 ? file.splitOffsets : null,
        equalityIds: null,
        sortOrderId: file.sortOrderId,
        referencedDataFile: null,
      },
    })),
  };
}

interface Removal {
  readonly kept: ManifestFile[];
  readonly rewritten: { readonly manifest: Manifest; readonly file: ManifestFile }[];
  readonly removed: ManifestEntry[];
}

/** Rewrites the manifests that hold the files to remove: those become DELETED, the others EXISTING, older deletions go. */
async function removeFiles(
  store: ObjectStore,
  table: string,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
  change: Change,
  snapshotId: bigint,
): Promise<Removal> {
  const wanted = new Set(change.remove.map(canonical));
  if (wanted.size === 0) return { kept: [...manifests], rewritten: [], removed: [] };
  const rewritten: Removal['rewritten'] = [];
  const removed: ManifestEntry[] = [];
  const deletes = isChecked(change) ? await readDeletes(store, metadata, manifests) : undefined;
  const applied = new Set(change.applied);
  for await (const { file, manifest } of loadManifests(store, manifests, dataContent)) {
    const mine = (entry: ManifestEntry) => entry.status !== deleted && wanted.has(canonical(entry.file.path));
    const found = manifest.entries.filter(mine);
    if (found.length === 0) continue;
    const entries = manifest.entries
      .filter((entry) => entry.status !== deleted)
      .map((entry) => (mine(entry) ? { ...entry, status: deleted, snapshotId } : { ...entry, status: existing }));
    rewritten.push({ manifest: { ...manifest, entries }, file });
    for (const entry of found) {
      removed.push(entry);
      const spec = specById(metadata, file.specId);
      const unknown = deletes?.of(entry, manifest, spec).find(({ key }) => !applied.has(key));
      if (unknown !== undefined) throw new NewRowDeletes(table, entry.file.path, unknown.path);
      wanted.delete(canonical(entry.file.path));
    }
    if (wanted.size === 0) break;
  }
  if (wanted.size > 0) throw new MissingDataFiles(table, [...wanted]);
  const replaced = new Set(rewritten.map(({ file }) => file));
  return { kept: manifests.filter((manifest) => !replaced.has(manifest)), rewritten, removed };
}

/** Rewrites every manifest, those of delete files too, with all of its files DELETED. */
async function removeEverything(
  store: ObjectStore,
  manifests: readonly ManifestFile[],
  snapshotId: bigint,
): Promise<Removal> {
  const rewritten: Removal['rewritten'] = [];
  const load = async (file: ManifestFile) => ({ file, manifest: await readManifest(store, file) });
  for await (const { file, manifest } of mapAhead(manifests, 4, load)) {
    const live = manifest.entries.filter((entry) => entry.status !== deleted);
    const entries = live.map((entry) => ({ ...entry, status: deleted, snapshotId }));
    rewritten.push({ manifest: { ...manifest, entries }, file });
  }
  const data = rewritten.filter(({ manifest }) => manifest.content === dataContent);
  return { kept: [], rewritten, removed: data.flatMap(({ manifest }) => manifest.entries) };
}

/** A file that goes as a whole may go whatever rows of it are deleted, unless its rows were counted. */
const isChecked = ({ operation, applied }: Change): boolean => operation !== 'delete' || applied !== undefined;

/** Rewrites the delete manifests that hold these delete files, which become DELETED. */
async function dropDeletes(
  store: ObjectStore,
  metadata: TableMetadata,
  manifests: readonly ManifestFile[],
  keys: readonly string[],
  snapshotId: bigint,
): Promise<Removal> {
  const rewritten: Removal['rewritten'] = [];
  const removed: ManifestEntry[] = [];
  if (keys.length === 0) return { kept: [...manifests], rewritten, removed };
  const wanted = new Set(keys);
  for await (const { file, manifest } of loadManifests(store, manifests, deletesContent)) {
    const spec = specById(metadata, file.specId);
    const mine = (entry: ManifestEntry) => wanted.has(deleteFile(entry, manifest, spec).key);
    const live = manifest.entries.filter((entry) => entry.status !== deleted);
    const found = live.filter(mine);
    if (found.length === 0) continue;
    const entries = live.map((entry) =>
      mine(entry) ? { ...entry, status: deleted, snapshotId } : { ...entry, status: existing },
    );
    rewritten.push({ manifest: { ...manifest, entries }, file });
    removed.push(...found);
  }
  const replaced = new Set(rewritten.map(({ file }) => file));
  return { kept: manifests.filter((manifest) => !replaced.has(manifest)), rewritten, removed };
}

interface WrittenManifest {
  readonly path: string;
  readonly length: number;
  readonly sequenceNumber: number;
  readonly snapshotId: bigint;
}

/** The manifest as the manifest list shows it. `like` is the one it replaces, whose partition summary still covers it. */
function describe(
  manifest: Manifest,
  metadata: TableMetadata,
  written: WrittenManifest,
  like?: ManifestFile,
): ManifestFile {
  const { path, length, sequenceNumber, snapshotId } = written;
  const of = (status: number) => manifest.entries.filter((entry) => entry.status === status);
  const rows = (entries: readonly ManifestEntry[]) => entries.reduce((sum, entry) => sum + entry.file.recordCount, 0);
  const [isAdded, isExisting, isDeleted] = [of(added), of(existing), of(deleted)];
  const ages = [...isAdded, ...isExisting].map((entry) => entry.sequenceNumber ?? sequenceNumber);
  return {
    path,
    length,
    specId: manifest.specId,
    content: manifest.content,
    sequenceNumber,
    minSequenceNumber: ages.reduce((least, age) => Math.min(least, age), sequenceNumber),
    addedSnapshotId: snapshotId,
    addedFiles: isAdded.length,
    existingFiles: isExisting.length,
    deletedFiles: isDeleted.length,
    addedRows: rows(isAdded),
    existingRows: rows(isExisting),
    deletedRows: rows(isDeleted),
    partitions: partitionSummaries(manifest, metadata) ?? like?.partitions ?? null,
    keyMetadata: null,
  };
}
