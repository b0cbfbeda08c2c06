import { type AvroSchema, openAvro, writeAvro } from './avro.ts';
import { stringifyJson } from './json.ts';
import { fieldNames, fieldSchema, fieldsOf, manifestEntrySchema, vectorFields } from './manifest-schemas.ts';
import { currentSchema, type PartitionSpec, type TableMetadata } from './metadata.ts';
import { StoredMap, StoredRecords } from './stored-map.ts';

/** Manifests: the Avro files that list data files, or delete files, with their state (Iceberg spec, "Manifests"). */

export const existing = 0;
export const added = 1;
export const deleted = 2;

/** What a manifest holds. */
export const dataContent = 0;
export const deletesContent = 1;

export interface ManifestEntry {
  readonly status: number;
  /** null: inherited from the manifest list. */
  readonly snapshotId: bigint | null;
  readonly sequenceNumber: number | null;
  readonly fileSequenceNumber: number | null;
  readonly file: ManifestDataFile;
}

/** data_file as the spec has it; what a writer left out is null. */
export interface ManifestDataFile {
  /** 0 data, 1 position deletes, 2 equality deletes. */
  readonly content: number;
  readonly path: string;
  readonly format: string;
  /** By the names in `partitionSchema` of the manifest. */
  readonly partition: Readonly<Record<string, unknown>>;
  readonly recordCount: number;
  readonly fileSize: number;
  readonly columnSizes: ReadonlyMap<number, number> | null;
  readonly valueCounts: ReadonlyMap<number, number> | null;
  readonly nullCounts: ReadonlyMap<number, number> | null;
  readonly nanCounts: ReadonlyMap<number, number> | null;
  readonly lowerBounds: ReadonlyMap<number, Uint8Array> | null;
  readonly upperBounds: ReadonlyMap<number, Uint8Array> | null;
  readonly keyMetadata: Uint8Array | null;
  readonly splitOffsets: readonly number[] | null;
  readonly equalityIds: readonly number[] | null;
  readonly sortOrderId: number | null;
  readonly referencedDataFile: string | null;
  /** Of a deletion vector (format version 3), which is read and never written: where in the file it is. */
  readonly contentOffset?: number | undefined;
  readonly contentSize?: number | undefined;
}

export interface Manifest {
  readonly specId: number;
  /** dataContent or deletesContent. */
  readonly content: number;
  /** Avro record of the partition tuple. */
  readonly partitionSchema: AvroSchema;
  readonly entries: readonly ManifestEntry[];
}

export function encodeManifest(manifest: Manifest, metadata: TableMetadata): Uint8Array {
  const spec = specById(metadata, manifest.specId);
  const schema = currentSchema(metadata);
  const header = {
    schema: stringifyJson(schema),
    'schema-id': String(schema['schema-id']),
    'partition-spec': stringifyJson(spec.fields),
    'partition-spec-id': String(spec['spec-id']),
    'format-version': '2',
    content: manifest.content === dataContent ? 'data' : 'deletes',
  };
  // One record after another: those of thousands of files take more memory than the files do.
  return writeAvro(
    manifestEntrySchema(manifest.partitionSchema),
    header,
    Iterator.from(manifest.entries).map(toRecord),
  );
}

/** A manifest whose entries are decoded when they are asked for, once: one may have a hundred thousand of them. */
export interface OpenedManifest extends Omit<Manifest, 'entries'> {
  readonly entries: Iterable<ManifestEntry>;
}

/** Reads a manifest of format version 2 or 3. `source` names it in errors. */
export function decodeManifest(bytes: Uint8Array, source: string): Manifest {
  const { entries, ...manifest } = openManifest(bytes, source);
  return { ...manifest, entries: [...entries] };
}

/** The same, where its entries are looked at one after another. They throw where the rest of it cannot be read. */
export function openManifest(bytes: Uint8Array, source: string): OpenedManifest {
  const { metadata, schema, records } = openAvro(bytes, source);
  const dataFileSchema = fieldSchema(schema, 2, 'data_file');
  const partitionSchema = dataFileSchema && fieldSchema(dataFileSchema, 102, 'partition');
  if (dataFileSchema === undefined || partitionSchema === undefined)
    throw new Error(`${source}: not an Iceberg manifest`);
  const ours = manifestEntrySchema(partitionSchema);
  const entryNames = fieldNames(schema, ours);
  const fileNames = fieldNames(dataFileSchema, fieldSchema(ours, 2, 'data_file')!, vectorFields);
  return {
    specId: Number(metadata.get('partition-spec-id') ?? 0),
    content: metadata.get('content') === 'deletes' ? deletesContent : dataContent,
    partitionSchema,
    entries: Iterator.from(records).map((record) => {
      const entry = reader(record, entryNames);
      const file = reader(entry(2) as Record<string, unknown>, fileNames);
      return {
        status: Number(entry(0)),
        snapshotId: nullable(entry(1), (value) => BigInt(value as number | bigint)),
        sequenceNumber: nullable(entry(3), Number),
        fileSequenceNumber: nullable(entry(4), Number),
        file: {
          content: Number(file(134) ?? 0),
          path: file(100) as string,
          format: String(file(101)),
          partition: file(102) as Record<string, unknown>,
          recordCount: Number(file(103)),
          fileSize: Number(file(104)),
          columnSizes: toMap<number>(file(108), Number),
          valueCounts: toMap<number>(file(109), Number),
          nullCounts: toMap<number>(file(110), Number),
          nanCounts: toMap<number>(file(137), Number),
          lowerBounds: toMap(file(125), toBytes),
          upperBounds: toMap(file(128), toBytes),
          keyMetadata: nullable(file(131), toBytes),
          splitOffsets: nullable(file(132), (value) => (value as unknown[]).map(Number)),
          equalityIds: nullable(file(135), (value) => (value as unknown[]).map(Number)),
          sortOrderId: nullable(file(140), Number),
          referencedDataFile: nullable(file(143), String),
          contentOffset: nullable(file(144), Number) ?? undefined,
          contentSize: nullable(file(145), Number) ?? undefined,
        },
      };
    }),
  };
}

export function specById(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata['partition-specs'].find((candidate) => candidate['spec-id'] === id);
  if (spec === undefined)
    throw new Error(`table at ${metadata.location} has no partition spec ${id}, which a manifest names`);
  return spec;
}

/**
 * The partition tuple's values in the order of the spec's fields: Avro names may differ from the spec's (characters that
 * Avro does not take are replaced), ids do not.
 */
export function partitionValues(
  manifest: Pick<Manifest, 'partitionSchema'>,
  spec: PartitionSpec,
  file: ManifestDataFile,
): unknown[] {
  const fields = fieldsOf(manifest.partitionSchema);
  return spec.fields.map((field) => {
    const found = fields.find((f) => f['field-id'] === field['field-id']) ?? fields.find((f) => f.name === field.name);
    return found === undefined ? null : (file.partition[found.name as string] ?? null);
  });
}

function toRecord({
  status,
  snapshotId,
  sequenceNumber,
  fileSequenceNumber,
  file,
}: ManifestEntry): Record<string, unknown> {
  return {
    status,
    snapshot_id: snapshotId,
    sequence_number: sequenceNumber,
    file_sequence_number: fileSequenceNumber,
    data_file: {
      content: file.content,
      file_path: file.path,
      file_format: file.format,
      partition: file.partition,
      record_count: file.recordCount,
      file_size_in_bytes: file.fileSize,
      column_sizes: pairs(file.columnSizes),
      value_counts: pairs(file.valueCounts),
      null_value_counts: pairs(file.nullCounts),
      nan_value_counts: pairs(file.nanCounts),
      lower_bounds: pairs(file.lowerBounds),
      upper_bounds: pairs(file.upperBounds),
      key_metadata: file.keyMetadata && asBuffer(file.keyMetadata),
      split_offsets: file.splitOffsets,
      equality_ids: file.equalityIds,
      sort_order_id: file.sortOrderId,
      referenced_data_file: file.referencedDataFile,
    },
  };
}

export function reader(record: Record<string, unknown>, names: ReadonlyMap<number, string>): (id: number) => unknown {
  return (id) => {
    const name = names.get(id);
    return name === undefined ? undefined : record[name];
  };
}

export const nullable = <T>(value: unknown, convert: (value: unknown) => T): T | null =>
  value === null || value === undefined ? null : convert(value);
export const toBytes = (value: unknown): Uint8Array => value as Uint8Array;
export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

function toMap<T extends number | Uint8Array>(
  value: unknown,
  convert: (value: unknown) => T,
): ReadonlyMap<number, T> | null {
  return nullable(value, (items) =>
    items instanceof StoredRecords
      ? (items.stored as ReadonlyMap<number, number | Uint8Array> as ReadonlyMap<number, T>)
      : new Map((items as { key: number; value: unknown }[]).map((item) => [item.key, convert(item.value)] as const)),
  );
}

function pairs(map: ReadonlyMap<number, number | Uint8Array> | null): { key: number; value: number | Buffer }[] | null {
  if (map === null) return null;
  if (map instanceof StoredMap) return new StoredRecords(map);
  return [...map].map(([key, value]) => ({ key, value: typeof value === 'number' ? value : asBuffer(value) }));
}
