/**
 * Columns that another engine has renamed, dropped, added again, reordered or added in types of its own: one answer by
 * field id from every reader, no second column beside a renamed one, and an erasure that leaves no row.
 */
import { expect, test } from 'vitest';
import type { ColumnType, Value } from '../../src/columns/types.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import { carriedField } from '../../src/iceberg/carried.ts';
import { commitTable, updateTable } from '../../src/iceberg/commit.ts';
import { currentSchema, type SchemaField, type TableMetadata } from '../../src/iceberg/metadata.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { storeDataFile } from '../../src/iceberg/write.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { checkTables } from '../../src/jobs/doctor/store.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { KernelTable } from '../../src/kernel/table.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import type { FileColumn } from '../../src/parquet/encoder.ts';
import { PackedWriter } from '../../src/parquet/format/packed.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { ColumnarEncoder } from '../../src/parquet/write/encoder.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { decision, objectUri, run, testRuntime, type WorldOptions } from '../support/warehouse.ts';

const table = 'opa_decisions';
const day = '2023-07-11';
const objects = [0, 1].map((batch) => objectUri(batch));

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

/** A file as another engine writes it, with values in a column of its own; `pack` writes what a row has of it. */
async function addForeignFile(
  runtime: Runtime,
  column: string,
  pack: (out: PackedWriter) => void,
  field?: Partial<SchemaField>,
) {
  const fields = currentSchema((await load(runtime)).metadata).fields;
  const own = { ...fields.find(({ name }) => name === column)!, ...field };
  const value = new PackedWriter();
  pack(value);
  const carried = { name: column, type: 'string', id: own.id, carried: carriedField(own)! } as const;
  await addFile(runtime, ['ymd', ...givenColumns], carried, value.bytes.slice());
}

const givenColumns = ['event_time', 'timestamp', 'decision_id', 'subject', 'source_uri', 'source_offset'];
const givenTypes: Readonly<Record<string, ColumnType>> = { event_time: 'timestamp', source_offset: 'long' };

/** A file of two rows that has these columns, and one more. */
async function addFile(
  runtime: Runtime,
  names: readonly string[],
  ...more: [] | [column: Omit<FileColumn, 'required'>, value: Uint8Array]
) {
  const loaded = await load(runtime);
  const fields = currentSchema(loaded.metadata).fields;
  const given = names.map((name) => {
    const { id } = fields.find((field) => field.name === name)!;
    return { name, type: givenTypes[name] ?? 'string', id };
  });
  const [extra, value] = more;
  const columns = [...given, ...(extra === undefined ? [] : [extra])].map((column) => ({
    ...column,
    description: '',
    required: false,
  }));
  const buffer = new KernelTable(columns);
  for (const subject of ['user-1', 'user-2']) {
    const row: Record<string, Value> = {
      ymd: day,
      event_time: 0n,
      timestamp: 'then',
      decision_id: `foreign-${subject}`,
      subject,
      source_uri: 'foreign',
      source_offset: 0n,
    };
    buffer.append([...names.map((name) => row[name]!), ...(value === undefined ? [] : [value])]);
  }
  const encoded = await new ColumnarEncoder().encode({ columns, batch: buffer.batch(), rowGroupRows: 10 });
  buffer.release();
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

const struct = (id: number, fields: readonly SchemaField['type'][]): SchemaField['type'] => ({
  type: 'struct',
  fields: fields.map((type, i) => ({ id: id + i, name: `f${i}`, required: false, type })),
});

test.each([
  ['date', 'date', '2022-01-08', (out) => out.int(19_000)],
  ['time', 'time', '01:00:00.000001', (out) => out.long(3_600_000_001n)],
  ['timestamptz', 'timestamptz', '1970-01-01 00:00:01.000001+00', (out) => out.long(1_000_001n)],
  ['decimal', 'decimal(20, 3)', '-0.001', (out) => out.bigEndian(-1n, 9)],
  ['float', 'float', '1.5', (out) => out.copy(new Uint8Array(Float32Array.of(1.5).buffer), 0, 4)],
  ['uuid', 'uuid', '00010203-0405-0607-0809-0a0b0c0d0e0f', (out) => out.copy(Uint8Array.from(Array(16).keys()), 0, 16)],
  [
    'struct',
    struct(900, ['int', { type: 'list', 'element-id': 950, element: 'date', 'element-required': false }]),
    "{'f0': 7, 'f1': [1970-01-02, NULL]}",
    (out) => {
      out.flag(true);
      out.int(7);
      out.flag(true);
      out.count(2);
      out.flag(true);
      out.int(1);
      out.flag(false);
    },
  ],
] satisfies [string, SchemaField['type'], string, (out: PackedWriter) => void][])(
  'a column of type %s is carried through compaction and erasure',
  async (name, type, shown, pack) => {
    const runtime = await world({ compact: { smallFiles: 2 } });
    await add(runtime, `their_${name}`, type);
    await addForeignFile(runtime, `their_${name}`, pack);
    const sql = `SELECT CAST(their_${name} AS VARCHAR) FROM ${table} WHERE their_${name} IS NOT NULL ORDER BY 1`;
    expect(await queried(runtime, sql)).toEqual([[shown], [shown]]);
    expect((await compact(runtime)).refused).toEqual([]);
    expect(await queried(runtime, sql)).toEqual([[shown], [shown]]);
    expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 3 } });
    expect(await queried(runtime, sql)).toEqual([[shown]]);
    const { differences } = await verify(runtime, { deep: true });
    expect(differences.filter(({ uri }) => uri !== 'foreign')).toEqual([]);
  },
);

test('fields inside of a column go by their ids: renamed, of other types, and dropped and added again', async () => {
  const runtime = await world({ compact: { smallFiles: 2 } });
  const field = (id: number, name: string, type: SchemaField['type'] = 'int') => ({ id, name, required: false, type });
  const shape = (fields: SchemaField[]): SchemaField['type'] => ({ type: 'struct', fields });
  const listOf = (element: SchemaField['type']): SchemaField['type'] => ({
    type: 'list',
    'element-id': 950,
    element,
    'element-required': false,
  });
  const before = [
    field(900, 'a'),
    field(901, 'b'),
    field(902, 'c'),
    field(903, 'many', listOf(shape([field(904, 'x'), field(905, 'y')]))),
  ];
  await add(runtime, 'theirs', shape(before));
  await addForeignFile(runtime, 'theirs', (out) => {
    for (const value of [1, 2, 3]) {
      out.flag(true);
      out.int(value);
    }
    out.flag(true);
    out.count(1);
    for (const value of [undefined, 4, 5]) {
      out.flag(true);
      if (value !== undefined) out.int(value);
    }
  });
  // b and a change places, c is another one, and so on.
  const many = listOf(shape([field(906, 'y'), field(905, 'z')]));
  const after = [field(901, 'a', 'long'), field(900, 'b'), field(910, 'c'), field(903, 'many', many)];
  await alter(runtime, (fields) => fields.map((one) => (one.name === 'theirs' ? { ...one, type: shape(after) } : one)));
  const sql = `SELECT CAST(theirs AS VARCHAR) FROM ${table} WHERE theirs.a = 2`;
  const shown = "{'a': 2, 'b': 1, 'c': NULL, 'many': [{'y': NULL, 'z': 5}]}";
  expect(await queried(runtime, sql)).toEqual([[shown], [shown]]);
  expect((await compact(runtime)).refused).toEqual([]);
  expect(await queried(runtime, sql)).toEqual([[shown], [shown]]);
  expect(await queried(runtime, `SELECT count(*)::INTEGER FROM ${table} WHERE theirs IS NULL`)).toEqual([[6]]);
});

test('a question of a table whose columns differ by case only names them, as doctor does, and other tables answer', async () => {
  const runtime = await world();
  await add(runtime, 'Subject', 'string');
  await expect(queried(runtime, `SELECT count(*) FROM ${table}`)).rejects.toThrow(
    'opa_decisions has columns subject and Subject, which SQL does not tell apart',
  );
  expect(await queried(runtime, 'SELECT count(*)::INTEGER FROM ingested_objects')).toEqual([[2]]);
  const found = 'opa_decisions has columns subject and Subject, which SQL does not tell apart';
  expect(await checkTables(runtime)).toMatchObject({ status: 'failed', found: expect.stringContaining(found) });
  expect((await run(runtime)).failures).toEqual([]);
});

test('rows of a file that was written for Hive, without the column of its folder, have the day of their partition', async () => {
  const runtime = await world({ compact: { smallFiles: 2 } });
  await addFile(runtime, givenColumns);
  const sql = `SELECT ymd, count(*)::INTEGER FROM ${table} WHERE ymd = '${day}' AND subject <> '' GROUP BY ALL`;
  expect(await queried(runtime, sql)).toEqual([[day, 8]]);
  expect(await queried(runtime, `SELECT ymd FROM ${table} WHERE decision_id = 'foreign-user-1'`)).toEqual([[day]]);
  expect((await rows(runtime, ['ymd', 'decision_id'])).filter((row) => row.includes('foreign'))).toEqual([
    `${day} foreign-user-1`,
    `${day} foreign-user-2`,
  ]);
  expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 3 } });
  expect(await queried(runtime, sql)).toEqual([[day, 5]]);
  await addFile(runtime, givenColumns);
  expect((await compact(runtime)).refused).toEqual([]);
  // One of the two is there already.
  expect(await queried(runtime, sql)).toEqual([[day, 6]]);
  const { differences } = await verify(runtime, { deep: true });
  expect(differences.filter(({ uri }) => uri !== 'foreign')).toEqual([]);
});

test('a value that cannot be carried leaves its file as it is, and erasure says so instead of leaving rows', async () => {
  const runtime = await world({ compact: { smallFiles: 2 } });
  await add(runtime, 'amount', 'decimal(9, 2)');
  // Of a scale that the column cannot have, so only a faulty writer makes it.
  await addForeignFile(runtime, 'amount', (out) => out.int(5), { type: 'decimal(9, 3)' });
  const files = async () => (await collect(liveFiles(runtime.store, (await load(runtime)).metadata))).length;
  const before = await files();
  const [refusal] = (await compact(runtime)).refused;
  expect(refusal?.reason).toMatch(
    /foreign.*amount is decimal in the table and DECIMAL in the file.*rewrite the file there/,
  );
  expect(await files()).toBe(before);
  await expect(erase(runtime, 'user-1')).rejects.toThrow(
    /amount is decimal in the table.*Done in opa_decisions.*may be left/s,
  );
  const left = await rows(runtime, ['decision_id', 'subject']);
  expect(left.filter((row) => row.endsWith('user-1'))).toEqual(['foreign-user-1 user-1']);
});

test('a column of a type that is unknown blocks nothing as long as no file holds values of it', async () => {
  const runtime = await world({ compact: { smallFiles: 2 } });
  await add(runtime, 'shape', 'geometry');
  expect((await verify(runtime, { deep: true })).differences).toEqual([]);
  expect((await compact(runtime)).refused).toEqual([]);
  expect((await erase(runtime, 'user-1')).tables).toMatchObject({ [table]: { rows: 2 } });
  expect(await collect(liveFiles(runtime.store, (await load(runtime)).metadata))).toHaveLength(1);
});
