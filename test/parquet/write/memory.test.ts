/** What encoding takes of the kernel's memory: columns stay where they are, and everything else is given back. */
import { expect, test } from 'vitest';
import { kernel, OutOfMemory } from '../../../src/kernel/kernel.ts';
import type { EncodeInput } from '../../../src/parquet/encoder.ts';
import { ColumnarEncoder, ColumnarFileWriter } from '../../../src/parquet/write/encoder.ts';
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
  const input = named(name);
  expect(await taken(() => encoder.encode(input))).toBe(0);
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
  const larger = { ...named('distinct plain values in another order'), rowGroupRows: 1 << 20 };
  // What the kernel keeps for the next encoding has its full size then.
  await new ColumnarEncoder().encode(larger);
  const expected = await join();
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
