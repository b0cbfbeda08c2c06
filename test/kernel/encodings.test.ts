/** The kernel's encodings against the plainest definition of each. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scalar, ScalarType } from '../../src/columns/types.ts';
import { kernel } from '../../src/kernel/kernel.ts';
import { makeDictionary } from '../../src/parquet/write/dictionary.ts';
import { doubles, ints, longs, nearLongs, runs, texts } from './arbitraries.ts';
import { inChunk, written } from './chunk.ts';
import { readHybrid } from './plain-decoding.ts';

const { call } = kernel();

describe('PLAIN', () => {
  const plain: Record<ScalarType, (values: readonly Scalar[]) => Buffer> = {
    boolean: (values) => {
      const bytes = Buffer.alloc(Math.ceil(values.length / 8));
      for (const [i, value] of values.entries()) bytes[i >> 3]! |= Number(value) << (i & 7);
      return bytes;
    },
    int: (values) => Buffer.from(Int32Array.from(values as number[]).buffer),
    long: (values) => Buffer.from(BigInt64Array.from(values as bigint[]).buffer),
    timestamp: (values) => Buffer.from(BigInt64Array.from(values as bigint[]).buffer),
    double: (values) => Buffer.from(Float64Array.from(values as number[]).buffer),
    string: (values) =>
      Buffer.concat(
        values.flatMap((value) => {
          const bytes = Buffer.from(value as string);
          const length = Buffer.alloc(4);
          length.writeUInt32LE(bytes.length);
          return [length, bytes];
        }),
      ),
  };

  test.each<[ScalarType, fc.Arbitrary<Scalar[]>]>([
    ['boolean', fc.array(fc.boolean(), { maxLength: 300, size: 'max' })],
    ['int', ints],
    ['long', longs],
    ['double', doubles],
    ['string', texts],
  ])('%s', (type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), (values, cut) => {
        const from = values.length === 0 ? 0 : cut % values.length;
        const write = type === 'string' ? call.writePlainTexts : call.writePlainNumbers;
        const bytes = inChunk(type, values, () => written(() => values.length > 0 && write(from, values.length)));
        expect(Buffer.compare(bytes, plain[type](values.slice(from)))).toBe(0);
      }),
    );
  });
});

describe('delta encodings', () => {
  test.each<[ScalarType, fc.Arbitrary<Scalar[]>]>([
    ['long', nearLongs],
    ['long', longs],
    ['int', ints],
  ])('binary packing of %s', (type, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (values) => {
        const bytes = inChunk(type, values, () =>
          written(() => values.length > 0 && call.writeDeltaNumbers(0, values.length)),
        );
        if (values.length === 0) return;
        const input = new Input(bytes);
        expect(input.binaryPacked()).toEqual(values.map((value) => BigInt(value as number | bigint)));
        expect(input.at).toBe(bytes.length);
      }),
    );
  });

  test('nothing still has a header', () => {
    inChunk('long', [1n], () => {
      expect(new Input(written(() => call.writeDeltaNumbers(0, 0))).binaryPacked()).toEqual([]);
    });
  });

  test.each(['plain', 'dictionary'] as const)('lengths, then bytes (%s)', (layout) => {
    fc.assert(
      fc.property(texts, (values) => {
        const bytes = inChunk('string', values, () => written(() => call.writeDeltaLength(0, values.length)), {
          layout,
        });
        expect(new Input(bytes).lengthsAndBytes().map(String)).toEqual(values);
      }),
    );
  });

  test.each(['plain', 'dictionary'] as const)('shared prefixes (%s)', (layout) => {
    fc.assert(
      fc.property(texts, (values) => {
        const bytes = inChunk('string', values, () => written(() => call.writeDeltaStrings(0, values.length)), {
          layout,
        });
        const input = new Input(bytes);
        const shared = input.binaryPacked().map(Number);
        let before: Buffer = Buffer.alloc(0);
        const decoded = input.lengthsAndBytes().map((rest, i) => {
          before = Buffer.concat([before.subarray(0, shared[i]), rest]);
          return String(before);
        });
        expect(decoded).toEqual(values);
      }),
    );
  });
});

describe('runs and bit packing', () => {
  test.each([1, 2, 3, 7, 8, 9, 12, 16, 17])('dictionary indices of %i bits', (bits) => {
    fc.assert(
      fc.property(runs(bits), (values) => {
        inChunk('int', values, ({ data, stream }) => {
          makeDictionary(data, stream);
          // What the dictionary was found to be worth does not matter here: the indices are there.
          const distinct = [...new Set(values)];
          if (call.dictionaryEntries() < distinct.length) return;
          const width = Math.max(1, 32 - Math.clz32(distinct.length - 1));
          const bytes = written(() => call.writeIndices(0, values.length, width));
          expect(bytes[0]).toBe(width);
          const indices = new Int32Array(values.length);
          readHybrid(bytes, 1, bytes.length, width, indices, values.length);
          expect(Array.from(indices, (index) => distinct[index])).toEqual(values);
          expect(bytes.length).toBeLessThanOrEqual(12 + Math.ceil(values.length / 8) * width);
        });
      }),
    );
  });

  test('definition levels', () => {
    fc.assert(
      fc.property(runs(1), fc.nat(), (present, cut) => {
        const values = present.map((there) => (there === 1 ? 'x' : null));
        inChunk('string', values, ({ stream }) => {
          if (stream.definition !== null) {
            expect(new Set(present)).toEqual(new Set([stream.definition]));
            return;
          }
          const from = cut % values.length;
          const bytes = written(() => call.writeDefinition(from, values.length, 1));
          expect(levelsOf(bytes, 1, values.length - from)).toEqual(present.slice(from));
        });
      }),
    );
  });

  test('one level for all', () => {
    const bytes = written(() => call.writeLevelRun(2, 300_000, 2));
    expect(new Set(levelsOf(bytes, 2, 300_000))).toEqual(new Set([2]));
  });
});

describe('shredding', () => {
  const list = fc.array(fc.option(fc.option(fc.nat({ max: 9 }), { nil: null }), { nil: undefined }), { maxLength: 20 });

  test.each([false, true])('lists with nulls, in any order of rows (required: %s)', (required) => {
    const lists = fc.array(fc.option(list, { nil: null }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(lists, fc.infiniteStream(fc.nat()), (all, random) => {
        const rows = all.map((items) => items?.map((item) => item ?? null) ?? (required ? [] : null));
        const order = Uint32Array.from(rows, () => random.next().value! % rows.length);
        const outer = required ? 0 : 1;
        const definition: number[] = [];
        const repetition: number[] = [];
        const values: number[] = [];
        for (const row of order) {
          const items = rows[row]!;
          if (items === null || items.length === 0) {
            definition.push(items === null ? 0 : outer);
            repetition.push(0);
          }
          for (const [i, item] of (items ?? []).entries()) {
            definition.push(outer + (item === null ? 1 : 2));
            repetition.push(i === 0 ? 0 : 1);
            if (item !== null) values.push(item);
          }
        }
        const use: Parameters<typeof inChunk>[2] = ({ leaf, stream }) => {
          expect(stream).toMatchObject({ levels: definition.length, values: values.length, isRepeated: true });
          const found = written(() => call.writeRepetition(0, stream.levels));
          expect(levelsOf(found, 1, stream.levels)).toEqual(repetition);
          if (stream.definition !== null) expect(new Set(definition)).toEqual(new Set([stream.definition]));
          else {
            const bytes = written(() => call.writeDefinition(0, stream.levels, 2));
            expect(levelsOf(bytes, 2, stream.levels)).toEqual(definition);
            expect(call.countDefinition(0, stream.levels, leaf.maxDefinition)).toBe(values.length);
          }
          const plain = written(() => values.length > 0 && call.writePlainNumbers(0, values.length));
          expect([...new Int32Array(plain.buffer)]).toEqual(values);
        };
        inChunk({ list: 'int' }, rows, use, { required, order });
      }),
    );
  });
});

function levelsOf(bytes: Uint8Array, width: number, count: number): number[] {
  const length = new DataView(bytes.buffer).getUint32(0, true);
  expect(length).toBe(bytes.length - 4);
  const levels = new Uint8Array(count);
  readHybrid(bytes, 4, bytes.length, width, levels, count);
  return [...levels];
}

/** Reads as Encodings.md tells it, bit by bit. */
class Input {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  binaryPacked(): bigint[] {
    const [block, miniblocks, count] = [this.#varint(), this.#varint(), Number(this.#varint())];
    const perMiniblock = Number(block / miniblocks);
    const values = [this.#zigzag()];
    while (values.length < count) {
      const least = this.#zigzag();
      const widths = this.#take(Number(miniblocks));
      for (const width of widths) {
        if (values.length >= count) break;
        const packed = this.#take((perMiniblock * width) / 8);
        for (let i = 0; i < perMiniblock && values.length < count; i++) {
          let difference = 0n;
          for (let bit = 0; bit < width; bit++) {
            const place = i * width + bit;
            difference |= BigInt((packed[place >> 3]! >> (place & 7)) & 1) << BigInt(bit);
          }
          values.push(BigInt.asIntN(64, values.at(-1)! + least + difference));
        }
      }
    }
    return values.slice(0, count);
  }

  lengthsAndBytes(): Buffer[] {
    const found = this.binaryPacked().map((length) => Buffer.from(this.#take(Number(length))));
    expect(this.at).toBe(this.#bytes.length);
    return found;
  }

  #take(count: number): Uint8Array {
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.#bytes[this.at++]!);
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return value;
    }
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}
