/**
 * Row-level deletes (Iceberg spec, "Row-level Deletes" and "Scan Planning"): which delete files of a snapshot apply to
 * which of its data files, by partition, age and bounds. Engines leave delete files behind that apply to nothing, since
 * the files that they were made for have been rewritten: those change nothing, no matter who wrote them.
 *
 * What the delete files say is read by deleted-rows.ts.
 */
import type { Scalar } from '../columns/types.ts';
import { compareValues } from '../parquet/format/bounds.ts';
import { canonical } from '../store/places.ts';
import { type Manifest, type ManifestDataFile, type ManifestEntry, partitionValues } from './manifest.ts';
import type { FieldType, PartitionSpec, TableMetadata } from './metadata.ts';
import { decodeValue } from './values.ts';

/** Reserved field ids of position delete files (Iceberg spec, "Reserved Field IDs"). */
export const deletedPathField = 2147483546;
export const deletedPositionField = 2147483545;

export interface DeleteFile {
  /** Rows by their position, those of one data file as a bitmap in a Puffin file, or rows by values. */
  readonly kind: 'position' | 'vector' | 'equality';
  readonly path: string;
  readonly format: string;
  readonly fileSize: number;
  /** Rows of the file; of a vector the rows that it deletes. */
  readonly recordCount: number;
  /** The fields whose values an equality delete compares. */
  readonly equalityIds: readonly number[];
  /** The only data file that a position delete or a vector is about, where it says so. */
  readonly referencedDataFile: string | null;
  /** Where in its file a vector is. */
  readonly contentOffset: number;
  readonly contentSize: number;
  /** What tells it from all others: vectors share files. */
  readonly key: string;
  /** Spec and values of the partition that it is about. */
  readonly partition: string;
  readonly isForAllPartitions: boolean;
  readonly sequenceNumber: number;
  readonly bounds: Bounds;
}

/** Of a data file, what decides which deletes apply to it. */
interface DeleteTarget {
  readonly path: string;
  readonly partition: string;
  readonly sequenceNumber: number;
  readonly bounds: Bounds;
}

/** What a manifest says of its partition tuples. */
type Partitioned = Pick<Manifest, 'partitionSchema'>;

type Bounds = Pick<ManifestDataFile, 'lowerBounds' | 'upperBounds' | 'nullCounts'>;

export function deleteFile(entry: ManifestEntry, manifest: Partitioned, spec: PartitionSpec): DeleteFile {
  const { file } = entry;
  const format = file.format.toUpperCase();
  const kind = file.content === 2 ? 'equality' : format === 'PUFFIN' ? 'vector' : 'position';
  const path = canonical(file.path);
  return {
    kind,
    path,
    format,
    fileSize: file.fileSize,
    recordCount: file.recordCount,
    equalityIds: file.equalityIds ?? [],
    referencedDataFile: file.referencedDataFile && canonical(file.referencedDataFile),
    contentOffset: file.contentOffset ?? 0,
    contentSize: file.contentSize ?? 0,
    key: kind === 'vector' ? `${path}#${file.contentOffset}` : path,
    partition: partitionOf(manifest, spec, file),
    isForAllPartitions: kind === 'equality' && spec.fields.every(({ transform }) => transform === 'void'),
    sequenceNumber: entry.sequenceNumber ?? 0,
    bounds: file,
  };
}

const noDeletes: readonly DeleteFile[] = [];

const deleteTarget = (entry: ManifestEntry, manifest: Partitioned, spec: PartitionSpec): DeleteTarget => ({
  path: canonical(entry.file.path),
  partition: partitionOf(manifest, spec, entry.file),
  sequenceNumber: entry.sequenceNumber ?? 0,
  bounds: entry.file,
});

/** What a change says that it has applied, which removes these files and adds their rows again. */
export const appliedDeletes = (files: Iterable<{ readonly deletes: readonly Pick<DeleteFile, 'key'>[] }>): string[] => [
  ...new Set([...files].flatMap(({ deletes }) => deletes.map(({ key }) => key))),
];

/** The delete files of a snapshot, to be asked for those of a data file. */
export class DeleteIndex {
  readonly #types: ReadonlyMap<number, FieldType>;
  readonly #everywhere: DeleteFile[] = [];
  readonly #byPartition = new Map<string, DeleteFile[]>();
  readonly #used = new Set<DeleteFile>();

  constructor(metadata: TableMetadata, files: readonly DeleteFile[]) {
    this.#types = new Map(metadata.schemas.flatMap(({ fields }) => fields.map(({ id, type }) => [id, type] as const)));
    for (const file of files) {
      if (file.isForAllPartitions) this.#everywhere.push(file);
      else {
        const others = this.#byPartition.get(file.partition);
        if (others === undefined) this.#byPartition.set(file.partition, [file]);
        else others.push(file);
      }
    }
  }

  /** Those that apply to a data file. */
  of(entry: ManifestEntry, manifest: Partitioned, spec: PartitionSpec): readonly DeleteFile[] {
    if (this.#everywhere.length + this.#byPartition.size === 0) return noDeletes;
    const target = deleteTarget(entry, manifest, spec);
    const found = [...(this.#byPartition.get(target.partition) ?? []), ...this.#everywhere].filter((file) =>
      this.#applies(file, target),
    );
    for (const file of found) this.#used.add(file);
    // A vector holds what the position deletes before it said of its data file.
    const hasVector = found.some(({ kind }) => kind === 'vector');
    return hasVector ? found.filter(({ kind }) => kind !== 'position') : found;
  }

  /** Those that applied to none of the data files that were asked for. */
  get unused(): DeleteFile[] {
    return [...this.#everywhere, ...[...this.#byPartition.values()].flat()].filter((file) => !this.#used.has(file));
  }

  #applies(file: DeleteFile, target: DeleteTarget): boolean {
    if (file.kind === 'equality')
      return (
        target.sequenceNumber < file.sequenceNumber &&
        file.equalityIds.every((id) => mayShareValue(file.bounds, target.bounds, id, this.#types.get(id)))
      );
    if (target.sequenceNumber > file.sequenceNumber) return false;
    if (file.referencedDataFile !== null) return file.referencedDataFile === target.path;
    return file.kind === 'position' && mayNamePath(file.bounds, target.path);
  }
}

function mayNamePath({ lowerBounds, upperBounds }: Bounds, path: string): boolean {
  const bound = (bounds: Bounds['lowerBounds']): string | undefined => {
    const bytes = bounds?.get(deletedPathField);
    return bytes && canonical(Buffer.from(bytes).toString());
  };
  const [lower, upper] = [bound(lowerBounds), bound(upperBounds)];
  return (
    (lower === undefined || compareValues(lower, path) <= 0) && (upper === undefined || compareValues(path, upper) <= 0)
  );
}

/** false where the bounds of a column say that no row of the one file has a value of the other. */
function mayShareValue(deletes: Bounds, data: Bounds, id: number, type: FieldType | undefined): boolean {
  if (type === undefined || deletes.nullCounts?.get(id) !== 0) return true;
  const bound = (bounds: Bounds['lowerBounds']): Scalar | undefined => {
    const bytes = bounds?.get(id);
    return bytes && decodeValue(type, bytes);
  };
  const isAbove = (a: Scalar | undefined, b: Scalar | undefined): boolean =>
    a !== undefined && b !== undefined && compareValues(a, b) > 0;
  return (
    !isAbove(bound(deletes.lowerBounds), bound(data.upperBounds)) &&
    !isAbove(bound(data.lowerBounds), bound(deletes.upperBounds))
  );
}

function partitionOf(manifest: Partitioned, spec: PartitionSpec, file: ManifestDataFile): string {
  const values = partitionValues(manifest, spec, file);
  return JSON.stringify([spec['spec-id'], values], (_, value) => (typeof value === 'bigint' ? String(value) : value));
}
