import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import avsc from 'avsc';
import { describe, expect, test } from 'vitest';
import { readAvro, writeAvro } from '../../src/iceberg/avro.ts';
import { added, decodeManifest, encodeManifest, type Manifest } from '../../src/iceberg/manifest.ts';
import {
  decodeManifestList,
  encodeManifestList,
  hasLiveFiles,
  type ManifestFile,
} from '../../src/iceberg/manifest-list.ts';
import { manifestFileSchema, stringPartition } from '../../src/iceberg/manifest-schemas.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { StoredMap } from '../../src/iceberg/stored-map.ts';
import { partitionSummaries } from '../../src/iceberg/summary.ts';
import { events } from './fixture.ts';

const metadata = newTableMetadata({ uuid: 'u', location: 's3://b/t', declaration: events, nowMs: 1 });
const manifest: Manifest = {
  specId: 0,
  content: 0,
  partitionSchema: stringPartition(1000, 'ymd'),
  entries: Array.from({ length: 1200 }, (_, index) => ({
    status: added,
    snapshotId: 2n ** 63n - 1n - BigInt(index),
    sequenceNumber: index % 2 === 0 ? null : index,
    fileSequenceNumber: null,
    file: {
      content: 0,
      path: `s3://b/t/data/${index}`,
      format: 'PARQUET',
      partition: { ymd: index % 7 === 0 ? null : `2024-01-${index}` },
      recordCount: index,
      fileSize: 2 ** 40 + index,
      columnSizes: new Map([[1, 2 ** 33]]),
      valueCounts: new Map([[1, 3]]),
      nullCounts: null,
      nanCounts: new Map([[8, 0]]),
      lowerBounds: new Map([[1, Buffer.from([0, 255])]]),
      upperBounds: new Map(),
      keyMetadata: Buffer.from('key'),
      splitOffsets: [4, 2 ** 35],
      equalityIds: index === 5 ? [1, 2] : null,
      sortOrderId: 1,
      referencedDataFile: index === 6 ? 's3://b/other' : null,
    },
  })),
};
const listed: ManifestFile = {
  path: 's3://b/m.avro',
  length: 7,
  specId: 3,
  content: 1,
  sequenceNumber: 9,
  minSequenceNumber: 4,
  addedSnapshotId: 3055729675574597004n,
  addedFiles: 1,
  existingFiles: 2,
  deletedFiles: 3,
  addedRows: 2 ** 40,
  existingRows: 5,
  deletedRows: 6,
  partitions: [{ containsNull: true, containsNan: null, lowerBound: Buffer.from('a'), upperBound: null }],
  keyMetadata: null,
};
const header = { snapshotId: 7n, parentSnapshotId: undefined, sequenceNumber: 9 };

describe('manifests', () => {
  test('are read as they were written, over many blocks', () => {
    const read = decodeManifest(encodeManifest(manifest, metadata), 'm.avro');
    const plain = (value: unknown) => (value instanceof StoredMap ? new Map(value) : value);
    expect(
      read.entries.map(({ file, ...entry }) => ({
        ...entry,
        file: {
          ...Object.fromEntries(Object.entries(file).map(([name, value]) => [name, plain(value)])),
          partition: { ...file.partition },
        },
      })),
    ).toEqual(manifest.entries);
    expect(read).toMatchObject({ specId: 0, content: 0 });
  });

  test('carry the header that the spec asks for', () => {
    const { metadata: meta } = readAvro(encodeManifest(manifest, metadata), 'm.avro');
    expect(Object.fromEntries(meta)).toMatchObject({
      'format-version': '2',
      content: 'data',
      'partition-spec-id': '0',
      'schema-id': '0',
    });
    expect(JSON.parse(meta.get('partition-spec')!)).toEqual(metadata['partition-specs'][0]!.fields);
    expect(JSON.parse(meta.get('schema')!)).toEqual(metadata.schemas[0]);
  });
});

describe('summaries of the partitions in a manifest', () => {
  const withDays = (...days: (string | null | number)[]): Manifest => ({
    ...manifest,
    entries: days.map((ymd, i) => ({
      ...manifest.entries[i]!,
      file: { ...manifest.entries[i]!.file, partition: { ymd } },
    })),
  });
  const summary = (...days: (string | null | number)[]) => {
    const [first, ...more] = partitionSummaries(withDays(...days), metadata) ?? [];
    expect(more).toEqual([]);
    return first && { ...first, lowerBound: first.lowerBound?.toString(), upperBound: first.upperBound?.toString() };
  };

  test('give the bounds of the days by their bytes, in whatever order they stand', () => {
    const bounds = { containsNull: false, containsNan: false, lowerBound: '2024-01-01', upperBound: '2024-03-01' };
    expect(summary('2024-02-01', '2024-01-01', '2024-03-01', '2024-01-15')).toEqual(bounds);
    expect(summary('\uff41', '\u{1f600}')).toMatchObject({ lowerBound: '\uff41', upperBound: '\u{1f600}' });
  });

  test('tell of null days, which have no part in the bounds', () => {
    const bounds = { containsNull: true, lowerBound: '2024-01-01', upperBound: '2024-01-02' };
    expect(summary(null, '2024-01-02', '2024-01-01')).toMatchObject(bounds);
    expect(summary('2024-01-02', '2024-01-01', null)).toMatchObject(bounds);
    expect(summary(null, null)).toMatchObject({ containsNull: true, lowerBound: undefined, upperBound: undefined });
  });

  test('are left to others where the values are no text', () => {
    expect(summary('2024-01-01', 5)).toBeUndefined();
  });
});

describe('manifest lists', () => {
  test('are read as they were written', () => {
    expect(decodeManifestList(encodeManifestList(header, [listed]), 'l.avro')).toEqual([listed]);
    expect(decodeManifestList(encodeManifestList(header, []), 'l.avro')).toEqual([]);
  });

  test('of writers with other names, further fields and no partition summaries are read by field id', () => {
    const schema = JSON.parse(JSON.stringify(manifestFileSchema).replaceAll('_files_count', '_data_files_count'));
    schema.fields = [
      { name: 'future', type: ['null', 'string'], default: null, 'field-id': 999 },
      ...schema.fields,
    ].filter((field) => field.name !== 'partitions');
    const [original] = readAvro(encodeManifestList(header, [listed]), 'l').records;
    const record = Object.fromEntries(
      Object.entries(original!).map(([name, value]) => [name.replace('_files_count', '_data_files_count'), value]),
    );
    const bytes = writeAvro(schema, {}, [{ ...record, future: 'x' }]);
    expect(decodeManifestList(bytes, 'l.avro')).toEqual([{ ...listed, partitions: null }]);
  });

  test('of version 1, which lack counts, are read, and their manifests count as live', () => {
    const schema = JSON.parse(JSON.stringify(manifestFileSchema));
    schema.fields = schema.fields.filter((field: { name: string }) =>
      ['manifest_path', 'manifest_length', 'partition_spec_id', 'added_snapshot_id'].includes(field.name),
    );
    const bytes = writeAvro(schema, {}, [
      { manifest_path: 'm', manifest_length: 1, partition_spec_id: 0, added_snapshot_id: 5 },
    ]);
    const [read] = decodeManifestList(bytes, 'l.avro');
    expect(read).toMatchObject({ addedFiles: null, sequenceNumber: 0, content: 0 });
    expect(hasLiveFiles(read!)).toBe(true);
    expect(() => encodeManifestList(header, [read!])).toThrow('rewrite_manifests');
  });
});

describe('Avro files', () => {
  const schema = {
    type: 'record',
    name: 'r',
    fields: [
      { name: 'a', type: 'long' },
      { name: 'b', type: 'string' },
    ],
  };
  const type = avsc.Type.forSchema(schema as avsc.Schema);
  const plain = Buffer.concat(
    Array.from({ length: 50 }, (_, index) => type.toBuffer({ a: index - 25, b: 'text '.repeat(index) })),
  );

  /** A container as another writer makes it. */
  const container = (codec: string | undefined, data: Buffer): Buffer => {
    const bytes = (value: Buffer) => Buffer.concat([avsc.Type.forSchema('long').toBuffer(value.length), value]);
    const meta = Object.entries({ 'avro.schema': JSON.stringify(schema), ...(codec && { 'avro.codec': codec }) });
    const map = meta.map(([key, value]) => Buffer.concat([bytes(Buffer.from(key)), bytes(Buffer.from(value))]));
    const long = (value: number) => avsc.Type.forSchema('long').toBuffer(value);
    const sync = Buffer.alloc(16, 7);
    return Buffer.concat([
      Buffer.from('Obj\u0001'),
      long(meta.length),
      ...map,
      long(0),
      sync,
      long(50),
      bytes(data),
      sync,
    ]);
  };
  /** One literal element: what a Snappy encoder may always do; then a CRC that is the reader's to check or not. */
  const literal = (data: Buffer): Buffer => {
    const varint: number[] = [];
    for (let rest = data.length; ; rest >>>= 7) {
      varint.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
      if (rest < 0x80) break;
    }
    return Buffer.concat([
      Buffer.from(varint),
      Buffer.from([61 << 2, (data.length - 1) & 0xff, (data.length - 1) >> 8]),
      data,
      Buffer.alloc(4),
    ]);
  };

  test.each([
    ['no codec', undefined, plain],
    ['null', 'null', plain],
    ['deflate', 'deflate', deflateRawSync(plain)],
    ['zstandard', 'zstandard', zstdCompressSync(plain)],
    ['snappy', 'snappy', literal(plain)],
  ])('are read with %s', (_case, codec, data) => {
    const { records } = readAvro(container(codec, data), 'x.avro');
    expect(records).toHaveLength(50);
    expect({ ...records[49] }).toEqual({ a: 24, b: 'text '.repeat(49) });
  });

  test.each([
    ['another format', Buffer.from('PAR1'), /not an Avro file/],
    ['an unknown codec', container('bzip2', plain), /bzip2 is not supported/],
    ['a file that is cut off in its header', container('null', plain).subarray(0, 30), /cut off/],
    ['a file that is cut off in a block', container('null', plain).subarray(0, -100), /cut off/],
    ['a wrong sync marker', Buffer.concat([container('null', plain).subarray(0, -1), Buffer.from([0])]), /sync marker/],
  ])('%s is refused with the name of the file', (_case, bytes, message) => {
    expect(() => readAvro(bytes, 's3://b/x.avro')).toThrow(message);
    expect(() => readAvro(bytes, 's3://b/x.avro')).toThrow('s3://b/x.avro');
  });

  test('hold longs of 64 bits exactly', () => {
    const values = [0, -1, 2 ** 53 - 1, -(2 ** 53) + 1, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)];
    const bytes = writeAvro(
      schema,
      {},
      values.map((a) => ({ a, b: '' })),
    );
    expect(readAvro(bytes, 'x').records.map((record) => BigInt(record.a as number | bigint))).toEqual(
      values.map(BigInt),
    );
  });
});
