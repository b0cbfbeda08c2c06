/**
 * Split-block bloom filters (parquet-format, BloomFilter.md): blocks of 256 bits, of which a value sets one bit in each
 * of eight words, hashed by xxHash64 over the value's PLAIN encoding without length.
 */
import type { ScalarData } from '../../columns/batch.ts';
import { CompactWriter } from '../thrift.ts';
import { hash, hashBytes } from './xxhash64.ts';

const blockBytes = 32;
const maxBytes = 1 << 20;
/** Eight bits a distinct value: at most about 3 % false positives; sizes are powers of two, so often fewer. */
const bitsPerValue = 8;

const salt = new Int32Array([
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
]);

/** Header and bits of a filter that holds the values at slots[0, count), of which most should be distinct. */
export function bloomFilter(data: ScalarData, slots: Uint32Array, count: number): Uint8Array {
  const wanted = Math.min(maxBytes, Math.max(blockBytes, (count * bitsPerValue) / 8));
  const bytes = 2 ** Math.ceil(Math.log2(wanted));
  const words = new Int32Array(bytes / 4);
  const blocks = bytes / blockBytes;
  if (data.kind === 'string') {
    const { codes, offsets, bytes: text } = data;
    const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const entry = codes === null ? slot : codes[slot]!;
      hashBytes(view, offsets[entry]!, offsets[entry + 1]!);
      insert(words, blocks);
    }
  } else {
    const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: width } = data.values!;
    const view = new DataView(buffer, byteOffset, byteLength);
    for (let i = 0; i < count; i++) {
      hashBytes(view, slots[i]! * width, slots[i]! * width + width);
      insert(words, blocks);
    }
  }
  const header = filterHeader(bytes);
  const filter = new Uint8Array(header.length + bytes);
  filter.set(header);
  filter.set(new Uint8Array(words.buffer), header.length);
  return filter;
}

/** Readers can look nothing up by booleans, and equal doubles may have unequal bits. */
export function canHaveBloomFilter(data: ScalarData): boolean {
  return data.kind === 'string' || (data.type !== 'boolean' && data.type !== 'double');
}

/** The upper half of the hash picks the block, the lower one the bits. */
function insert(words: Int32Array, blocks: number): void {
  const block = Math.floor((hash[1]! * blocks) / 4294967296) * 8;
  const key = hash[0]! | 0;
  for (let i = 0; i < 8; i++) words[block + i]! |= 1 << (Math.imul(key, salt[i]!) >>> 27);
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
