/** Rows of a verification come back in order however many there are, and take the memory that they were given. */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { noOffset, offsetOf, RowSorter } from '../../src/jobs/verify/deep/sorted-rows.ts';
import { propertyRuns } from '../support/thorough.ts';

interface Some {
  readonly object: number;
  readonly offset: number;
  readonly digest: Buffer;
}

const asWords = (digest: Buffer): Uint32Array => new Uint32Array(Uint8Array.from(digest).buffer);

/** As one line, since thousands of buffers take long to be held to each other. */
const told = ({ object, offset, digest }: Some): string => `${object} ${offset} ${digest.toString('hex')}`;

function sorted(rows: readonly Some[], memoryBytes: number): string[] {
  const sorter = new RowSorter(tmpdir(), 'digest', memoryBytes);
  for (const { object, offset, digest } of rows) sorter.add(object, offset, asWords(digest), 0);
  expect(sorter.rows).toBe(rows.length);
  const result = sorter.finish();
  const reading = result.read();
  const read: string[] = [];
  for (let row = reading.current; row !== undefined; row = reading.current) {
    const { words, at } = row;
    const digest = Buffer.from(words.slice(at + 3, at + 11).buffer);
    read.push(told({ object: words[at]!, offset: offsetOf(words, at), digest }));
    reading.next();
  }
  result.close();
  return read;
}

const inOrder = (rows: readonly Some[]): string[] =>
  rows.toSorted((a, b) => a.object - b.object || a.offset - b.offset || Buffer.compare(a.digest, b.digest)).map(told);

const row = (objects: number, offset: fc.Arbitrary<number>): fc.Arbitrary<Some> =>
  fc.record({
    object: fc.nat(objects),
    offset,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
  });

test('by object, then by offset, then by the bytes of the digest', () => {
  const offset = fc.oneof(fc.nat(3), fc.nat(2 ** 31 - 1), fc.constant(2 ** 40 + 1), fc.constant(noOffset));
  fc.assert(
    fc.property(fc.array(row(3, offset), { maxLength: 200 }), (rows) => {
      expect(sorted(rows, 1 << 20)).toEqual(inOrder(rows));
    }),
    { numRuns: propertyRuns(40) },
  );
});

test('many more than fit into memory, with runs that overlap, and leaves no file', () => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('audit-warehouse-verify-'));
  const before = left();
  const rows = Array.from(
    { length: 20_000 },
    (_, i): Some => ({
      object: (i * 7) % 11,
      offset: ((i * 7919) % 20_000) * 3,
      digest: randomBytes(32),
    }),
  );
  expect(sorted(rows, 1)).toEqual(inOrder(rows));
  expect(left()).toEqual(before);
});
