/** A column that another engine has renamed or dropped is named by whatever asks for it, with what to do. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withChangedColumns } from '../../src/engines/changed-columns.ts';
import type { QueryEngine } from '../../src/engines/engine.ts';
import { openEngine } from '../../src/engines/index.ts';
import { catalogWith } from '../../src/iceberg/catalog-with.ts';
import type { SchemaField } from '../../src/iceberg/metadata.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { ask } from '../../src/queries/questions.ts';
import { gatherReport } from '../../src/report/gather.ts';
import { reportRange } from '../../src/report/range.ts';
import { QueryError, TooMuchToFetch } from '../../src/sql/parameter.ts';
import { collect } from '../support/collect.ts';
import { putDecisions, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const told =
  `column subject of table ${table} (memory://test/warehouse/${table}) was renamed to who by another engine: ` +
  `rename it back there (ALTER TABLE ${table} RENAME COLUMN who TO subject)`;

const runtime = testRuntime();
let engine: QueryEngine;

beforeAll(async () => {
  await putDecisions(runtime.store, 2, 3);
  await run(runtime);
  await alter(runtime, (fields) => fields.map((one) => (one.name === 'subject' ? { ...one, name: 'who' } : one)));
  engine = await openEngine('duckdb', { ...runtime, env: {} });
});
afterAll(() => engine.close());

async function alter({ catalog }: Runtime, change: (fields: readonly SchemaField[]) => SchemaField[]): Promise<void> {
  const base = (await catalog.loadTable(table))!;
  const last = base.metadata.schemas.at(-1)!;
  const id = last['schema-id'] + 1;
  const schemas = [...base.metadata.schemas, { ...last, 'schema-id': id, fields: change(last.fields) }];
  await catalog.commitTable(table, base, { ...base.metadata, schemas, 'current-schema-id': id });
}

const range = { fromDay: '2023-07-11', toDay: '2023-07-12' };

test('a named question', async () => {
  const given = new Map([
    ['from', range.fromDay],
    ['to', range.toDay],
  ]);
  await expect(engine.query(ask('decisions', given))).rejects.toThrow(told);
});

test('a report', async () => {
  const reported = await reportRange({ from: range.fromDay, to: range.toDay }, () => Promise.reject());
  await expect(gatherReport({ engine, tables: [table] }, reported)).rejects.toThrow(told);
});

test('a statement, and a view in it', async () => {
  await expect(engine.query({ sql: `SELECT d.subject FROM ${table} d` })).rejects.toThrow(told);
  await expect(engine.query({ sql: 'SELECT count(*) FROM audit_events' })).rejects.toThrow(told);
});

test.each([
  ['ymd', 'add it there again, fill it with the day of each row (YYYY-MM-DD), and partition the table by it alone'],
  ['subject', 'backfill adds it again if it is one of this program, without its values'],
])('a report on a table of which %s was dropped, until the column is there again', async (column, advice) => {
  const without = testRuntime();
  await putDecisions(without.store, 2, 3);
  await run(without);
  await alter(without, (fields) => fields.filter(({ name }) => name !== column));
  const asking = await openEngine('duckdb', { ...without, env: {} });
  const reported = await reportRange({ from: range.fromDay, to: range.toDay }, () => Promise.reject());
  await expect(gatherReport({ engine: asking, tables: [table] }, reported)).rejects.toThrow(
    `column ${column} of table ${table} (memory://test/warehouse/${table}) was dropped by another engine: ${advice}`,
  );
  const selected = { sql: `SELECT count(${column}) FROM ${table}` };
  await expect(asking.query(selected)).rejects.toThrow('was dropped by another engine');
  if (column !== 'ymd') {
    await run(without, { again: true });
    expect((await collect((await asking.query(selected)).chunks)).flat()).toEqual([[6]]);
  }
  await asking.close();
});

test('what has nothing to do with it fails as it did, and the new name can be asked for', async () => {
  await expect(engine.query({ sql: `SELECT nix FROM ${table}` })).rejects.toThrow('column "nix" not found');
  const { chunks } = await engine.query({ sql: `SELECT count(who) FROM ${table}` });
  expect((await collect(chunks)).flat()).toEqual([[6]]);
});

test('what an engine says stays what it is where the catalog does not answer, and where too much would be fetched', async () => {
  const failing = (error: Error): QueryEngine => ({
    atOnce: 1,
    query: () => Promise.reject(error),
    close: async () => {},
  });
  const request = { sql: `SELECT subject FROM ${table}` };
  const error = new QueryError('no column subject');
  const listTables = () => Promise.reject(new Error('no answer'));
  const silent = { ...runtime, catalog: catalogWith(runtime.catalog, { listTables }) };
  await expect(withChangedColumns(runtime, failing(error)).query(request)).rejects.toThrow(told);
  await expect(withChangedColumns(silent, failing(error)).query(request)).rejects.toBe(error);
  const tooMuch = new TooMuchToFetch('too much of subject');
  await expect(withChangedColumns(runtime, failing(tooMuch)).query(request)).rejects.toBe(tooMuch);
});
