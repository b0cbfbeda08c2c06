import { describe, expect, test } from 'vitest';
import { currentSchema, parseMetadata, serializeMetadata } from '../../src/iceberg/metadata.ts';
import { evolve, fileColumns, newTableMetadata, sortOrderIdOf, typeName } from '../../src/iceberg/schema.ts';
import type { TableDeclaration } from '../../src/tables/declaration.ts';
import { events, withColumns } from './fixture.ts';

const create = (declaration: TableDeclaration = events) =>
  newTableMetadata({ uuid: '00000000-0000-4000-8000-000000000001', location: 's3://b/events', declaration, nowMs: 5 });
const ids = (metadata: ReturnType<typeof create>) =>
  Object.fromEntries(currentSchema(metadata).fields.map((field) => [field.name, field.id]));
const retyped = (name: string, change: object): TableDeclaration => ({
  ...events,
  columns: events.columns.map((column) => (column.name === name ? { ...column, ...change } : column)),
});

describe('a new table', () => {
  test('numbers columns in declared order, and what is inside of them after that', () => {
    const { fields } = currentSchema(create());
    expect(fields.map((field) => [field.id, field.name])).toEqual(
      events.columns.map((column, index) => [index + 1, column.name]),
    );
    expect(fields.at(-2)!.type).toEqual({
      type: 'list',
      'element-id': 11,
      element: 'string',
      'element-required': false,
    });
    expect(fields.at(-1)!.type).toEqual({
      type: 'map',
      'key-id': 12,
      key: 'string',
      'value-id': 13,
      value: 'long',
      'value-required': false,
    });
    expect(create()['last-column-id']).toBe(13);
  });

  test('is partitioned by ymd, sorted as declared, described, and read as it was written', () => {
    const metadata = create();
    expect(metadata['partition-specs']).toEqual([
      { 'spec-id': 0, fields: [{ name: 'ymd', transform: 'identity', 'source-id': 1, 'field-id': 1000 }] },
    ]);
    expect(
      metadata['sort-orders']
        .find((order) => order['order-id'] === metadata['default-sort-order-id'])!
        .fields.map((field) => field['source-id']),
    ).toEqual([2, 3]);
    expect(metadata.properties).toMatchObject({
      comment: 'Events of a test',
      'write.metadata.metrics.default': 'truncate(16)',
      'write.metadata.metrics.column.id': 'full',
      'write.parquet.compression-codec': 'zstd',
    });
    expect(parseMetadata(serializeMetadata(metadata))).toEqual(metadata);
  });

  test('maps names to ids for files without ids', () => {
    const mapping = JSON.parse(create().properties['schema.name-mapping.default']!);
    expect(mapping[0]).toEqual({ 'field-id': 1, names: ['ymd'] });
    expect(mapping[9]).toEqual({
      'field-id': 10,
      names: ['metrics'],
      fields: [
        { 'field-id': 12, names: ['key'] },
        { 'field-id': 13, names: ['value'] },
      ],
    });
  });

  test.each([
    ['without ymd', { ...events, columns: events.columns.slice(1) }, /no column ymd/],
    ['sorted by what it has not', { ...events, sortedBy: ['nothing'] }, /sorted by nothing/],
    [
      'with names that differ by case only',
      withColumns(events, { name: 'ID', type: 'string', description: '' }),
      /id and ID/,
    ],
  ])('%s is refused', (_case, declaration, message) => {
    expect(() => create(declaration)).toThrow(message);
  });
});

describe('evolution', () => {
  test('nothing to do is undefined', () => {
    expect(evolve(create(), events, 9)).toBeUndefined();
    expect(evolve(create(), { ...events, columns: [...events.columns].reverse() }, 9)).toBeUndefined();
  });

  test('adds columns as optional with ids never used before, whatever became of earlier ones', () => {
    const first = evolve(
      create(),
      withColumns(events, { name: 'tenant', type: 'string', description: 'Whose', required: true }),
      9,
    )!;
    expect(currentSchema(first).fields.at(-1)).toEqual({
      id: 14,
      name: 'tenant',
      required: false,
      type: 'string',
      doc: 'Whose',
    });
    expect(first['current-schema-id']).toBe(1);
    expect(first.schemas).toHaveLength(2);
    // Another engine drops it: its id stays taken.
    const dropped = {
      ...first,
      schemas: [...first.schemas, { ...create().schemas[0]!, 'schema-id': 2 }],
      'current-schema-id': 2,
    };
    const second = evolve(
      dropped,
      withColumns(events, { name: 'tags', type: { list: 'string' }, description: '' }),
      10,
    )!;
    expect(currentSchema(second).fields.at(-1)).toMatchObject({ id: 15, type: { 'element-id': 16 } });
    expect(second['last-column-id']).toBe(16);
    expect(second['current-schema-id']).toBe(3);
    expect(second.properties['schema.name-mapping.default']).toContain('"tags"');
  });

  test('keeps columns that the declaration lacks, as optional', () => {
    const metadata = evolve(
      create(withColumns(events, { name: 'extra', type: 'string', description: 'More', required: true })),
      events,
      9,
    )!;
    expect(currentSchema(metadata).fields.at(-1)).toMatchObject({ name: 'extra', required: false });
  });

  test('follows descriptions, bounds and the order of the declaration', () => {
    const metadata = evolve(
      create(),
      { ...retyped('subject', { description: 'Who did it' }), sortedBy: ['id'], fullBounds: ['subject'] },
      9,
    )!;
    expect(currentSchema(metadata).fields.find((field) => field.name === 'subject')!.doc).toBe('Who did it');
    expect(metadata.properties['write.metadata.metrics.column.subject']).toBe('full');
    expect(metadata['default-sort-order-id']).toBe(2);
    expect(sortOrderIdOf(metadata, ['event_time', 'id'])).toBe(1);
    expect(sortOrderIdOf(metadata, ['id'])).toBe(2);
    expect(sortOrderIdOf(metadata, ['port'])).toBe(0);
    expect(evolve(metadata, events, 10)!['default-sort-order-id']).toBe(1);
  });

  test('int becomes long, and then takes int files too', () => {
    const metadata = evolve(create(), retyped('port', { type: 'long' }), 9)!;
    expect(currentSchema(metadata).fields.find((field) => field.name === 'port')).toMatchObject({
      type: 'long',
      id: ids(create()).port,
    });
    expect(evolve(metadata, events, 10)).toBeUndefined();
    expect(fileColumns(metadata, events).find((column) => column.name === 'port')!.type).toBe('int');
  });

  test.each([
    ['port', 'string', /port.*is int.*asks for string/],
    ['duration', 'double', /duration.*is long.*asks for double/],
    ['roles', { list: 'long' }, /roles.*list<string>.*list<long>/],
    ['metrics', { list: 'string' }, /metrics.*map<string, long>.*list<string>/],
  ])('another type for %s is refused, with both types', (name, type, message) => {
    expect(() => evolve(create(), retyped(name, { type }), 9)).toThrow(message);
  });

  test('a column that would differ from one of another engine by case only is refused, with both names', () => {
    const theirs = evolve(create(), withColumns(events, { name: 'Tenant', type: 'string', description: '' }), 9)!;
    const ours = withColumns(events, { name: 'tenant', type: 'string', description: '' });
    expect(() => evolve(theirs, ours, 9)).toThrow(/tenant.*beside Tenant.*RENAME COLUMN Tenant/);
  });

  test('readers that fail on delta encodings are told to read row by row, unless the table says otherwise', () => {
    const name = 'read.parquet.vectorization.enabled';
    const { [name]: told, ...before } = create().properties;
    expect(told).toBe('false');
    const evolved = evolve({ ...create(), properties: before }, events, 9)!;
    expect(evolved.properties).toEqual({ ...before, [name]: 'false' });
    expect(evolve(evolved, events, 10)).toBeUndefined();
    expect(evolve({ ...create(), properties: { ...before, [name]: 'true' } }, events, 9)).toBeUndefined();
  });

  test('properties and schemas of other engines stay', () => {
    const metadata = { ...create(), properties: { ...create().properties, 'owner.of': 'spark' } };
    expect(
      evolve(metadata, withColumns(events, { name: 'a', type: 'int', description: '' }), 9)!.properties['owner.of'],
    ).toBe('spark');
  });
});

describe('columns of a file', () => {
  test('come in declared order with the ids of the table', () => {
    const metadata = evolve(create(), withColumns(events, { name: 'tenant', type: 'string', description: '' }), 9)!;
    const reordered = { ...events, columns: [...events.columns].reverse() };
    expect(fileColumns(metadata, reordered).map((column) => [column.name, column.id])).toEqual(
      [...events.columns].reverse().map((column) => [column.name, ids(create())[column.name]]),
    );
    expect(fileColumns(metadata, events).at(-1)).toEqual({
      name: 'metrics',
      type: { map: { key: 'string', value: 'long' } },
      required: false,
      id: 10,
      keyId: 12,
      elementId: 13,
    });
  });

  test('are refused for a table that has not been brought up to date', () => {
    expect(() =>
      fileColumns(create(), withColumns(events, { name: 'tenant', type: 'string', description: '' })),
    ).toThrow(/no column tenant/);
    expect(() => fileColumns(create(), retyped('port', { type: 'long' }))).toThrow(/a int column port, declared long/);
  });
});

test('types have names for people', () => {
  expect(typeName({ type: 'struct', fields: [{ id: 1, name: 'a', required: false, type: 'date' }] })).toBe(
    'struct<a: date>',
  );
});
