/**
 * The columnar encoder: from a batch of columns to the bytes of a Parquet file without a row, or a string or object a
 * value, in between. The same input gives the same bytes: what runs in parallel is only compression, whose results are
 * placed in order.
 */
import type { ColumnBatch } from '../../columns/batch.ts';
import type { EncodedFile, EncodeInput, ParquetEncoder } from '../encoder.ts';
import { allRows, columnsByName } from '../input.ts';
import { type LeafStream, leafData, Shredder } from '../levels.ts';
import { type FileSchema, fileSchema, type Leaf } from '../schema.ts';
import type { ByteSink } from './byte-sink.ts';
import { encodeChunk } from './column-chunk.ts';
import { Compressor } from './compression.ts';
import { DictionaryMaker } from './dictionary.ts';
import { FileLayout, type PendingChunk, type PendingRowGroup } from './file-layout.ts';

const defaultLevel = 3;

/** Buffers that one file needs and the next can use again. */
class Workspace {
  readonly shredder = new Shredder();
  readonly dictionaries = new DictionaryMaker();
  readonly sinks: ByteSink[] = [];
}

export class ColumnarEncoder implements ParquetEncoder {
  readonly name = 'columnar';
  /** As many as files have been encoded at the same time. */
  readonly #idle: Workspace[] = [];

  async encode(input: EncodeInput): Promise<EncodedFile> {
    const schema = fileSchema(input.columns);
    const rows = input.order ?? allRows(input.batch.rows);
    const workspace = this.#idle.pop() ?? new Workspace();
    const file = new FileLayout(schema, input.sortedBy ?? []);
    for (const group of await encodeRowGroups(input, schema.leaves, rows, workspace)) await file.add(group);
    // All pages have been awaited, so nothing is left that uses the buffers.
    this.#idle.push(workspace);
    return file.finish();
  }
}

/** A file of rows that come a batch at a time, for what is larger than memory. The same rows and cuts, the same bytes. */
export class ColumnarFileWriter {
  readonly #input: Omit<EncodeInput, 'batch' | 'order'>;
  readonly #schema: FileSchema;
  readonly #file: FileLayout;
  readonly #workspace = new Workspace();

  constructor(input: Omit<EncodeInput, 'batch' | 'order'>) {
    this.#input = input;
    this.#schema = fileSchema(input.columns);
    this.#file = new FileLayout(this.#schema, input.sortedBy ?? []);
  }

  /** Bytes so far, without the indexes and the footer. */
  get size(): number {
    return this.#file.size;
  }

  get rows(): number {
    return this.#file.rows;
  }

  /** Adds these rows as row groups of their own; the batch is free afterwards. */
  async add(batch: ColumnBatch, order: Uint32Array = allRows(batch.rows)): Promise<void> {
    const input = { ...this.#input, batch };
    for (const group of await encodeRowGroups(input, this.#schema.leaves, order, this.#workspace))
      await this.#file.add(group);
  }

  finish(): EncodedFile {
    return this.#file.finish();
  }
}

async function encodeRowGroups(
  input: EncodeInput,
  leaves: readonly Leaf[],
  rows: Uint32Array,
  { shredder, dictionaries, sinks }: Workspace,
): Promise<PendingRowGroup[]> {
  const { rowGroupRows } = input;
  const columns = columnsByName(input.batch);
  const compressor = new Compressor(input.compressionLevel ?? defaultLevel, sinks);
  const bloomColumns = new Set(input.bloomColumns);
  const groups: PendingRowGroup[] = [];
  for (let from = 0; from < rows.length; from += rowGroupRows) {
    const groupRows = rows.subarray(from, from + rowGroupRows);
    const pending: PendingChunk[] = [];
    for (const leaf of leaves) {
      const { name } = leaf.column;
      const column = columns.get(name);
      const data = leafData(leaf, column);
      const stream: LeafStream = shredder.shred(leaf, column, groupRows);
      const chunk = await encodeChunk(leaf, data, stream, dictionaries, compressor, bloomColumns.has(name));
      pending.push({ leaf, data, levels: stream.levels, values: stream.values, chunk });
    }
    groups.push({ rows: groupRows.length, leaves: pending });
  }
  return groups;
}
