/**
 * A batch that is in a table, and not yet in the ledger, is not appended again, whatever another engine has made of its
 * files and snapshots meanwhile.
 */
import { expect, test } from 'vitest';
import { updateTable } from '../../src/iceberg/commit.ts';
import { removeSnapshots } from '../../src/iceberg/history.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { decision, objectUri, owner, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const table = 'opa_decisions';
const lines = (batch: number) =>
  Array.from({ length: 20 }, (_, i) => decision({ id: `${batch}-${i}`, time: `2023-07-11T10:00:00.${10 + i}Z` }));

test.each([
  ['gone', true],
  ['still there', false],
])('not where it was compacted, its snapshot expired, and its old files are %s', async (_, isRemoved) => {
  const store = new MemoryStore();
  let now = Date.UTC(2026, 0, 1);
  const world = { clock: () => now, compact: { smallFiles: 2 } };
  const put = (batch: number): Promise<unknown> => store.put(objectUri(batch), Buffer.from(lines(batch).join('\n')));
  const other = testRuntime({ ...world, store });
  await put(0);
  await run(other);
  await put(1);
  // Dies once the batch is in the table, before the ledger knows.
  let isCommitted = false;
  const dying = store.view({
    before: ({ operation, uri }) => {
      if (isCommitted && uri.includes('/ingested_objects/') && operation === 'put') throw new Error('killed');
    },
    after: ({ operation, uri }) => {
      if (operation === 'put' && uri.includes(`/${table}/metadata/`) && uri.endsWith('.metadata.json'))
        isCommitted = true;
    },
  });
  await expect(run(testRuntime({ ...world, store: dying, owner: owner('dead') }))).rejects.toThrow('killed');
  expect(await rowsOf(other, table)).toHaveLength(40);

  const before = await collect(liveFiles(store, (await other.catalog.loadTable(table))!.metadata));
  expect((await compact(other, { tables: [table] })).days).toHaveLength(1);
  await updateTable(commitContext(other), table, ({ metadata }) => {
    const old = metadata.snapshots
      .map((one) => one['snapshot-id'])
      .filter((id) => id !== metadata['current-snapshot-id']);
    return old.length === 0 ? undefined : removeSnapshots(metadata, old);
  });
  if (isRemoved) for (const { path } of before) await store.delete(path);

  now += 3_600_000;
  await run(other);
  expect((await rowsOf(other, table)).map((row) => row.decision_id).sort()).toEqual(
    [0, 1].flatMap((batch) => Array.from({ length: 20 }, (_, i) => `${batch}-${i}`)).sort(),
  );
  expect((await verify(other, { deep: true })).differences).toEqual([]);
});
