/** Pages as others may make them: anything that is not a page is a fault, and nothing but the column is written to. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ColumnType } from '../../src/columns/types.ts';
import { KernelColumn } from '../../src/kernel/columns.ts';
import { kernel } from '../../src/kernel/kernel.ts';

const { call, bytes: memory } = kernel();

interface Leaf {
  readonly type: ColumnType;
  readonly physical: number;
  readonly encodings: readonly number[];
}

const leaves: Record<string, Leaf> = {
  boolean: { type: 'boolean', physical: 0, encodings: [0, 3, 8] },
  int: { type: 'int', physical: 1, encodings: [0, 5, 8] },
  long: { type: 'long', physical: 2, encodings: [0, 5, 8] },
  double: { type: 'double', physical: 5, encodings: [0, 8] },
  string: { type: 'string', physical: 6, encodings: [0, 6, 7, 8] },
};

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const zigzag = (value: number): number[] => varint(value < 0 ? -value * 2 - 1 : value * 2);
const uint32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];

/** Appends a page to a column, whose dictionary, if any, is `dictionary`. */
function append(
  column: KernelColumn,
  leaf: Leaf,
  page: { readonly bytes: readonly number[]; readonly count: number; readonly encoding: number },
  { definition = 0, isRepeated = false, dictionary }: PageShape = {},
): number {
  call.beginLeaf(leaf.physical, definition, isRepeated, 1, 2);
  if (dictionary !== undefined) {
    memory.set(dictionary.bytes, call.dictionarySpace(dictionary.bytes.length));
    const fault = call.addDictionary(dictionary.bytes.length, dictionary.count);
    if (fault !== 0) return fault;
  }
  memory.set(page.bytes, call.pageSpace(page.bytes.length));
  const target = column.elements ?? column;
  const owner = column.elements === undefined ? 0 : column.place;
  return call.appendPage(owner, target.place, page.bytes.length, page.count, page.encoding, -1, -1);
}

interface PageShape {
  readonly definition?: number;
  readonly isRepeated?: boolean;
  readonly dictionary?: { readonly bytes: readonly number[]; readonly count: number };
}

describe('bytes that nobody wrote as a page', () => {
  test.each(Object.entries(leaves))('%s', (_, leaf) => {
    const some = fc.array(fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 128, 255)), { maxLength: 80 });
    fc.assert(
      fc.property(
        some,
        fc.nat(300),
        fc.constantFrom(...leaf.encodings),
        fc.boolean(),
        fc.nat(1),
        fc.option(fc.record({ bytes: some, count: fc.nat(20) }), { nil: undefined }),
        (bytes, count, encoding, isRepeated, definition, dictionary) => {
          const column = new KernelColumn(kernel(), isRepeated ? { list: leaf.type as 'int' } : leaf.type);
          const before = call.memoryTop();
          const shape: PageShape = {
            definition: isRepeated ? 3 : definition,
            isRepeated,
            ...(dictionary && { dictionary }),
          };
          const fault = append(column, leaf, { bytes, count, encoding }, shape);
          expect(fault >= 0 && fault < 10).toBe(true);
          if (fault === 0 && !isRepeated) expect(column.length).toBe(count);
          expect(call.memoryTop() - before).toBeLessThan(1 << 22);
          // Throws where something was written behind a block.
          column.release();
        },
      ),
      { numRuns: 200 },
    );
  });
});

test.each<[string, Leaf, number, number[], number]>([
  ['a run that ends before its value', leaves.string!, 8, [8, 2], 3],
  ['a run of nothing', leaves.string!, 8, [1, 0, 0], 3],
  ['bits that are missing', leaves.string!, 8, [8, 3, 0, 0], 8],
  ['a text longer than its page', leaves.string!, 0, [...uint32(0x7fffffff), 65], 1],
  ['a text of nearly 4 GiB', leaves.string!, 0, [...uint32(0xfffffffc), 65], 1],
  ['a negative length', leaves.string!, 6, [...varint(128), ...varint(4), ...varint(1), ...zigzag(-1), 65], 1],
  ['another number of values', leaves.long!, 5, [...varint(128), ...varint(4), ...varint(3), ...zigzag(1)], 2],
  ['no miniblocks', leaves.long!, 5, [...varint(128), ...varint(0), ...varint(2), ...zigzag(1), 0], 2],
  [
    'wide deltas that are missing',
    leaves.long!,
    5,
    [...varint(128), ...varint(4), ...varint(2), 2, 0, 64, 0, 0, 0, 1],
    2,
  ],
  [
    'a prefix of nothing',
    leaves.string!,
    7,
    [...varint(128), ...varint(4), 1, ...zigzag(1), ...varint(128), ...varint(4), 1, 0],
    1,
  ],
])('%s is a fault', (_, leaf, encoding, bytes, count) => {
  const column = new KernelColumn(kernel(), leaf.type);
  const dictionary = encoding === 8 ? { bytes: [...uint32(1), 65], count: 1 } : undefined;
  expect(append(column, leaf, { bytes, count, encoding }, { ...(dictionary && { dictionary }) })).toBeGreaterThan(0);
  column.release();
});

test('deltas of all 64 bits, also at an odd place, and of 32 bits that overflow', () => {
  const long = new KernelColumn(kernel(), 'long');
  const deltas = [2n ** 63n, 1n, 2n ** 64n - 1n, 0x123456789abcdefn];
  const packed = deltas.flatMap((delta) => [...new Uint8Array(BigUint64Array.of(delta).buffer)]);
  const head = (count: number, first: number) => [...varint(128), ...varint(4), ...varint(count), ...zigzag(first)];
  const bytes = [...head(5, 7), 0, 64, 0, 0, 0, ...packed, ...Array(32 * 8 - packed.length).fill(0)];
  expect(append(long, leaves.long!, { bytes, count: 5, encoding: 5 })).toBe(0);
  let value = 7n;
  const expected = [7n, ...deltas.map((delta) => (value = BigInt.asIntN(64, value + delta)))];
  expect([...(long.data() as { values: BigInt64Array }).values]).toEqual(expected);

  const int = new KernelColumn(kernel(), 'int');
  const wide = [...head(2, 2147483647), ...zigzag(1), 0, 0, 0, 0];
  expect(append(int, leaves.int!, { bytes: wide, count: 2, encoding: 5 })).toBe(0);
  expect([...(int.data() as { values: Int32Array }).values]).toEqual([2147483647, -2147483648]);
});
