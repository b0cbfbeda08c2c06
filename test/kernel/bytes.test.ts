import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kernel as kernelOfThread } from '../../src/kernel/kernel.ts';

const kernel = kernelOfThread();
const { allocate, release, room, isSame, copy, hashOf } = kernel.call;

/** Few different bytes, so that ranges agree for some length and then do not. */
const bytes = fc.array(fc.constantFrom(0, 0x61, 0xff), { minLength: 1, maxLength: 600, size: 'max' });
const shift = fc.nat({ max: 40 });

/** Runs with the content in a block of its own, `before` bytes after its start; what is around it is filled with z. */
function withBlock<T>(content: readonly number[], before: number, run: (place: number) => T): T {
  const block = allocate(before + content.length);
  kernel.bytes.fill(0x7a, block, block + before + content.length + 16);
  kernel.bytes.set(content, block + before);
  try {
    return run(block + before);
  } finally {
    release(block);
  }
}

test('ranges of any length at any place are the same where all of their bytes are', () => {
  fc.assert(
    fc.property(bytes, bytes, shift, shift, fc.nat(), (a, b, i, j, cut) => {
      const length = Math.min(a.length, b.length, cut % 70);
      const expected = a.slice(0, length).every((byte, n) => byte === b[n]);
      withBlock(a, i, (x) => {
        expect(isSame(x, x, length)).toBe(1);
        withBlock(b, j, (y) => expect(isSame(x, y, length)).toBe(Number(expected)));
        withBlock(a, j, (y) => {
          expect(isSame(x, y, length)).toBe(1);
          expect(hashOf(x, length)).toBe(hashOf(y, length));
        });
      });
    }),
  );
});

test('a copy has all bytes, and those in front of it stay', () => {
  fc.assert(
    fc.property(bytes, shift, shift, (content, from, at) => {
      withBlock(new Array(content.length).fill(0), at, (target) => {
        withBlock(content, from, (source) => copy(target, source, content.length));
        expect([...kernel.uint8(target - at, at)]).toEqual(new Array(at).fill(0x7a));
        expect([...kernel.uint8(target, content.length)]).toEqual(content);
      });
    }),
  );
});

test('hashes of texts that differ in a byte spread over a table', () => {
  const places = new Set<number>();
  for (let n = 0; n < 4096; n++) {
    const { start, length } = kernel.text(`host-${n}.example`);
    places.add(hashOf(start, length) & 8191);
  }
  // As many as chance leaves different: 8192 (1 - e^-0.5).
  expect(places.size).toBeGreaterThan(3000);
});

test('blocks are apart, as large as was asked for, and used again', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1 << 20 }), { maxLength: 20 }), (sizes) => {
      const blocks = sizes.map((size) => ({ place: allocate(size), size }));
      const sorted = [...blocks].sort((a, b) => a.place - b.place);
      for (const [i, { place, size }] of sorted.entries()) {
        expect(place % 16).toBe(0);
        expect(room(place)).toBeGreaterThanOrEqual(size);
        // 16 bytes more may be written.
        if (i + 1 < sorted.length) expect(sorted[i + 1]!.place).toBeGreaterThanOrEqual(place + room(place) + 16);
      }
      for (const { place } of blocks) release(place);
      for (const { size, place } of blocks.reverse()) expect(allocate(size)).toBe(place);
      for (const { place } of blocks) release(place);
    }),
  );
});

test('what does not fit says so, and takes nothing', () => {
  expect(() => allocate(0x7fffffff)).toThrow(/batch\.column_bytes/);
  const [first, second] = [allocate(900 << 20), allocate(1000)];
  expect(() => allocate(900 << 20)).toThrow('no room for 943718400 bytes');
  for (const place of [first, second]) release(place);
});

test('what writes past the end of a block is told with the next block of that size', () => {
  const [first, second] = [allocate(5000), allocate(5000)];
  const [low, high] = first < second ? [first, second] : [second, first];
  release(high);
  const header = high - 16;
  const kept = kernel.bytes.slice(header, high);
  kernel.bytes.fill(0xff, header, high);
  expect(() => allocate(5000)).toThrow('past the end');
  expect(() => release(high)).toThrow('past the end');
  kernel.bytes.set(kept, header);
  expect(allocate(5000)).toBe(high);
  for (const place of [low, high]) release(place);
});

test('SipHash-2-4 with 128 bits, as its reference code has it', () => {
  const { setHashKey, sipHash } = kernel.call;
  const key = Buffer.from(Array.from({ length: 16 }, (_, i) => i));
  setHashKey(kernel.text(key).start);
  for (const [length, expected] of vectors) {
    const { start } = kernel.text(Buffer.from(Array.from({ length }, (_, i) => i)));
    sipHash(start, length);
    expect(hashHex()).toBe(expected);
  }
  // A key of its own again.
  setHashKey(kernel.text(randomBytes(16)).start);
});

/** vectors_sip128 of the reference code (veorq/SipHash, vectors.h): the key and the messages are 00 01 02 … */
const vectors: readonly (readonly [number, string])[] = [
  [0, 'a3817f04ba25a8e66df67214c7550293'],
  [1, 'da87c1d86b99af44347659119b22fc45'],
  [2, '8177228da4a45dc7fca38bdef60affe4'],
  [3, '9c70b60c5267a94e5f33b6b02985ed51'],
  [7, 'a1f1ebbed8dbc153c0b84aa61ff08239'],
  [8, '3b62a9ba6258f5610f83e264f31497b4'],
];

function hashHex(): string {
  const hex = (value: bigint): string => {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(BigInt.asUintN(64, value));
    return word.toString('hex');
  };
  return hex(kernel.call.hashLow()) + hex(kernel.call.hashHigh());
}
