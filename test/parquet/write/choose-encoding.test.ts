import { expect, test } from 'vitest';
import { readFooter } from '../../../src/parquet/read/row-reader.ts';
import { ColumnarEncoder } from '../../../src/parquet/write/encoder.ts';
import { storeOf } from '../../contract/encoder.ts';
import { fileColumns } from '../batches.ts';
import { writeCase } from '../cases.ts';

test('a chunk that is too small to be compressed gets the encoding that is smallest as it stands', async () => {
  const columns = fileColumns({ s: 'string' });
  const rows = Array.from({ length: 5 }, (_, row) => [`/some/rather/long/path/of/an/endpoint/${row}`]);
  const { bytes } = await writeCase(new ColumnarEncoder(), { name: '', columns, rows });
  const { store, file } = await storeOf(bytes);
  const [chunk] = (await readFooter(store, file)).row_groups[0]!.columns;
  expect(chunk!.meta_data).toMatchObject({ codec: 'UNCOMPRESSED', encodings: ['RLE', 'DELTA_BYTE_ARRAY'] });
});
