/** Deletion vectors are read whatever containers their bitmaps are made of, and refused where they are damaged. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eachDeleted } from '../../src/iceberg/deletion-vector.ts';
import { vectorBlob, wrapVector } from '../support/foreign-deletes.ts';

const rows = 2 ** 32;
function positions(blob: Uint8Array, below = rows): number[] {
  const found: number[] = [];
  eachDeleted(blob, below, 'test.puffin', (position) => found.push(position));
  return found;
}

test('arrays and bits give the positions that were put in', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300_000), { maxLength: 50 }), fc.nat(3), (some, dense) => {
      const wanted = [...new Set([...some, ...Array.from({ length: dense * 4097 }, (_, i) => 65_536 * dense + i * 2)])];
      expect(positions(vectorBlob(wanted))).toEqual(wanted.sort((a, b) => a - b));
    }),
    { numRuns: 50 },
  );
});

test('runs give all of their positions, with and without the offsets that many containers have', () => {
  const bitmap = (containers: number): Buffer => {
    const flags = Math.ceil(containers / 8);
    const offsets = containers >= 4 ? containers * 4 : 0;
    const bytes = Buffer.alloc(4 + flags + containers * 4 + offsets);
    bytes.writeUInt32LE(12347 | ((containers - 1) << 16));
    bytes.fill(0xff, 4, 4 + flags);
    for (let i = 0; i < containers; i++) {
      bytes.writeUInt16LE(i, 4 + flags + i * 4);
      bytes.writeUInt16LE(4, 4 + flags + i * 4 + 2);
    }
    // Two runs: 10 to 12, and 20 to 21.
    const runs = Buffer.from(Uint16Array.of(2, 10, 2, 20, 1).buffer);
    return Buffer.concat([bytes, ...Array.from({ length: containers }, () => runs)]);
  };
  for (const containers of [1, 3, 4, 9]) {
    const header = Buffer.alloc(12);
    header.writeBigUInt64LE(1n);
    const expected = Array.from({ length: containers }, (_, i) => [10, 11, 12, 20, 21].map((low) => i * 65_536 + low));
    expect(positions(wrapVector(Buffer.concat([header, bitmap(containers)])))).toEqual(expected.flat());
  }
});

test('positions past the rows of the file are left out', () => {
  expect(positions(vectorBlob([1, 5, 70_000]), 6)).toEqual([1, 5]);
});

test('damaged bytes are refused, and named', () => {
  const blob = vectorBlob([1, 2, 3]);
  for (let at = 0; at < blob.length; at++) {
    const damaged = Buffer.from(blob);
    damaged[at]! ^= 0x40;
    expect(() => positions(damaged)).toThrow(/test\.puffin: not a deletion vector/);
  }
  for (let length = 0; length < blob.length; length++)
    expect(() => positions(blob.subarray(0, length))).toThrow(/not a deletion vector/);
});
