/**
 * A run of `backfill --again` that dies at any moment leaves old rows or new ones of each batch in each table, never both
 * nor none, and whatever run comes next finishes what it began.
 */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { deaths } from '../support/mortal.ts';
import {
  decision,
  input,
  numberedIds,
  opaSourceConfig,
  owner,
  rowsOf,
  run,
  sortedRows,
  testRuntime,
  type WorldOptions,
  warehouse,
} from '../support/warehouse.ts';

const batch = { objects: 2 };
const mapping = { subject: [{ path: ['input', 'user'] }, { path: ['input', 'subject'] }] };
const sources: SourceConfig[] = [{ ...opaSourceConfig, mapping }];

const byUser = (id: number): string =>
  JSON.stringify({
    decision_id: `u${id}`,
    input: { user: `user-${id}` },
    labels: { id: 'i' },
    result: { allowed: true },
    timestamp: `2023-07-11T16:56:0${id}Z`,
  });
const long = decision({ id: 'long', subject: 'x'.repeat(3000) });

const objects: Readonly<Record<string, readonly string[]>> = {
  a: [byUser(1), decision({ id: 'z', subject: 'zed' }), '{"broken":'],
  b: [byUser(2), long],
  c: [byUser(3), '{"broken":3', decision({ id: 'y' })],
};

/** Ingested by an older configuration; compacted, so that objects share files; and one subject erased. */
async function makeWorld(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [name, lines] of Object.entries(objects))
    await store.put(`${input}/${name}.jsonl`, Buffer.from(lines.join('\n')));
  const old = testRuntime({ store, batch, limits: { recordBytes: 1000 }, compact: { smallFiles: 2 } });
  await run(old);
  await compact(old);
  await erase(old, 'zed');
  return store;
}

const world = (options: WorldOptions): Runtime => ({
  ...testRuntime({ batch, sources, ...options }),
  uuid: randomUUID,
});

/** What a reader sees of each object in a table. */
async function seenBy(reader: Pick<Runtime, 'store' | 'catalog'>, table: string): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = Object.fromEntries(Object.keys(objects).map((name) => [name, []]));
  for (const { source_uri, source_offset, subject } of await rowsOf(reader, table))
    seen[String(source_uri).slice(input.length + 1, -'.jsonl'.length)]!.push(`${source_offset} ${subject}`);
  for (const rows of Object.values(seen)) rows.sort();
  return seen;
}

const tables = ['opa_decisions', 'quarantine'];
const batches = [['a', 'b'], ['c']];

let before: MemoryStore;
let old: Record<string, string[]>[];
let replaced: Record<string, string[]>[];
let expected: string[][];
let calls: number;

beforeAll(async () => {
  before = await makeWorld();
  const store = before.copy();
  const view = store.view();
  const reader = world({ store });
  old = await Promise.all(tables.map((table) => seenBy(reader, table)));
  const { again } = await run(world({ store: view }), { again: true });
  expect(again).toMatchObject({ objects: 3, replaced: { opa_decisions: 4, quarantine: 3 }, erased: 1 });
  calls = view.calls;
  replaced = await Promise.all(tables.map((table) => seenBy(reader, table)));
  expected = await Promise.all(tables.map((table) => sortedRows(reader, table)));
  expect(expected.map((rows) => rows.length)).toEqual([5, 2]);
});

test('reading again killed at any call shows old rows or new ones, and the next run of any kind finishes what was begun', async () => {
  expect(calls).toBeGreaterThan(100);
  const begun = Date.UTC(2026, 0, 2);
  const dying = (store: MemoryStore) => {
    const first = world({ store, clock: () => begun, owner: owner('first') });
    return run({ ...first, uuid: numberedIds('first') }, { again: true });
  };
  for await (const { store, at } of deaths(before, calls, dying)) {
    const reader = { store, catalog: new FileCatalog(store, warehouse) };
    for (const [t, table] of tables.entries()) {
      const seen = await seenBy(reader, table);
      for (const names of batches) {
        const of = (all: Record<string, string[]>) => names.map((name) => all[name]);
        expect([of(old[t]!), of(replaced[t]!)], `${at}: ${table}`).toContainEqual(of(seen));
      }
    }

    // An ordinary run finishes the batches that were open, and begins none.
    const second = world({ store, clock: () => begun + 3_600_000, owner: owner('second') });
    await run(second);
    expect((await rowsOf(second, 'ingested_objects')).map((row) => row.state)).toEqual(Array(3).fill('committed'));
    expect((await verify(second)).differences, at).toEqual([]);

    const report = await run(second, { again: true });
    expect(report.objects.listed, at).toBe(3);
    const rows = await Promise.all(tables.map((table) => sortedRows(second, table)));
    expect(rows, at).toEqual(expected);
    expect((await verify(second, { deep: true })).differences, at).toEqual([]);
  }
});
