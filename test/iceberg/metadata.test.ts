import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { removeSnapshots, trimSnapshots } from '../../src/iceberg/history.ts';
import { parseJson, stringifyJson } from '../../src/iceberg/json.ts';
import { MetadataError, parseMetadata, serializeMetadata, type TableMetadata } from '../../src/iceberg/metadata.ts';

describe('JSON', () => {
  test('integers of 64 bits stay exact, in values of any depth', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const text = `{"a":[${value},{"b":${value}}]}`;
        const parsed = parseJson(text) as { a: [number | bigint] };
        expect(BigInt(parsed.a[0])).toBe(value);
        expect(stringifyJson(parsed)).toBe(text);
      }),
    );
  });

  test('everything else is as JSON has it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!/\d{16}/.test(JSON.stringify(value)));
        expect(parseJson(stringifyJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('digits in strings are not numbers', () => {
    expect(parseJson('{"a":"12345678901234567890"}')).toEqual({ a: '12345678901234567890' });
  });
});

/** As Trino, Spark and PyIceberg write it, with fields that this program has no use for. */
const foreign = `{"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1","location":"s3://b/t","last-sequence-number":34,
"last-updated-ms":1602638573590,"last-column-id":3,"current-schema-id":1,"schemas":[{"type":"struct","schema-id":0,"fields":[
{"id":1,"name":"x","required":true,"type":"long"}]},{"type":"struct","schema-id":1,"identifier-field-ids":[1,2],"fields":[
{"id":1,"name":"x","required":true,"type":"long","future":{"kept":true}},{"id":2,"name":"y","required":true,"type":"long","doc":"comment"},
{"id":3,"name":"z","required":true,"type":"decimal(9, 2)"}]}],"default-spec-id":0,"partition-specs":[{"spec-id":0,"fields":
[{"name":"x","transform":"identity","source-id":1,"field-id":1000}]}],"last-partition-id":1000,"default-sort-order-id":3,"sort-orders":[{"order-id":3,
"fields":[{"transform":"bucket[4]","source-id":3,"direction":"desc","null-order":"nulls-last"}]}],"properties":{"read.split.target.size":"134217728"},
"current-snapshot-id":3055729675574597004,"snapshots":[{"snapshot-id":3051729675574597004,"timestamp-ms":1515100955770,"sequence-number":0,
"summary":{"operation":"append"},"manifest-list":"s3://a/b/1.avro"},{"snapshot-id":3055729675574597004,"parent-snapshot-id":3051729675574597004,
"timestamp-ms":1555100955770,"sequence-number":1,"summary":{"operation":"append"},"manifest-list":"s3://a/b/2.avro","schema-id":1,"key-id":"k"}],
"snapshot-log":[{"snapshot-id":3051729675574597004,"timestamp-ms":1515100955770},{"snapshot-id":3055729675574597004,"timestamp-ms":1555100955770}],
"metadata-log":[{"metadata-file":"s3://bucket/.../v1.json","timestamp-ms":1515100}],"refs":{"main":{"snapshot-id":3055729675574597004,"type":"branch"},
"audit":{"snapshot-id":3051729675574597004,"type":"tag","max-ref-age-ms":9223372036854775807}},"statistics":[{"snapshot-id":3051729675574597004,
"statistics-path":"s3://a/s.puffin","file-size-in-bytes":413,"file-footer-size-in-bytes":42,"blob-metadata":[{"type":"ndv","snapshot-id":3051729675574597004,
"sequence-number":1,"fields":[1]}]}],"partition-statistics":[],"some-future-field":[1,{"big":12345678901234567890}]}`;
const bytes = (text: string) => Buffer.from(text);
const change = (edit: Record<string, unknown>) => bytes(stringifyJson({ ...(parseJson(foreign) as object), ...edit }));

describe('table metadata', () => {
  test('of other writers survives a rewrite, unknown fields and long ids included', () => {
    const metadata = parseMetadata(bytes(foreign));
    expect(metadata['current-snapshot-id']).toBe(3055729675574597004n);
    expect(metadata.snapshots[1]!['parent-snapshot-id']).toBe(3051729675574597004n);
    expect(parseJson(Buffer.from(serializeMetadata(metadata)).toString())).toEqual(parseJson(foreign));
    expect(parseMetadata(serializeMetadata(metadata))).toEqual(metadata);
  });

  test('ids are bigint, also where they are small', () => {
    const metadata = parseMetadata(
      change({
        'current-snapshot-id': 7,
        snapshots: [
          {
            'snapshot-id': 7,
            'parent-snapshot-id': -1,
            'sequence-number': 1,
            'timestamp-ms': 1,
            summary: {},
            'manifest-list': 'm',
          },
        ],
        refs: undefined,
        statistics: undefined,
      }),
    );
    expect(metadata['current-snapshot-id']).toBe(7n);
    expect(metadata.snapshots[0]).not.toHaveProperty('parent-snapshot-id');
    expect(metadata.refs).toEqual({ main: { 'snapshot-id': 7n, type: 'branch' } });
  });

  test.each([null, -1, undefined])('a table without snapshots may say so by %s', (current) => {
    const metadata = parseMetadata(
      change({ 'current-snapshot-id': current, snapshots: [], 'snapshot-log': [], refs: {} }),
    );
    expect(metadata['current-snapshot-id']).toBe(-1n);
    expect(metadata.refs).toEqual({});
  });

  test('is no bomb', () => {
    const part = gzipSync(Buffer.alloc(16 << 20, 0x20), { level: 1 });
    const bomb = Buffer.concat(Array.from({ length: 17 }, () => part));
    expect(() => parseMetadata(bomb, 'a/v2.gz.metadata.json')).toThrow(/a\/v2\.gz\.metadata\.json: not Iceberg table/);
  });

  test('may be gzipped', () => {
    expect(parseMetadata(gzipSync(foreign))).toEqual(parseMetadata(bytes(foreign)));
  });

  test.each([
    ['version 1', change({ 'format-version': 1 }), /version 1 is not supported.*upgrade/],
    ['version 4', change({ 'format-version': 4 }), /version 4 is not supported/],
    ['no version', change({ 'format-version': undefined }), /version undefined/],
    ['no JSON', bytes('{'), /not Iceberg table metadata/],
    ['an array', bytes('[]'), /a JSON object/],
    ['a missing field', change({ location: undefined }), /"location" is missing/],
    ['a schema that is not there', change({ 'current-schema-id': 9 }), /schema 9/],
    ['a spec that is not there', change({ 'default-spec-id': 9 }), /spec 9/],
    ['a snapshot that is not there', change({ 'current-snapshot-id': 9 }), /snapshot 9/],
  ])('%s is refused by name', (_case, text, message) => {
    expect(() => parseMetadata(text, 's3://b/t/metadata/x.json')).toThrow(message);
    expect(() => parseMetadata(text, 's3://b/t/metadata/x.json')).toThrow('s3://b/t/metadata/x.json');
    expect(() => parseMetadata(text)).toThrow(MetadataError);
  });
});

describe('history', () => {
  const metadata = parseMetadata(bytes(foreign));
  const snapshot = (id: bigint) => ({
    'snapshot-id': id,
    'sequence-number': Number(id),
    'timestamp-ms': Number(id),
    summary: {},
    'manifest-list': `${id}`,
  });
  const long: TableMetadata = {
    ...metadata,
    'current-snapshot-id': 5n,
    snapshots: [1n, 2n, 3n, 4n, 5n].map(snapshot),
    'snapshot-log': [1n, 2n, 3n, 4n, 5n].map((id) => ({ 'snapshot-id': id, 'timestamp-ms': Number(id) })),
    refs: { main: { 'snapshot-id': 5n, type: 'branch' }, audit: { 'snapshot-id': 2n, type: 'tag' } },
    statistics: [1n, 5n].map((id) => ({ 'snapshot-id': id })),
  };
  const ids = (of: readonly { 'snapshot-id': bigint }[]) => of.map((item) => item['snapshot-id']);

  test('the current snapshot and tagged ones are never removed', () => {
    const trimmed = trimSnapshots(long, () => false);
    expect(ids(trimmed.snapshots)).toEqual([2n, 5n]);
    expect(ids(trimmed.statistics!)).toEqual([5n]);
    // Each for itself: the current one though no branch names it, a branch though it is not the current one.
    expect(ids(trimSnapshots({ ...long, refs: {} }, () => false).snapshots)).toEqual([5n]);
    expect(ids(trimSnapshots({ ...long, 'current-snapshot-id': 4n }, () => false).snapshots)).toEqual([2n, 4n, 5n]);
  });

  test('the log has no holes: it begins after the last snapshot that was removed', () => {
    expect(ids(removeSnapshots(long, [3n])['snapshot-log'])).toEqual([4n, 5n]);
    expect(ids(removeSnapshots(long, [1n])['snapshot-log'])).toEqual([2n, 3n, 4n, 5n]);
  });

  test('removing nothing changes nothing', () => {
    expect(trimSnapshots(long, () => true)).toBe(long);
    expect(removeSnapshots(long, [5n, 99n])).toBe(long);
  });
});
