/** Split-block bloom filters (parquet-format, BloomFilter.md): their size and header; the kernel sets the bits. */
import type { ScalarData } from '../../columns/batch.ts';
import { kernel } from '../../kernel/kernel.ts';
import { CompactWriter } from '../format/thrift.ts';
import type { Dictionary } from './dictionary.ts';

const blockBytes = 32;
const maxBytes = 1 << 20;
/** Eight bits a distinct value: at most about 3 % false positives; sizes are powers of two, so often fewer. */
const bitsPerValue = 8;

/** Header and bits of a filter that holds the values of the chunk; without a dictionary, most of them should differ. */
export function bloomFilter(data: ScalarData, values: number, dictionary: Dictionary | undefined): Uint8Array {
  const { call } = kernel();
  const count = dictionary?.entries ?? values;
  const wanted = Math.min(maxBytes, Math.max(blockBytes, (count * bitsPerValue) / 8));
  const bytes = 2 ** Math.ceil(Math.log2(wanted));
  const fill = data.kind === 'string' ? call.bloomFilterOfTexts : call.bloomFilterOfNumbers;
  const bits = kernel().uint8(fill(bytes, dictionary !== undefined), bytes);
  const header = filterHeader(bytes);
  const filter = new Uint8Array(header.length + bytes);
  filter.set(header);
  filter.set(bits, header.length);
  return filter;
}

/** Readers can look nothing up by booleans, and equal doubles may have unequal bits. */
export function canHaveBloomFilter(data: ScalarData): boolean {
  return data.kind === 'string' || (data.type !== 'boolean' && data.type !== 'double');
}

/** parquet.thrift, struct BloomFilterHeader: BLOCK algorithm, XXHASH, UNCOMPRESSED. */
function filterHeader(bytes: number): Uint8Array {
  const out = new CompactWriter();
  out.element(() => {
    out.i32(1, bytes);
    for (const field of [2, 3, 4]) out.struct(field, () => out.struct(1));
  });
  return out.bytes();
}
