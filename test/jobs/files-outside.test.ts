/** Files that another engine has added to a table and that are not in the warehouse: every command goes on, and they are named. */
import { beforeEach, expect, test } from 'vitest';
import { commitTable } from '../../src/iceberg/commit.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { checkTables } from '../../src/jobs/doctor/store.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { replay } from '../../src/jobs/replay/replay.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { Worker } from '../../src/worker/worker.ts';
import { collect } from '../support/collect.ts';
import { decision, objectUri, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const elsewhere = 'memory://test/theirs/part-0.parquet';

let runtime: Runtime;
beforeEach(async () => {
  const store = new MemoryStore();
  const later = Date.UTC(2026, 5, 1);
  runtime = testRuntime({ store, compact: { smallFiles: 2 }, expire: { keepSnapshots: 1 }, clock: () => later });
  await put(0);
  await run(runtime);
  // The first of all files is elsewhere, as that of a table that was made from those of another one.
  const [file] = await collect(liveFiles(store, (await runtime.catalog.loadTable(table))!.metadata));
  await store.put(elsewhere, Buffer.concat(await collect((await store.get(file!.path)).chunks)));
  const add = [{ ...file!, ymd: file!.ymd!, path: elsewhere }];
  const change = { operation: 'overwrite', add, remove: [file!.path], summary: {} } as const;
  await commitTable(commitContext(runtime), table, () => change);
});

const put = (n: number) =>
  runtime.store.put(
    objectUri(n),
    Buffer.from([0, 1].map((i) => decision({ id: `${n}-${i}`, subject: `user-${i}` })).join('\n')),
  );

test('no command stops for them', async () => {
  await put(1);
  expect((await run(runtime)).failures).toEqual([]);
  await put(2);
  await new Worker(runtime, { openQueue: () => undefined as never }, { once: true }).run();
  await replay(runtime);
  expect(await rowsOf(runtime, table)).toHaveLength(6);
  expect((await compact(runtime)).refused).toEqual([]);
  await expire(runtime);
  expect(await rowsOf(runtime, table)).toHaveLength(6);
  // Compaction has taken their rows into the warehouse; the files are left to who put them there.
  expect(await verify(runtime)).toMatchObject({ ok: true });
  expect(await checkTables(runtime)).toMatchObject({ status: 'ok' });
  expect(await runtime.store.head(elsewhere)).toBeDefined();
});

test('doctor and verify name them', async () => {
  expect(await checkTables(runtime)).toMatchObject({ status: 'warning', found: expect.stringContaining(elsewhere) });
  expect((await verify(runtime)).differences).toMatchObject([{ kind: 'table-elsewhere', table, uri: elsewhere }]);
});

test('rows are erased from the table, and the erasure names the files that still hold them', async () => {
  await put(1);
  await run(runtime);
  const { tables, remains } = await erase(runtime, 'user-1');
  expect(tables).toMatchObject({ [table]: { rows: 2 } });
  expect(remains?.filesOutside).toEqual([elsewhere]);
  expect((await rowsOf(runtime, table)).map(({ subject }) => subject)).toEqual(['user-0', 'user-0']);
  expect((await erase(runtime, 'user-0', { dryRun: true })).tables).toMatchObject({ [table]: { rows: 2 } });
  await expire(runtime);
  expect(await runtime.store.head(elsewhere)).toBeDefined();
});
