/**
 * Writing data files: columns become one Parquet file in the store and the DataFile that a commit can add.
 * The name of a file holds a digest of its bytes, so writing the same rows again, after a crash or by two workers at
 * once, gives the same object with the same content, and no file that a snapshot holds is ever overwritten by another.
 */
import { createHash } from 'node:crypto';
import type { LoadedTable } from '../catalog/catalog.ts';
import type { ColumnBatch } from '../columns/batch.ts';
import type { ParquetEncoder } from '../parquet/encoder.ts';
import type { ObjectStore } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { partitionColumn } from '../tables/declaration.ts';
import { type DataFile, dataFile } from './data-file.ts';
import { fileColumns } from './schema.ts';

export interface FileWriter {
  readonly store: ObjectStore;
  readonly encoder: ParquetEncoder;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
}

export interface FileContent {
  /** The table as loaded, evolved to `declaration`. */
  readonly table: LoadedTable;
  readonly declaration: TableDeclaration;
  readonly batch: ColumnBatch;
  readonly order: Uint32Array;
  /** The partition: every row of `order` has this `ymd`. */
  readonly ymd: string;
  /** First part of the file's name. */
  readonly label: string;
}

export async function writeDataFile(writer: FileWriter, content: FileContent): Promise<DataFile> {
  const { table, declaration, batch, order, ymd, label } = content;
  const encoded = await writer.encoder.encode({
    columns: fileColumns(table.metadata, declaration),
    batch,
    order,
    sortedBy: declaration.sortedBy,
    bloomColumns: declaration.bloomColumns,
    rowGroupRows: writer.rowGroupRows,
    compressionLevel: writer.compressionLevel,
  });
  const digest = createHash('sha256');
  for (const chunk of encoded.chunks) digest.update(chunk);
  const path = `${table.metadata.location}/data/${partitionColumn}=${ymd}/${label}-${digest.digest('hex').slice(0, 16)}.parquet`;
  await writer.store.put(path, encoded.chunks, { contentType: 'application/vnd.apache.parquet' });
  return dataFile({ path, ymd, encoded, metadata: table.metadata, declaration });
}
