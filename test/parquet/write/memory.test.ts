/** What encoding takes of the kernel's memory: columns stay where they are, and everything else is given back. */
import { expect, test } from 'vitest';
import type { ColumnBatch } from '../../../src/columns/batch.ts';
import { TableBuffer } from '../../../src/columns/table-buffer.ts';
import { KernelAddresses } from '../../../src/kernel/copies.ts';
import { kernel, OutOfMemory } from '../../../src/kernel/kernel.ts';
import type { EncodeInput } from '../../../src/parquet/encoder.ts';
import { ColumnarEncoder, ColumnarFileWriter } from '../../../src/parquet/write/encoder.ts';
import { fileColumns } from '../batches.ts';
import { cases, inputOf } from '../cases.ts';

const { call } = kernel();
const named = (name: string): EncodeInput => inputOf(cases.find((testCase) => testCase.name === name)!);

/** How much further blocks reach once the work was done again. */
async function taken(work: () => Promise<unknown>): Promise<number> {
  await work();
  await work();
  const before = call.memoryTop();
  await work();
  await work();
  return call.memoryTop() - before;
}

test.each(['many pages', 'lists and maps in another order', 'long strings'])('nothing after %s', async (name) => {
  const encoder = new ColumnarEncoder();
  expect(await taken(() => encoder.encode(named(name)))).toBe(0);
});

test('nothing after a batch that cannot be encoded', async () => {
  const input = named('some nulls');
  const columns = input.columns.map((column, index) => ({ ...column, required: index === 4 }));
  const encoder = new ColumnarEncoder();
  expect(await taken(() => expect(encoder.encode({ ...input, columns })).rejects.toThrow(/required/))).toBe(0);
  expect((await encoder.encode(input)).rows).toBe(input.batch.rows);
});

test('nothing after a file that comes a row group at a time', async () => {
  const input = named('many pages');
  const write = async (): Promise<void> => {
    const writer = new ColumnarFileWriter(input);
    for (let group = 0; group < 3; group++) await writer.add(input.batch);
    expect((await writer.finish()).rows).toBe(input.batch.rows * 3);
  };
  expect(await taken(write)).toBe(0);
});

test.each(['every type', 'every type with dictionaries', 'many pages', 'lists and maps in another order'])(
  'columns that lie in it give the same file as those that do not, and stay: %s',
  async (name) => {
    const input = named(name);
    const encoder = new ColumnarEncoder();
    const outside = await encoder.encode(input);
    const places = new KernelAddresses();
    const batch = inKernel(input.batch, places);
    const before = JSON.stringify(batch, withBigInts);
    const inside = await encoder.encode({ ...input, batch });
    expect(Buffer.concat(inside.chunks).equals(Buffer.concat(outside.chunks))).toBe(true);
    expect(JSON.stringify(batch, withBigInts)).toBe(before);
    places.release();
  },
);

test('arrays may end before the slots that are null', async () => {
  const columns = fileColumns({ n: 'long', i: 'int', s: 'string', l: { list: 'double' } });
  const buffer = new TableBuffer(columns.map(({ name, type }) => ({ name, type, description: '' })));
  buffer.append([1n, 2, 'three', [4]]);
  for (let row = 1; row < 1000; row++) buffer.append([null, null, null, null]);
  const file = await new ColumnarEncoder().encode({ columns, batch: buffer.batch(), rowGroupRows: 600 });
  expect([...file.columns.values()].map(({ nullCount }) => nullCount)).toEqual([999, 999, 999, 999]);
});

const withBigInts = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

function inKernel(batch: ColumnBatch, places: KernelAddresses): ColumnBatch {
  const moved = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) {
      const array = value as Uint8Array;
      const View = (Buffer.isBuffer(value) ? Uint8Array : array.constructor) as new (
        buffer: SharedArrayBuffer,
        place: number,
        length: number,
      ) => unknown;
      return new View(kernel().buffer, places.of(array, array.byteLength), array.length);
    }
    if (Array.isArray(value)) return value.map(moved);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, moved(part)]));
  };
  return moved(batch) as ColumnBatch;
}

test('high levels, whose pages are compressed on other threads, give the same file each time, also side by side', async () => {
  const input = { ...named('many pages'), compressionLevel: 9 };
  const encoder = new ColumnarEncoder();
  const files = await Promise.all([1, 2, 3].map(() => encoder.encode(input)));
  const [first, ...others] = files.map(({ chunks }) => Buffer.concat(chunks));
  for (const other of others) expect(other.equals(first!)).toBe(true);
});

test('an encoding that finds no room says so, and the next one is as if it had not been', async () => {
  const input = named('many pages');
  const join = async (): Promise<Buffer> => Buffer.concat((await new ColumnarEncoder().encode(input)).chunks);
  const expected = await join();
  const larger = { ...named('distinct plain values in another order'), rowGroupRows: 1 << 20 };
  const blocks = allRoom();
  let failed = 0;
  // More and more room, so that it ends at one place after another.
  for (const block of blocks.reverse()) {
    for (const some of [input, larger]) {
      await new ColumnarEncoder().encode(some).catch((error: unknown) => {
        expect(error).toBeInstanceOf(OutOfMemory);
        failed++;
      });
    }
    call.release(block);
  }
  expect(failed).toBeGreaterThan(5);
  expect((await join()).equals(expected)).toBe(true);
});

/** Takes all that was never used, the largest blocks first. */
function allRoom(): number[] {
  const blocks: number[] = [];
  for (let bytes = 1 << 29; bytes >= 1 << 10; bytes >>= 1) {
    try {
      for (;;) blocks.push(call.allocate(bytes - 64));
    } catch (error) {
      expect(error).toBeInstanceOf(OutOfMemory);
    }
  }
  return blocks;
}
