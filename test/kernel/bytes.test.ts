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

test('SipHash-1-3 with 128 bits, as the algorithm is written down', () => {
  const { setHashKey, sipHash } = kernel.call;
  const key = counted(16);
  for (const [length, expected] of vectors) expect(sipHashOf(key, counted(length), 2, 4)).toBe(expected);
  setHashKey(kernel.text(key).start);
  for (let length = 0; length < 100; length++) {
    sipHash(kernel.text(counted(length)).start, length);
    expect(hashHex()).toBe(sipHashOf(key, counted(length), 1, 3));
  }
  // A key of its own again.
  setHashKey(kernel.text(randomBytes(16)).start);
});

const counted = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => i));

/** vectors_sip128 of the reference code (veorq/SipHash, vectors.h), of SipHash-2-4: the key and the messages are 00 01 02 … */
const vectors: readonly (readonly [number, string])[] = [
  [0, 'a3817f04ba25a8e66df67214c7550293'],
  [1, 'da87c1d86b99af44347659119b22fc45'],
  [2, '8177228da4a45dc7fca38bdef60affe4'],
  [3, '9c70b60c5267a94e5f33b6b02985ed51'],
  [7, 'a1f1ebbed8dbc153c0b84aa61ff08239'],
  [8, '3b62a9ba6258f5610f83e264f31497b4'],
];

/** With so many rounds a word, and at the end. */
function sipHashOf(key: Buffer, message: Buffer, rounds: number, lastRounds: number): string {
  const word = (value: bigint): bigint => BigInt.asUintN(64, value);
  const rotated = (value: bigint, by: bigint): bigint => word(value << by) | (value >> (64n - by));
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn ^ 0xeen;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const mix = (times: number): void => {
    for (let i = 0; i < times; i++) {
      v0 = word(v0 + v1);
      v1 = rotated(v1, 13n) ^ v0;
      v0 = rotated(v0, 32n);
      v2 = word(v2 + v3);
      v3 = rotated(v3, 16n) ^ v2;
      v0 = word(v0 + v3);
      v3 = rotated(v3, 21n) ^ v0;
      v2 = word(v2 + v1);
      v1 = rotated(v1, 17n) ^ v2;
      v2 = rotated(v2, 32n);
    }
  };
  const padded = Buffer.alloc((message.length & ~7) + 8);
  message.copy(padded);
  padded[padded.length - 1] = message.length;
  for (let at = 0; at < padded.length; at += 8) {
    const next = padded.readBigUInt64LE(at);
    v3 ^= next;
    mix(rounds);
    v0 ^= next;
  }
  v2 ^= 0xeen;
  mix(lastRounds);
  const first = v0 ^ v1 ^ v2 ^ v3;
  v1 ^= 0xddn;
  mix(lastRounds);
  return hexOf([first, v0 ^ v1 ^ v2 ^ v3]);
}

const hashHex = (): string => hexOf([kernel.call.hashLow(), kernel.call.hashHigh()]);

function hexOf(words: readonly bigint[]): string {
  const bytes = Buffer.alloc(words.length * 8);
  for (const [i, word] of words.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, word), i * 8);
  return bytes.toString('hex');
}
