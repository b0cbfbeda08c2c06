/** Looks values up in the bloom filter of a column chunk (parquet-format, BloomFilter.md). */
import type { SchemaElement } from 'hyparquet';
import { readBloomFilter, sbbfContains } from 'hyparquet/src/bloom.js';
import { xxhash64 } from 'hyparquet/src/xxhash.js';
import { isPlainInteger, isText, timestampUnit } from '../../../parquet/read/stored-column.ts';
import type { Constant } from './condition.ts';

/** False only where none of the values is in the chunk. `filter` has the header in front. */
export function mayHold(filter: Uint8Array, element: SchemaElement, values: readonly Constant[]): boolean {
  const hashes = values.map((value) => hashOf(value, element));
  if (!hashes.every((hash) => hash !== undefined)) return true;
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const bloom = readBloomFilter({ view, offset: 0 });
  return bloom === undefined || hashes.some((hash) => sbbfContains(bloom.blocks, hash));
}

/** Undefined where the file does not hold the value in the same form. */
function hashOf({ kind, value }: Constant, element: SchemaElement): bigint | undefined {
  if (kind === 'text' && value instanceof Uint8Array && isText(element)) return xxhash64(new Uint8Array(value));
  if (typeof value !== 'bigint') return undefined;
  const isInteger = kind === 'integer' && isPlainInteger(element);
  if (element.type === 'INT64' && (isInteger || (kind === 'timestamp' && timestampUnit(element) === 'MICROS'))) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return xxhash64(new Uint8Array(bytes));
  }
  if (element.type === 'INT32' && isInteger && value === BigInt.asIntN(32, value)) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(Number(value));
    return xxhash64(new Uint8Array(bytes));
  }
  return undefined;
}
