import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import { encoderContract } from '../contract/encoder.ts';

encoderContract(() => new ColumnarEncoder(), {});

encoderContract(() => new ParquetJsEncoder(), {
  dictionaries: 'parquetjs-lite writes PLAIN and RLE only',
  pageIndex: 'its page index lacks required fields, so it is left out',
  bloomFilters: 'it has none',
});
