import { expect, test } from 'vitest';
import { kernel } from '../../src/kernel/kernel.ts';

function xxhash64(bytes: Uint8Array, start = 0): string {
  const place = kernel().copyOf(bytes);
  const hash = kernel().call.xxhash64(place + start, bytes.length - start);
  kernel().call.release(place);
  return BigInt.asUintN(64, hash).toString(16).padStart(16, '0');
}

/** The generator of the sanity checks of the reference implementation (xxHash, tests/sanity_test.c). */
function sanityBuffer(length: number): Uint8Array {
  let generator = 2_654_435_761n;
  return Uint8Array.from({ length }, () => {
    const byte = Number(generator >> 56n);
    generator = BigInt.asUintN(64, generator * 11_400_714_785_074_694_797n);
    return byte;
  });
}

test.each([
  [0, 'ef46db3751d8e999'],
  [1, 'e934a84adb052768'],
  [4, '9136a0dca57457ee'],
  [14, '8282dcc4994e35c8'],
  [222, 'b641ae8cb691c174'],
])('agrees with the reference implementation on %i bytes', (length, expected) => {
  expect(xxhash64(sanityBuffer(length))).toBe(expected);
});

test.each([
  ['', 'ef46db3751d8e999'],
  ['a', 'd24ec4f1a98c6e5b'],
  ['abc', '44bc2cf5ad770999'],
])('agrees with the published hash of %j', (text, expected) => {
  expect(xxhash64(Buffer.from(text))).toBe(expected);
});

test('starts where it is told', () => {
  const bytes = sanityBuffer(100);
  expect(xxhash64(bytes, 33)).toBe(xxhash64(bytes.slice(33)));
});
