/**
 * Columns that another engine has renamed, dropped, added again, reordered or added in types of its own: one answer by
 * field id from every reader, no second column beside a renamed one, and an erasure that leaves no row.
 */
import { expect, test } from 'vitest';
import type { ColumnType, Value } from '../../src/columns/types.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { commitTable, updateTable } from '../../src/iceberg/commit.ts';
import { currentSchema, type SchemaField, type TableMetadata } from '../../src/iceberg/metadata.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { storeDataFile } from '../../src/iceberg/write.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import type { CarriedType } from '../../src/parquet/encoder.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { decision, input, run, testRuntime, type WorldOptions } from '../support/warehouse.ts';

const table = 'opa_decisions';
const day = '2023-07-11';
const objects = [0, 1].map((batch) => `${input}/eopa=a/first_ts=null/last_ts=null/batch_id=${batch}.jsonl`);

async function world(options: WorldOptions = {}): Promise<Runtime> {
  const runtime = testRuntime({ store: new MemoryStore(), batch: { objects: 1 }, ...options });
  for (const [index, uri] of objects.entries()) {
    const lines = Array.from({ length: 3 }, (_, i) =>
      decision({ id: `${index}-${i}`, time: `${day}T10:00:0${i}Z`, subject: `user-${i}` }),
    );
    await runtime.store.put(uri, Buffer.from(lines.join('\n')));
  }
  await run(runtime);
  return runtime;
}

/** What `ALTER TABLE` of another engine does: a new schema, and the old ones stay. */
async function alter(runtime: Runtime, change: (fields: readonly SchemaField[], nextId: number) => SchemaField[]) {
  await updateTable(commitContext(runtime), table, ({ metadata }) => {
    const schema = currentSchema(metadata);
    const fields = change(schema.fields, metadata['last-column-id'] + 1);
    const id = Math.max(...metadata.schemas.map((one) => one['schema-id'])) + 1;
    return {
      ...metadata,
      schemas: [...metadata.schemas, { ...schema, 'schema-id': id, fields }],
      'current-schema-id': id,
      'last-column-id': Math.max(metadata['last-column-id'], ...fields.map((field) => field.id)),
    } satisfies TableMetadata;
  });
}

const rename = (runtime: Runtime, from: string, to: string) =>
  alter(runtime, (fields) => fields.map((field) => (field.name === from ? { ...field, name: to } : field)));
const drop = (runtime: Runtime, name: string) => alter(runtime, (fields) => fields.filter((one) => one.name !== name));
const add = (runtime: Runtime, name: string, type: SchemaField['type']) =>
  alter(runtime, (fields, id) => [...fields, { id, name, type, required: false }]);

const load = async (runtime: Runtime) => (await runtime.catalog.loadTable(table))!;

async function queried(runtime: Runtime, sql: string): Promise<unknown[][]> {
  const engine = createDuckDbEngine({ store: runtime.store, catalog: runtime.catalog });
  try {
    return (await collect((await engine.query({ sql })).chunks)).flat() as unknown[][];
  } finally {
    await engine.close();
  }
}

const rows = async (runtime: Runtime, columns: readonly string[]): Promise<string[]> => {
  const read = await collect(scanRows(runtime.store, await load(runtime), { columns }));
  return read
    .flat()
    .map((row) => columns.map((name) => row[name]).join(' '))
    .sort();
};

const everybody = ['0-0 user-0', '0-1 user-1', '0-2 user-2', '1-0 user-0', '1-1 user-1', '1-2 user-2'];

test.each([
  ['files with field ids', {}],
  ['files without', { encoder: new ParquetJsEncoder() }],
])('a renamed column keeps its values for every reader, with %s', async (_, options) => {
  const runtime = await world({ ...options, compact: { smallFiles: 2 } });
  await rename(runtime, 'subject', 'actor');
  const sql = `SELECT decision_id || ' ' || actor FROM ${table} ORDER BY 1`;
  const answers = async () => (await queried(runtime, sql)).flat();
  expect(await answers()).toEqual(everybody);
  expect(await rows(runtime, ['decision_id', 'actor'])).toEqual(everybody);
  expect((await verify(runtime, { deep: true })).differences).toEqual([]);

  await runtime.store.put(objects[0]!, Buffer.from(decision({ id: 'new', time: `${day}T11:00:00Z` })));
  const [failure] = (await run(runtime)).failures;
  expect(failure?.message).toMatch(/renamed to actor.*RENAME COLUMN actor TO subject/s);
  expect(currentSchema((await load(runtime)).metadata).fields.map(({ name }) => name)).not.toContain('subject');

  expect((await compact(runtime, { tables: [table] })).days).toHaveLength(1);
  expect(await answers()).toEqual(everybody);

  expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 2 } });
  expect(await answers()).toEqual(everybody.filter((row) => !row.endsWith('user-1')));

  await rename(runtime, 'actor', 'subject');
  expect(await run(runtime)).toMatchObject({ records: { rows: 1 } });
  expect(await rows(runtime, ['subject'])).toEqual(['dr_evil', 'user-0', 'user-0', 'user-2', 'user-2']);
});

test('a dropped column that is added again has no values of before, and its subjects are erased all the same', async () => {
  const runtime = await world();
  await drop(runtime, 'subject');
  await run(runtime);
  await runtime.store.put(
    objects[0]!.replace('=0', '=9'),
    Buffer.from(decision({ id: '9-0', time: `${day}T11:00:00Z`, subject: 'user-1' })),
  );
  await run(runtime);
  const held = ['user-1', ...Array(6).fill('')].sort();
  expect((await queried(runtime, `SELECT coalesce(subject, '') FROM ${table} ORDER BY 1`)).flat()).toEqual(held);
  expect(await rows(runtime, ['subject'])).toEqual(held);
  expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 3 } });
  expect(await rows(runtime, ['decision_id'])).toEqual(['0-0', '0-2', '1-0', '1-2']);
});

test('columns in another order, and two that changed names with each other, are told apart', async () => {
  const runtime = await world();
  await alter(runtime, (fields) =>
    fields
      .map((field) => {
        if (field.name === 'subject') return { ...field, name: 'path' };
        return field.name === 'path' ? { ...field, name: 'subject' } : field;
      })
      .toReversed(),
  );
  expect((await queried(runtime, `SELECT decision_id || ' ' || path FROM ${table} ORDER BY 1`)).flat()).toEqual(
    everybody,
  );
  expect(await rows(runtime, ['decision_id', 'path'])).toEqual(everybody);
  expect((await verify(runtime)).differences).toEqual([]);
});

/** A file as another engine writes it, with values in a column of its own. */
async function addForeignFile(runtime: Runtime, column: string, type: ColumnType, carried: CarriedType, value: Value) {
  const loaded = await load(runtime);
  const fields = currentSchema(loaded.metadata).fields;
  const id = (name: string): number => fields.find((field) => field.name === name)!.id;
  const names = ['ymd', 'event_time', 'timestamp', 'decision_id', 'subject', 'source_uri', 'source_offset', column];
  const types: ColumnType[] = ['string', 'timestamp', 'string', 'string', 'string', 'string', 'long', type];
  const columns = names.map((name, i) => ({
    name,
    type: types[i]!,
    description: '',
    required: false,
    id: id(name),
    ...(name === column && { carried }),
  }));
  const buffer = new KernelTable(columns);
  for (const subject of ['user-1', 'user-2'])
    buffer.append([day, 0n, 'then', `foreign-${subject}`, subject, 'foreign', 0n, value]);
  const encoded = await new ColumnarEncoder().encode({ columns, batch: buffer.batch(), rowGroupRows: 10 });
  const declaration = {
    name: table,
    description: '',
    columns,
    sortedBy: [],
    bloomColumns: [],
    fullBounds: [],
    provenance: [],
  };
  const file = await storeDataFile(
    { store: runtime.store, table: loaded, declaration, label: 'foreign' },
    { ymd: day, encoded },
  );
  await commitTable(commitContext(runtime), table, () => ({
    operation: 'append',
    add: [file],
    remove: [],
    summary: {},
  }));
}

test.each([
  ['date', 'date', 'int', 19_000, '2022-01-08'],
  ['time', 'time', 'long', 3_600_000_001n, '01:00:00.000001'],
  ['timestamptz', 'timestamptz', 'timestamp', 1_000_001n, '1970-01-01 00:00:01.000001+00'],
  ['binary', 'binary', 'string', Uint8Array.of(0xff, 0, 1), undefined],
] as const)(
  'a column of type %s is carried through compaction and erasure',
  async (name, carried, type, value, shown) => {
    const runtime = await world({ compact: { smallFiles: 2 } });
    await add(runtime, `their_${name}`, name);
    await addForeignFile(runtime, `their_${name}`, type, carried, value);
    const sql = `SELECT CAST(their_${name} AS VARCHAR) FROM ${table} WHERE their_${name} IS NOT NULL ORDER BY 1`;
    const before = await queried(runtime, sql);
    expect(before).toHaveLength(2);
    if (shown !== undefined) expect(before.flat()).toEqual([shown, shown]);
    expect((await compact(runtime)).refused).toEqual([]);
    expect(await queried(runtime, sql)).toEqual(before);
    expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 3 } });
    expect(await queried(runtime, sql)).toEqual(before.slice(1));
    const { differences } = await verify(runtime, { deep: true });
    expect(differences.filter(({ uri }) => uri !== 'foreign')).toEqual([]);
  },
);

test('a column of a type that is not written blocks nothing as long as no file holds values of it', async () => {
  const runtime = await world({ compact: { smallFiles: 2 } });
  await add(runtime, 'amount', 'decimal(9, 2)');
  await alter(runtime, (fields, id) => [
    ...fields,
    {
      id,
      name: 'place',
      required: false,
      type: { type: 'struct', fields: [{ id: id + 1, name: 'city', required: false, type: 'string' }] },
    },
  ]);
  expect((await verify(runtime, { deep: true })).differences).toEqual([]);
  expect((await compact(runtime)).refused).toEqual([]);
  expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 2 } });
  expect(await queried(runtime, `SELECT count(*), count(amount), count(place) FROM ${table}`)).toEqual([[4, 0, 0]]);
  expect(await collect(liveFiles(runtime.store, (await load(runtime)).metadata))).toHaveLength(1);
});
