/** A source that cannot be listed stops nothing but itself, and fails the run. */
import { expect, test } from 'vitest';
import type { BackfillReport } from '../../src/jobs/backfill/report.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { StoreError } from '../../src/store/store.ts';
import { countries, putExport } from '../support/side-tables.ts';
import { decision, input, objectUri, opaSourceConfig, run, testRuntime } from '../support/warehouse.ts';

const others = 'memory://test/others/';
const otherSource = { ...opaSourceConfig, name: 'others', location: others };

/** Listings below these prefixes fail. */
function failing(store: MemoryStore, ...prefixes: string[]): MemoryStore {
  return store.view({
    before: ({ operation, uri }) => {
      if (operation === 'list' && prefixes.some((prefix) => uri.startsWith(prefix)))
        throw new StoreError('access-denied', uri, 'cannot list');
    },
  });
}

async function world() {
  const store = new MemoryStore();
  for (const n of [1, 2]) {
    await store.put(objectUri(n), Buffer.from(decision({ id: `here-${n}` })));
    await store.put(`${others}${n}.json`, Buffer.from(decision({ id: `there-${n}` })));
  }
  await putExport(store, countries, 'a.csv', 'subject,country\nalice,DE\n');
  const over = (view: MemoryStore) =>
    testRuntime({ store: view, sources: [otherSource, opaSourceConfig], sideSources: [countries] });
  return { store, over };
}

const denied = (location: string) => ({
  uri: location,
  code: 'access-denied',
  message: expect.stringContaining(`cannot list: ${location}`),
});

/** Of decisions and of the side table. */
const rowsIn = (tables: BackfillReport['tables']): Record<string, number> =>
  Object.fromEntries(
    ['opa_decisions', countries.table].flatMap((name) => {
      const { rows = 0 } = tables[name] ?? {};
      return rows === 0 ? [] : [[name, rows]];
    }),
  );

test.each([
  ['of decisions', [others], { opa_decisions: 2, [countries.table]: 1 }],
  ['of a side table', [countries.location], { opa_decisions: 4 }],
  ['of both kinds', [countries.location, others], { opa_decisions: 2 }],
])('one %s: all others are read, and it is read once it can be listed', async (_, bad, tables) => {
  const { store, over } = await world();
  const report = await run(over(failing(store, ...bad)));
  expect(report.failures).toEqual(bad.map(denied));
  expect(rowsIn(report.tables)).toEqual(tables);
  const { listed, skipped, committed, failed } = report.objects;
  expect([listed, skipped, committed, failed]).toEqual([committed, 0, committed, 0]);

  const next = await run(over(store));
  expect(next.failures).toEqual([]);
  expect(report.objects.committed + next.objects.committed).toBe(5);
});

test('what was listed before it failed is for the next run, and counted by none', async () => {
  const { store, over } = await world();
  const midway = store.view({
    listing: (objects) =>
      new Proxy(objects, {
        get: (all, key) => {
          if (key === '1' && all[0]!.uri.startsWith(others)) throw new StoreError('transient', others, 'broke off');
          return Reflect.get(all, key);
        },
      }),
  });
  const { objects, tables, failures } = await run(over(midway));
  expect(failures).toMatchObject([{ uri: others, code: 'transient' }]);
  expect(rowsIn(tables)).toEqual({ opa_decisions: 2, [countries.table]: 1 });
  expect(objects).toMatchObject({ listed: 3, skipped: 0, committed: 3, failed: 0 });
  expect(rowsIn((await run(over(store))).tables)).toEqual({ opa_decisions: 2 });
});

test('a plan names it', async () => {
  const { store, over } = await world();
  const { failures, plan } = await run(over(failing(store, others)), { dryRun: true });
  expect(failures).toEqual([denied(others)]);
  expect(plan?.objects).toBe(3);
});

test('where there is no other source, the run fails by what the store says', async () => {
  const { store, over } = await world();
  await expect(run(over(failing(store, input, others, countries.location)))).rejects.toThrow(StoreError);
  const alone = testRuntime({ store: failing(store, others), sources: [otherSource] });
  await expect(run(alone)).rejects.toThrow(`cannot list: ${others}`);
});

test('reading again goes on where a source could not be listed', async () => {
  const { store, over } = await world();
  await run(over(store));
  const { objects } = await run(over(failing(store, others)), { again: true });
  expect(objects.committed).toBe(2);
  const later = await run(over(store), { again: true });
  expect([later.objects.committed, later.again?.since]).toEqual([2, expect.anything()]);
});
