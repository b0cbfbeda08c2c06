import { expect, test } from 'vitest';
import { dataFile } from '../../src/iceberg/data-file.ts';
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
