import { expect, test } from 'vitest';
import {
  type DataFile,
  dataFile,
  dataFileFromJson,
  dataFileToJson,
  packDataFile,
  unpackDataFile,
} from '../../src/iceberg/data-file.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { events } from './fixture.ts';

test('a file may be split at row groups that are far enough apart to be worth its footer', () => {
  const metadata = newTableMetadata({ uuid: 'u', location: 's3://b/t', declaration: events, nowMs: 1 });
  const megabytes = (n: number): number => 4 + n * 1024 * 1024;
  const splitOffsets = [0, 3, 63, 64, 100, 127, 130, 200].map(megabytes);
  const encoded = { chunks: [], size: megabytes(210), rows: 8, splitOffsets, columns: new Map() };
  expect(
    dataFile({ path: 's3://b/t/a', ymd: '2024-01-01', encoded, metadata, declaration: events }).splitOffsets,
  ).toEqual([0, 64, 130, 200].map(megabytes));
});

/** Two columns of `events`, with figures and bounds of several sizes; and one that has none. */
function described(): DataFile {
  const metadata = newTableMetadata({ uuid: 'u', location: 's3://b/t', declaration: events, nowMs: 1 });
  const [first, second, third] = metadata.schemas[0]!.fields.map(({ id }) => id) as [number, number, number];
  const columns = new Map([
    [third, { compressedSize: 2 ** 40, valueCount: 0, nullCount: 0 }],
    [first, { compressedSize: 127, valueCount: 128, nullCount: 16_384, min: 'a'.repeat(16), max: 'é' }],
    [second, { compressedSize: 0, valueCount: 63, nullCount: 64 }],
  ]);
  const encoded = { chunks: [], size: 9, rows: 3, splitOffsets: [4], columns };
  return dataFile({ path: 's3://b/t/a', ymd: '2024-01-01', encoded, metadata, declaration: events });
}

const mapsOf = ({ columnSizes, valueCounts, nullCounts, lowerBounds, upperBounds }: DataFile) => ({
  counts: [columnSizes, valueCounts, nullCounts].map((map) => [...map]),
  bounds: [lowerBounds, upperBounds].map((map) => [...map].map(([id, bytes]) => [id, Buffer.from(bytes).toString()])),
});

test('counts and bounds of a file are by field id, in ascending order', () => {
  const [first, second, third] = [...described().columnSizes.keys()] as [number, number, number];
  expect(first < second && second < third).toBe(true);
  expect(mapsOf(described())).toEqual({
    counts: [
      [
        [first, 127],
        [second, 0],
        [third, 2 ** 40],
      ],
      [
        [first, 128],
        [second, 63],
        [third, 0],
      ],
      [
        [first, 16_384],
        [second, 64],
        [third, 0],
      ],
    ],
    bounds: [[[first, 'a'.repeat(16)]], [[first, 'é']]],
  });
});

test('a file is the same after JSON, and on another thread', () => {
  const file = described();
  const { path, ymd, recordCount, fileSize, splitOffsets, sortOrderId } = file;
  for (const other of [
    dataFileFromJson(JSON.parse(JSON.stringify(dataFileToJson(file)))),
    unpackDataFile(structuredClone(packDataFile(file))),
  ]) {
    expect(other).toMatchObject({ path, ymd, recordCount, fileSize, splitOffsets, sortOrderId });
    expect(mapsOf(other)).toEqual(mapsOf(file));
  }
});
