/** Bloom filters of our files never exclude a value that is there, and mostly those that are not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kernel } from '../../../src/kernel/kernel.ts';
import { bloomFilter } from '../../../src/parquet/write/bloom-filter.ts';
import { makeDictionary } from '../../../src/parquet/write/dictionary.ts';
import { ColumnarEncoder } from '../../../src/parquet/write/encoder.ts';
import { texts } from '../../kernel/arbitraries.ts';
import { inChunk } from '../../kernel/chunk.ts';
import { describeWith, rig } from '../../support/rig.ts';
import { fileColumns, type StringLayout } from '../batches.ts';
import { writeCase } from '../cases.ts';

const columns = fileColumns({ id: 'string', n: 'long', i: 'int' });
const rowGroupRows = 2000;
const rows = Array.from({ length: 4000 }, (_, row) => [idOf(row), BigInt(row) * 7_919n ** 3n, row * 1009]);
// Even numbers of rows are there.
const probes = Array.from({ length: 8000 }, (_, row) => row).filter((row) => row % 37 === 0);

/** Of lengths that reach every part of the hash. */
function idOf(row: number): string {
  return `${row}-`.padEnd(1 + ((row * 7) % 75), 'é');
}

describeWith(['readers'], 'as DuckDB probes them', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'parquet-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each<StringLayout>(['plain', 'dictionary'])('strings (%s), longs and ints', async (layout) => {
    const testCase = { name: '', columns, rows, layout, rowGroupRows, bloomColumns: ['id', 'n', 'i'] };
    const { bytes } = await writeCase(new ColumnarEncoder(), testCase);
    const path = join(folder, `${layout}.parquet`);
    await writeFile(path, bytes);
    const questions = probes.flatMap((row) => [
      ['id', idOf(row)],
      ['n', Number(BigInt(row) * 7_919n ** 3n)],
      ['i', row * 1009],
    ]);
    const answers = JSON.parse(await rig.python('parquet_bloom.py', [path], JSON.stringify(questions))) as boolean[][];
    let absent = 0;
    let excluded = 0;
    for (const [question, answer] of answers.entries()) {
      const row = probes[Math.floor(question / 3)]!;
      expect(answer).toHaveLength(2);
      for (const [group, isExcluded] of answer.entries()) {
        if (Math.floor(row / rowGroupRows) === group) expect({ row, isExcluded }).toEqual({ row, isExcluded: false });
        else {
          absent++;
          excluded += Number(isExcluded);
        }
      }
    }
    expect(absent).toBeGreaterThan(900);
    expect(excluded / absent).toBeGreaterThan(0.95);
  });
});

test('a column that cannot be probed gets no filter', async () => {
  const odd = fileColumns({ b: 'boolean', d: 'double', s: 'string' });
  const { bytes } = await writeCase(new ColumnarEncoder(), {
    name: '',
    columns: odd,
    rows: [[true, 0.5, null]],
    bloomColumns: ['b', 'd', 's'],
  });
  const without = await writeCase(new ColumnarEncoder(), { name: '', columns: odd, rows: [[true, 0.5, null]] });
  expect(bytes.equals(without.bytes)).toBe(true);
});

/** Salts of BloomFilter.md. */
const salts = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31];

test.each(['plain', 'dictionary'] as const)('the bits are those of its values and no others (%s)', (layout) => {
  const filterOf = (values: readonly string[]): Uint8Array =>
    inChunk('string', values, ({ data, stream }) => bloomFilter(data, stream.values, makeDictionary(data, stream)), {
      layout,
    });
  fc.assert(
    fc.property(
      texts.filter((values) => values.length > 0),
      (values) => {
        const filter = filterOf(values);
        const bits = 2 ** Math.floor(Math.log2(filter.length));
        const expected = new Uint32Array(bits / 4);
        for (const value of values) {
          const bytes = Buffer.from(value);
          const { start, length } = kernel().text(bytes);
          const hash = BigInt.asUintN(64, kernel().call.xxhash64(start, length));
          const block = Number(((hash >> 32n) * BigInt(bits / 32)) >> 32n) * 8;
          for (const [word, salt] of salts.entries()) {
            const bit = (BigInt.asUintN(32, hash) * BigInt(salt)) & 0xffffffffn;
            expected[block + word]! |= 1 << Number(bit >> 27n);
          }
        }
        expect(Buffer.compare(filter.subarray(filter.length - bits), new Uint8Array(expected.buffer))).toBe(0);
      },
    ),
  );
});
