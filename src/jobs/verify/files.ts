/** Each file of a current snapshot against what its manifest says of it: there, of that size, those rows, within those bounds. */
import type { FileMetaData } from 'hyparquet';
import type { ColumnBatch } from '../../columns/batch.ts';
import { isScalar, type Scalar, type ScalarType, type Value } from '../../columns/types.ts';
import { currentSchema, type SchemaField, type TableMetadata } from '../../iceberg/metadata.ts';
import { namesOf } from '../../iceberg/name-mapping.ts';
import { asParquet, type LiveFile } from '../../iceberg/scan.ts';
import { fieldsByName } from '../../iceberg/schema.ts';
import { decodeValue } from '../../iceberg/values.ts';
import type { DigestedBatch } from '../../kernel/row-digests.ts';
import { compareValues, fixedBytes } from '../../parquet/format/bounds.ts';
import { ColumnReader } from '../../parquet/read/column-reader.ts';
import { findColumn, storedColumns } from '../../parquet/read/stored-column.ts';
import type { ObjectStore } from '../../store/store.ts';
import { compareText } from '../../text/order.ts';
import type { Differences } from './difference.ts';

/** The file, open where it is Parquet; undefined where it cannot be read on. */
export async function checkFile(
  store: ObjectStore,
  table: string,
  metadata: TableMetadata,
  file: LiveFile,
  differences: Differences,
): Promise<{ readonly reader: ColumnReader | undefined } | undefined> {
  const found = { table, uri: file.path } as const;
  const info = await store.head(file.path);
  if (info === undefined) {
    differences.add({ kind: 'file-missing', ...found, expected: file.recordCount });
    return undefined;
  }
  if (info.size !== file.fileSize) {
    differences.add({ kind: 'file-size', ...found, expected: file.fileSize, found: info.size });
    return undefined;
  }
  if (file.format !== 'PARQUET') return { reader: undefined };
  let reader: ColumnReader;
  try {
    reader = await ColumnReader.open(store, asParquet(file));
  } catch (error) {
    differences.add({ kind: 'file-unreadable', ...found, detail: error instanceof Error ? error.message : '' });
    return undefined;
  }
  const { footer } = reader;
  if (Number(footer.num_rows) !== file.recordCount)
    differences.add({ kind: 'file-rows', ...found, expected: file.recordCount, found: Number(footer.num_rows) });
  const bounds = new Bounds(metadata, file);
  const fields = fieldsInFile(metadata, footer);
  for (const group of footer.row_groups) {
    for (const { meta_data: chunk } of group.columns) {
      if (chunk?.path_in_schema.length !== 1) continue;
      const { min_value, max_value, is_min_value_exact, is_max_value_exact } = chunk.statistics ?? {};
      const name = fields.get(chunk.path_in_schema[0]!);
      if (name === undefined) continue;
      // Truncated statistics lie outside of the values by design, and not every engine says so of its texts.
      if (is_min_value_exact ?? typeof min_value !== 'string') bounds.see(name, min_value as Value);
      if (is_max_value_exact ?? typeof max_value !== 'string') bounds.see(name, max_value as Value);
    }
  }
  bounds.report(table, differences);
  return { reader };
}

/** The names that the table has for the columns of a file, by those of the file. */
function fieldsInFile(metadata: TableMetadata, footer: FileMetaData): ReadonlyMap<string, string> {
  const stored = storedColumns(footer);
  const found = currentSchema(metadata).fields.flatMap((field) => {
    const column = findColumn(stored, field, namesOf(metadata));
    return column === undefined ? [] : [[column.name, field.name] as const];
  });
  return new Map(found);
}

/** Compares values of a file with the bounds that its manifest gives for their columns. */
export class Bounds {
  readonly #fields: ReadonlyMap<string, SchemaField>;
  readonly #file: LiveFile;
  readonly #lower: LiveFile['lowerBounds'];
  readonly #upper: LiveFile['upperBounds'];
  readonly #broken = new Set<string>();

  constructor(metadata: TableMetadata, file: LiveFile) {
    this.#file = file;
    // They are looked up for each value.
    this.#lower = new Map(file.lowerBounds);
    this.#upper = new Map(file.upperBounds);
    this.#fields = new Map([...fieldsByName(metadata)].filter(([, field]) => typeof field.type === 'string'));
  }

  see(name: string, value: Value | undefined): void {
    const field = this.#fields.get(name);
    if (field === undefined || value === null || value === undefined || typeof value === 'object') return;
    const [lower, upper] = [this.#lower.get(field.id), this.#upper.get(field.id)];
    const least = lower && decodeValue(field.type, lower);
    const greatest = upper && decodeValue(field.type, upper);
    if (least !== undefined && compareValues(least, value) > 0) this.#broken.add(name);
    if (greatest !== undefined && compareValues(greatest, value) < 0) this.#broken.add(name);
  }

  /** All values of columns at once. */
  seeColumns(digested: DigestedBatch, { columns }: ColumnBatch): void {
    for (const { name, type } of columns) {
      const field = this.#fields.get(name);
      if (field === undefined || !isScalar(type)) continue;
      const [lower, upper] = [this.#lower, this.#upper].map((bounds) => {
        const bytes = bounds.get(field.id);
        return bytes && comparable(type, decodeValue(field.type, bytes));
      });
      if (!digested.isWithin(name, lower, upper)) this.#broken.add(name);
    }
  }

  report(table: string, differences: Differences): void {
    if (this.#broken.size === 0) return;
    const detail = `columns ${[...this.#broken].sort(compareText).join(', ')}`;
    differences.add({ kind: 'file-bounds', table, uri: this.#file.path, detail });
  }
}

/** As the kernel compares bounds: the bytes of texts, the bits of numbers. */
function comparable(type: ScalarType, value: Scalar | undefined): Uint8Array | undefined {
  if (value === undefined || value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value);
  return type === 'double' ? fixedBytes(type, value) : fixedBytes('long', BigInt(value));
}
