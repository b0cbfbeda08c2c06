import { gunzipSync } from 'node:zlib';
import { canonical } from '../store/places.ts';
import { amendments } from '../tables/amendments.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { parseJson, stringifyJson } from './json.ts';
import { TableFault } from './table-fault.ts';

/**
 * Table metadata of Iceberg format versions 2 and 3, the latter for reading (Iceberg spec, "Table Metadata Fields", "Snapshots", "Snapshot References";
 * JSON by Appendix C). The value is the JSON object itself under the spec's own field names, so whatever another writer
 * put there and this program does not know is still there after a rewrite. Ids of snapshots are always bigint.
 */
export interface TableMetadata {
  readonly 'format-version': 2 | 3;
  readonly 'table-uuid': string;
  /** Directory URI without trailing slash. */
  readonly location: string;
  readonly 'last-sequence-number': number;
  readonly 'last-updated-ms': number;
  readonly 'last-column-id': number;
  readonly schemas: readonly Schema[];
  readonly 'current-schema-id': number;
  readonly 'partition-specs': readonly PartitionSpec[];
  readonly 'default-spec-id': number;
  readonly 'last-partition-id': number;
  readonly properties: Readonly<Record<string, string>>;
  /** -1n where the table has no snapshot. */
  readonly 'current-snapshot-id': bigint;
  readonly snapshots: readonly Snapshot[];
  readonly 'snapshot-log': readonly SnapshotLogEntry[];
  readonly 'metadata-log': readonly MetadataLogEntry[];
  readonly 'sort-orders': readonly SortOrder[];
  readonly 'default-sort-order-id': number;
  readonly refs: Readonly<Record<string, SnapshotRef>>;
  readonly statistics?: readonly SnapshotBound[];
  readonly 'partition-statistics'?: readonly SnapshotBound[];
  readonly [field: string]: unknown;
}

export interface Schema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly fields: readonly SchemaField[];
  readonly 'identifier-field-ids'?: readonly number[];
  readonly [field: string]: unknown;
}

export interface SchemaField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: FieldType;
  readonly doc?: string;
  readonly [field: string]: unknown;
}

/** A primitive by its name (`timestamp`, `decimal(9, 2)`), or a nested type (spec, Appendix C, "Schemas"). */
export type FieldType = string | ListType | MapType | StructType;
export interface ListType {
  readonly type: 'list';
  readonly 'element-id': number;
  readonly element: FieldType;
  readonly 'element-required': boolean;
}
export interface MapType {
  readonly type: 'map';
  readonly 'key-id': number;
  readonly key: FieldType;
  readonly 'value-id': number;
  readonly value: FieldType;
  readonly 'value-required': boolean;
}
export interface StructType {
  readonly type: 'struct';
  readonly fields: readonly SchemaField[];
}

export interface PartitionSpec {
  readonly 'spec-id': number;
  readonly fields: readonly PartitionField[];
}
export interface PartitionField {
  readonly name: string;
  readonly transform: string;
  readonly 'source-id': number;
  readonly 'field-id': number;
}

export interface SortOrder {
  readonly 'order-id': number;
  readonly fields: readonly SortField[];
}
export interface SortField {
  readonly transform: string;
  readonly 'source-id': number;
  readonly direction: 'asc' | 'desc';
  readonly 'null-order': 'nulls-first' | 'nulls-last';
}

export interface Snapshot {
  readonly 'snapshot-id': bigint;
  readonly 'parent-snapshot-id'?: bigint;
  readonly 'sequence-number': number;
  readonly 'timestamp-ms': number;
  readonly summary: Readonly<Record<string, string>>;
  readonly 'manifest-list': string;
  readonly 'schema-id'?: number;
  readonly [field: string]: unknown;
}
export interface SnapshotLogEntry {
  readonly 'timestamp-ms': number;
  readonly 'snapshot-id': bigint;
}
export interface MetadataLogEntry {
  readonly 'timestamp-ms': number;
  readonly 'metadata-file': string;
}
export interface SnapshotRef {
  readonly 'snapshot-id': bigint;
  readonly type: 'branch' | 'tag';
  readonly [field: string]: unknown;
}
/** Statistics files; only what ties them to a snapshot matters here. */
export interface SnapshotBound {
  readonly 'snapshot-id': bigint;
  readonly [field: string]: unknown;
}

/** Metadata that cannot be read: no Iceberg metadata, or of a format version that is not 2 or 3. */
export class MetadataError extends TableFault {
  override readonly name = 'MetadataError';
}

/** Reads a metadata file, gzipped or not. `source` names it in errors. Throws MetadataError. */
export const parseMetadata = (bytes: Uint8Array, source = 'table metadata'): TableMetadata =>
  metadataOf(decode(bytes, source), source);

/** The same, of what `parseJson` has made of a document. */
export function metadataOf(document: unknown, source: string): TableMetadata {
  const json = asObject(document, source);
  const version = json['format-version'];
  if (version !== 2 && version !== 3)
    throw new MetadataError(
      `${source}: Iceberg format version ${String(version)} is not supported, only versions 2 and 3; ` +
        (version === 1
          ? "upgrade the table with another engine (Spark: ALTER TABLE … SET TBLPROPERTIES ('format-version'='2'))"
          : 'use another table for what needs it'),
    );
  for (const field of ['table-uuid', 'location', 'last-sequence-number', 'last-updated-ms', 'last-column-id'])
    if (json[field] === undefined) throw new MetadataError(`${source}: field "${field}" is missing`);
  const current = json['current-snapshot-id'];
  const objects = (field: string) => (Array.isArray(json[field]) ? json[field] : []) as Record<string, unknown>[];
  const bound = (field: string) =>
    json[field] === undefined ? {} : { [field]: objects(field).map((item) => withIds(item, ['snapshot-id'])) };
  const snapshots = objects('snapshots').map((snapshot) =>
    snapshot['parent-snapshot-id'] === null || snapshot['parent-snapshot-id'] === -1
      ? withIds(without(snapshot, 'parent-snapshot-id'), ['snapshot-id'])
      : withIds(snapshot, ['snapshot-id', 'parent-snapshot-id']),
  );
  const currentId = current === null || current === undefined ? -1n : toId(current);
  const metadata = {
    ...json,
    // Files are written below it, whatever Hadoop's name of it is that another engine has put there.
    location: canonical(String(json.location)).replace(/\/+$/, ''),
    'current-snapshot-id': currentId,
    properties: json.properties ?? {},
    schemas: objects('schemas'),
    'partition-specs': objects('partition-specs'),
    'sort-orders': objects('sort-orders'),
    snapshots,
    'snapshot-log': objects('snapshot-log').map((entry) => withIds(entry, ['snapshot-id'])),
    'metadata-log': objects('metadata-log'),
    refs: refsOf(json.refs, currentId),
    ...bound('statistics'),
    ...bound('partition-statistics'),
  } as unknown as TableMetadata;
  if (!metadata.schemas.some((schema) => schema['schema-id'] === metadata['current-schema-id']))
    throw new MetadataError(
      `${source}: current schema ${String(metadata['current-schema-id'])} is not among the schemas`,
    );
  if (!metadata['partition-specs'].some((spec) => spec['spec-id'] === metadata['default-spec-id']))
    throw new MetadataError(
      `${source}: default partition spec ${String(metadata['default-spec-id'])} is not among the specs`,
    );
  if (currentId !== -1n && !snapshots.some((snapshot) => snapshot['snapshot-id'] === currentId))
    throw new MetadataError(`${source}: current snapshot ${currentId} is not among the snapshots`);
  return metadata;
}

/** Made anew, the ledger would have every object read a second time, and amendments would let erased rows come back. */
const irreplaceable: ReadonlySet<string> = new Set([ingestedObjects.name, amendments.name]);

/** A table of a format version that is read here and not written. */
export class ReadOnlyFormat extends TableFault {
  override readonly name = 'ReadOnlyFormat';
  readonly code = 'read-only-format';
  readonly table: string;
  constructor(table: string, version: number) {
    super(
      `table ${table} has Iceberg format version ${version}, which another engine has raised it to: it is read here, and ` +
        'written only at version 2. No engine lowers a version: go back to its last metadata of version 2, or ' +
        `${irreplaceable.has(table) ? 'rebuild the warehouse, since no source has what this table says' : 'where it is filled from sources drop it with its files and run backfill --again, which fills a new one'} ` +
        '(docs/operations.md, "A table of format version 3"); raise no table of this warehouse above version 2',
    );
    this.table = table;
  }
}

/** Throws ReadOnlyFormat. */
export function expectWritable(table: string, metadata: TableMetadata): void {
  if (metadata['format-version'] !== 2) throw new ReadOnlyFormat(table, metadata['format-version']);
}

export function serializeMetadata(metadata: TableMetadata): Uint8Array {
  return Buffer.from(stringifyJson(metadata));
}

export function currentSchema(metadata: TableMetadata): Schema {
  return metadata.schemas.find((schema) => schema['schema-id'] === metadata['current-schema-id'])!;
}

/** False where another table or a branch in the catalog may need what no snapshot of this one has (table property `gc.enabled`). */
export const isGcEnabled = ({ properties }: Pick<TableMetadata, 'properties'>): boolean =>
  properties['gc.enabled']?.toLowerCase() !== 'false';

export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  return snapshotById(metadata, metadata['current-snapshot-id']);
}

export function snapshotById(metadata: TableMetadata, id: bigint): Snapshot | undefined {
  return metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id);
}

/** That of a table with tens of thousands of snapshots has some megabytes; what is so much more is none. */
const mostBytes = 256 << 20;

function decode(bytes: Uint8Array, source: string): unknown {
  try {
    const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const plain = isCompressed ? gunzipSync(bytes, { maxOutputLength: mostBytes }) : bytes;
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(plain));
  } catch (cause) {
    throw new MetadataError(`${source}: not Iceberg table metadata (JSON)`, { cause });
  }
}

function asObject(value: unknown, source: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MetadataError(`${source}: not Iceberg table metadata (a JSON object)`);
  return value as Record<string, unknown>;
}

/** Branch `main` follows the current snapshot; writers before refs existed left it out (spec, "Snapshot References"). */
function refsOf(value: unknown, current: bigint): Record<string, SnapshotRef> {
  const refs = Object.fromEntries(
    Object.entries((value ?? {}) as Record<string, Record<string, unknown>>).map(([name, ref]) => [
      name,
      withIds(ref, ['snapshot-id']) as unknown as SnapshotRef,
    ]),
  );
  return current === -1n || refs.main ? refs : { ...refs, main: { 'snapshot-id': current, type: 'branch' } };
}

const toId = (value: unknown): bigint => BigInt(value as number | bigint | string);

function withIds(object: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> {
  const copy = { ...object };
  for (const field of fields) if (copy[field] !== undefined && copy[field] !== null) copy[field] = toId(copy[field]);
  return copy;
}

function without(object: Record<string, unknown>, field: string): Record<string, unknown> {
  const { [field]: _dropped, ...rest } = object;
  return rest;
}
