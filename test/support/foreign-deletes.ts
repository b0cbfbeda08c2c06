/**
 * What other engines put into a table: a snapshot that adds data files or delete files, written as the Iceberg
 * specification has it, for deletes that no engine of the rig writes (equality deletes, deletion vectors) and for tests
 * that need no engine.
 */
import { crc32 } from 'node:zlib';
import type { ColumnDeclaration, Value } from '../../src/columns/types.ts';
import { readAvro, writeAvro } from '../../src/iceberg/avro.ts';
import type { Catalog, LoadedTable } from '../../src/iceberg/catalog.ts';
import { added, deletesContent, encodeManifest, type ManifestDataFile } from '../../src/iceberg/manifest.ts';
import { encodeManifestList, type ManifestFile } from '../../src/iceberg/manifest-list.ts';
import { stringPartition, vectorFields } from '../../src/iceberg/manifest-schemas.ts';
import { currentSchema, currentSnapshot } from '../../src/iceberg/metadata.ts';
import { deletedPathField, deletedPositionField } from '../../src/iceberg/row-deletes.ts';
import { readManifestList } from '../../src/iceberg/scan.ts';
import { partitionSummaries } from '../../src/iceberg/summary.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import type { ObjectStore } from '../../src/store/store.ts';

export interface Place {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
}

let made = 0;

/** A snapshot that adds these delete files, all of one day, or of the unpartitioned spec where `ymd` is undefined. */
export async function addDeleteFiles(
  { store, catalog }: Place,
  table: string,
  ymd: string | null | undefined,
  files: readonly Partial<ManifestDataFile>[],
): Promise<void> {
  let base = (await catalog.loadTable(table))!;
  if (ymd === undefined && !base.metadata['partition-specs'].some((spec) => spec.fields.length === 0)) {
    const specs = [...base.metadata['partition-specs'], { 'spec-id': 1, fields: [] }];
    base = await catalog.commitTable(table, base, { ...base.metadata, 'partition-specs': specs });
  }
  const { metadata } = base;
  const spec = metadata['partition-specs'].find(({ fields }) => (fields.length === 0) === (ymd === undefined))!;
  const field = spec.fields[0];
  const manifest = {
    specId: spec['spec-id'],
    content: deletesContent,
    partitionSchema:
      field === undefined
        ? ({ type: 'record', name: 'r102', fields: [] } as const)
        : stringPartition(field['field-id'], field.name),
    entries: files.map((file) => ({
      status: added,
      snapshotId: null,
      sequenceNumber: null,
      fileSequenceNumber: null,
      file: { ...plainDeleteFile, ...file, partition: field === undefined ? {} : { [field.name]: ymd } },
    })),
  };
  const sequenceNumber = metadata['last-sequence-number'] + 1;
  const snapshotId = BigInt(++made);
  const uri = (kind: string): string => `${metadata.location}/metadata/deletes-${kind}-${snapshotId}.avro`;
  const bytes = withVectorFields(encodeManifest(manifest, metadata), files);
  await store.put(uri('manifest'), bytes);
  const entry: ManifestFile = {
    path: uri('manifest'),
    length: bytes.length,
    specId: manifest.specId,
    content: deletesContent,
    sequenceNumber,
    minSequenceNumber: sequenceNumber,
    addedSnapshotId: snapshotId,
    addedFiles: files.length,
    existingFiles: 0,
    deletedFiles: 0,
    addedRows: files.length,
    existingRows: 0,
    deletedRows: 0,
    partitions: partitionSummaries(manifest, metadata) ?? null,
    keyMetadata: null,
  };
  const parent = currentSnapshot(metadata)!;
  const lists = [...(await readManifestList(store, parent)), entry];
  const header = { snapshotId, parentSnapshotId: parent['snapshot-id'], sequenceNumber };
  await store.put(uri('list'), encodeManifestList(header, lists));
  const snapshot = {
    ...parent,
    'snapshot-id': snapshotId,
    'parent-snapshot-id': parent['snapshot-id'],
    'sequence-number': sequenceNumber,
    'manifest-list': uri('list'),
    summary: { operation: 'delete', 'total-delete-files': String(files.length) },
  };
  await catalog.commitTable(table, base, {
    ...metadata,
    'last-sequence-number': sequenceNumber,
    'current-snapshot-id': snapshotId,
    snapshots: [...metadata.snapshots, snapshot],
    'snapshot-log': [
      ...metadata['snapshot-log'],
      { 'timestamp-ms': snapshot['timestamp-ms'], 'snapshot-id': snapshotId },
    ],
    refs: { ...metadata.refs, main: { 'snapshot-id': snapshotId, type: 'branch' } },
  });
}

/** Sets a table back to the snapshot before the current one, as `rollback_to_snapshot` does. */
export async function rollBack({ catalog }: Pick<Place, 'catalog'>, table: string): Promise<void> {
  const base = (await catalog.loadTable(table))!;
  const id = currentSnapshot(base.metadata)!['parent-snapshot-id']!;
  await catalog.commitTable(table, base, {
    ...base.metadata,
    'current-snapshot-id': id,
    refs: { ...base.metadata.refs, main: { 'snapshot-id': id, type: 'branch' } },
  });
}

/** An entry of a manifest that says nothing but what has to be said. */
export const plainDeleteFile: ManifestDataFile = {
  content: 1,
  path: '',
  format: 'PARQUET',
  partition: {},
  recordCount: 1,
  fileSize: 0,
  columnSizes: null,
  valueCounts: null,
  nullCounts: null,
  nanCounts: null,
  lowerBounds: null,
  upperBounds: null,
  keyMetadata: null,
  splitOffsets: null,
  equalityIds: null,
  sortOrderId: null,
  referencedDataFile: null,
};

/** Format version 3 says in the manifest where in its file a vector is. */
function withVectorFields(bytes: Uint8Array, files: readonly Partial<ManifestDataFile>[]): Uint8Array {
  const avro = readAvro(bytes, 'manifest');
  const schema = structuredClone(avro.schema) as { fields: { name: string; type: { fields: unknown[] } }[] };
  schema.fields.find(({ name }) => name === 'data_file')!.type.fields.push(...vectorFields);
  const records = avro.records.map((record, i) => {
    const file = record.data_file as Record<string, unknown>;
    const { contentOffset = null, contentSize = null } = files[i]!;
    return { ...record, data_file: { ...file, content_offset: contentOffset, content_size_in_bytes: contentSize } };
  });
  const header = Object.fromEntries([...avro.metadata].filter(([key]) => !key.startsWith('avro.')));
  return writeAvro(schema as never, header, records);
}

/** A position delete file of these rows, to be given to `addDeleteFiles`. */
export async function positionDeletes(
  { store }: Place,
  { metadata }: LoadedTable,
  rows: readonly (readonly [path: string, position: number])[],
): Promise<Partial<ManifestDataFile>> {
  const columns = [
    { name: 'file_path', type: 'string', description: '', required: true, id: deletedPathField },
    { name: 'pos', type: 'long', description: '', required: true, id: deletedPositionField },
  ] as const;
  const paths = rows.map(([path]) => path).sort();
  return {
    content: 1,
    recordCount: rows.length,
    ...(await putParquet(
      store,
      `${metadata.location}/data/deletes-${++made}.parquet`,
      columns,
      rows.map(([path, row]) => [path, BigInt(row)]),
    )),
    lowerBounds: new Map([[deletedPathField, Buffer.from(paths[0]!)]]),
    upperBounds: new Map([[deletedPathField, Buffer.from(paths.at(-1)!)]]),
  };
}

/** An equality delete file of rows with these values in columns of the table. */
export async function equalityDeletes(
  { store }: Place,
  { metadata }: LoadedTable,
  names: readonly string[],
  rows: readonly (readonly Value[])[],
): Promise<Partial<ManifestDataFile>> {
  const columns = names.map((name) => {
    const { id, type } = currentSchema(metadata).fields.find((field) => field.name === name)!;
    return { name, id, type: type as ColumnDeclaration['type'], description: '', required: false };
  });
  return {
    content: 2,
    recordCount: rows.length,
    equalityIds: columns.map(({ id }) => id),
    ...(await putParquet(store, `${metadata.location}/data/equality-${++made}.parquet`, columns, rows)),
  };
}

/** A deletion vector of a data file, in a file of its own. */
export async function deletionVector(
  { store }: Place,
  path: string,
  positions: readonly number[],
  before = 4,
): Promise<Partial<ManifestDataFile>> {
  const blob = vectorBlob(positions);
  const bytes = Buffer.concat([Buffer.alloc(before, 'PFA1'), blob, Buffer.from('footer')]);
  const uri = `${path}.vector-${++made}.puffin`;
  await store.put(uri, bytes);
  return {
    content: 1,
    path: uri,
    format: 'PUFFIN',
    recordCount: positions.length,
    fileSize: bytes.length,
    referencedDataFile: path,
    contentOffset: before,
    contentSize: blob.length,
  };
}

/** Positions below 2^32, each container of the roaring bitmap as an array, or as bits where that is smaller. */
export function vectorBlob(positions: readonly number[]): Buffer {
  const containers = [
    ...Map.groupBy(
      [...new Set(positions)].sort((a, b) => a - b),
      (position) => position >>> 16,
    ),
  ];
  const parts: Buffer[] = [u32(12346), u32(containers.length)];
  for (const [key, values] of containers) parts.push(u16(key), u16(values.length - 1));
  for (const _ of containers) parts.push(u32(0));
  for (const [, values] of containers) {
    if (values.length <= 4096) parts.push(...values.map((value) => u16(value & 0xffff)));
    else {
      const bits = Buffer.alloc(8192);
      for (const value of values) bits[(value & 0xffff) >> 3]! |= 1 << (value & 7);
      parts.push(bits);
    }
  }
  return wrapVector(Buffer.concat([u64(1), u32(0), ...parts]));
}

/** The blob around 64-bit bitmaps. */
export function wrapVector(bitmaps: Buffer): Buffer {
  const body = Buffer.concat([Buffer.of(0xd1, 0xd3, 0x39, 0x64), bitmaps]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

const u16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

async function putParquet(
  store: ObjectStore,
  path: string,
  columns: readonly (ColumnDeclaration & { readonly id: number; readonly required: boolean })[],
  rows: readonly (readonly Value[])[],
): Promise<{ path: string; fileSize: number }> {
  const buffer = new KernelTable(columns);
  for (const row of rows) buffer.append([...row]);
  const { chunks, size } = await new ColumnarEncoder().encode({ columns, batch: buffer.batch(), rowGroupRows: 1000 });
  buffer.release();
  await store.put(path, Buffer.concat(chunks));
  return { path, fileSize: size };
}
