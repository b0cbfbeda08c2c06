/** A column as the chunk that the kernel holds, for tests of what the kernel does with it. */
import type { ScalarData } from '../../src/columns/batch.ts';
import type { ColumnType, Value } from '../../src/columns/types.ts';
import { kernel } from '../../src/kernel/kernel.ts';
import { KernelRows } from '../../src/kernel/rows.ts';
import { allRows } from '../../src/parquet/encoder.ts';
import { fileSchema, type Leaf } from '../../src/parquet/format/schema.ts';
import { sinkBody } from '../../src/parquet/write/compression.ts';
import { gatherValues, type LeafStream, leafData, shred } from '../../src/parquet/write/shred.ts';
import { batchOf, fileColumns, type StringLayout } from '../parquet/batches.ts';

export interface Chunk {
  readonly leaf: Leaf;
  readonly data: ScalarData;
  readonly stream: LeafStream;
}

export interface ChunkOptions {
  readonly layout?: StringLayout;
  readonly required?: boolean;
  /** Which leaf of a map. */
  readonly leaf?: 0 | 1;
  readonly order?: Uint32Array;
}

/** The values are gathered where there are some. */
export function inChunk<T>(
  type: ColumnType,
  values: readonly Value[],
  use: (chunk: Chunk) => T,
  { layout = 'plain', required = false, leaf: index = 0, order = allRows(values.length) }: ChunkOptions = {},
): T {
  const columns = fileColumns({ column: type }).map((column) => ({ ...column, required }));
  const batch = batchOf(
    columns,
    values.map((value) => [value]),
    layout,
  );
  const column = batch.columns[0]!.data;
  const leaf = fileSchema(columns).leaves[index]!;
  const rows = new KernelRows(order);
  try {
    const stream = shred(leaf, column, rows);
    const data = leafData(leaf, column)!;
    if (stream.values > 0) gatherValues(data);
    return use({ leaf, data, stream });
  } finally {
    rows.release();
  }
}

/** A copy of what is written to the sink meanwhile. */
export function written(write: () => void): Uint8Array {
  kernel().call.clearSink();
  write();
  return sinkBody().slice();
}
