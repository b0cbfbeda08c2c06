import { type AvroSchema, readAvro, writeAvro } from './avro.ts';
import { asBuffer, nullable, reader, toBytes } from './manifest.ts';
import { fieldNames, fieldSchema, fieldSummarySchema, manifestFileSchema } from './manifest-schemas.ts';

/** Manifest lists: the manifests of one snapshot with what lets readers skip them (Iceberg spec, "Manifest Lists"). */
export interface ManifestFile {
  readonly path: string;
  readonly length: number;
  readonly specId: number;
  /** 0 data files, 1 delete files. */
  readonly content: number;
  readonly sequenceNumber: number;
  readonly minSequenceNumber: number;
  readonly addedSnapshotId: bigint;
  /** null in lists that were written before format version 2. */
  readonly addedFiles: number | null;
  readonly existingFiles: number | null;
  readonly deletedFiles: number | null;
  readonly addedRows: number | null;
  readonly existingRows: number | null;
  readonly deletedRows: number | null;
  /** One for each field of the partition spec. */
  readonly partitions: readonly PartitionSummary[] | null;
  readonly keyMetadata: Uint8Array | null;
}

export interface PartitionSummary {
  readonly containsNull: boolean;
  readonly containsNan: boolean | null;
  readonly lowerBound: Uint8Array | null;
  readonly upperBound: Uint8Array | null;
}

export interface ManifestListHeader {
  readonly snapshotId: bigint;
  readonly parentSnapshotId: bigint | undefined;
  readonly sequenceNumber: number;
}

export function encodeManifestList(header: ManifestListHeader, manifests: readonly ManifestFile[]): Uint8Array {
  const metadata = {
    'snapshot-id': String(header.snapshotId),
    'parent-snapshot-id': String(header.parentSnapshotId ?? null),
    'sequence-number': String(header.sequenceNumber),
    'format-version': '2',
  };
  const records = manifests.map((manifest) => ({
    manifest_path: manifest.path,
    manifest_length: manifest.length,
    partition_spec_id: manifest.specId,
    content: manifest.content,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: known(manifest, 'addedFiles'),
    existing_files_count: known(manifest, 'existingFiles'),
    deleted_files_count: known(manifest, 'deletedFiles'),
    added_rows_count: known(manifest, 'addedRows'),
    existing_rows_count: known(manifest, 'existingRows'),
    deleted_rows_count: known(manifest, 'deletedRows'),
    partitions:
      manifest.partitions?.map((summary) => ({
        contains_null: summary.containsNull,
        contains_nan: summary.containsNan,
        lower_bound: summary.lowerBound && asBuffer(summary.lowerBound),
        upper_bound: summary.upperBound && asBuffer(summary.upperBound),
      })) ?? null,
    key_metadata: manifest.keyMetadata && asBuffer(manifest.keyMetadata),
  }));
  return writeAvro(manifestFileSchema, metadata, records);
}

/** `source` names the file in errors. */
export function decodeManifestList(bytes: Uint8Array, source: string): ManifestFile[] {
  const { schema, records } = readAvro(bytes, source);
  const names = fieldNames(schema, manifestFileSchema);
  const partitions = fieldSchema(schema, 507, 'partitions') as { readonly items?: AvroSchema } | undefined;
  const summaryNames = fieldNames(partitions?.items ?? {}, fieldSummarySchema);
  return records.map((record) => {
    const field = reader(record, names);
    const count = (id: number) => nullable(field(id), Number);
    return {
      path: field(500) as string,
      length: Number(field(501)),
      specId: Number(field(502)),
      content: Number(field(517) ?? 0),
      sequenceNumber: Number(field(515) ?? 0),
      minSequenceNumber: Number(field(516) ?? 0),
      addedSnapshotId: BigInt((field(503) ?? -1) as number | bigint),
      addedFiles: count(504),
      existingFiles: count(505),
      deletedFiles: count(506),
      addedRows: count(512),
      existingRows: count(513),
      deletedRows: count(514),
      partitions: nullable(field(507), (value) =>
        (value as Record<string, unknown>[]).map((item) => {
          const summary = reader(item, summaryNames);
          return {
            containsNull: summary(509) === true,
            containsNan: nullable(summary(518), (flag) => flag === true),
            lowerBound: nullable(summary(510), toBytes),
            upperBound: nullable(summary(511), toBytes),
          };
        }),
      ),
      keyMetadata: nullable(field(519), toBytes),
    };
  });
}

/** Live files by the list's own counts; true where the list does not say. */
export function hasLiveFiles(manifest: ManifestFile): boolean {
  return (
    manifest.addedFiles === null || manifest.existingFiles === null || manifest.addedFiles + manifest.existingFiles > 0
  );
}

type Count = 'addedFiles' | 'existingFiles' | 'deletedFiles' | 'addedRows' | 'existingRows' | 'deletedRows';

function known(manifest: ManifestFile, count: Count): number {
  const value = manifest[count];
  if (value === null)
    throw new Error(
      `${manifest.path}: its manifest list does not count files and rows, as format version 2 requires; rewrite the table's manifests with Spark (rewrite_manifests)`,
    );
  return value;
}
