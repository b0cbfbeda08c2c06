/** From a batch of columns to the files of a table: rows sorted, split by day, cut at a number of rows, encoded. */
import type { ColumnBatch } from '../../columns/batch.ts';
import { sortOrder, splitByDay } from '../../kernel/sort-order.ts';
import type { EncodedFile, FileColumn, ParquetEncoder } from '../encoder.ts';

export interface DayFilesRequest {
  readonly batch: ColumnBatch;
  readonly columns: readonly FileColumn[];
  readonly sortedBy: readonly string[];
  readonly bloomColumns: readonly string[];
  readonly partitionColumn: string;
  /** Rows of a file, at most. */
  readonly fileRows: number;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
}

export interface DayFile {
  readonly ymd: string;
  readonly encoded: EncodedFile;
}

/** Files in the order of their days, then of their rows, each when it is asked for: a batch may have rows of very many days. */
export async function* dayFiles(
  encoder: ParquetEncoder,
  { batch, partitionColumn, fileRows, ...file }: DayFilesRequest,
): AsyncGenerator<DayFile, void, undefined> {
  for (const { day, order } of splitByDay(batch, sortOrder(batch, file.sortedBy), partitionColumn)) {
    for (let start = 0; start < order.length; start += fileRows) {
      const encoded = await encoder.encode({ ...file, batch, order: order.subarray(start, start + fileRows) });
      yield { ymd: day, encoded };
    }
  }
}
