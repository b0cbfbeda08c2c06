/**
 * A load that dies at any moment leaves the old table or the new one, never half, and the next run makes it the new one,
 * with each rejected row in quarantine once: the run is killed before and after its k-th call to the store, for every k.
 */
import { expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { deaths } from '../support/mortal.ts';
import { countries, putExport } from '../support/side-tables.ts';
import { rowsOf, run, testRuntime, warehouse } from '../support/warehouse.ts';

const world = (store: MemoryStore) => testRuntime({ store, sources: [], sideSources: [countries] });

/** A warehouse that shows the first export, and the second one in the place of that. */
async function secondExport(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\nbob,BE\n,XX\n');
  await putExport(store, countries, 'b.csv', 'subject,country\ncarol,DE\n');
  await run(world(store));
  await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\ndave,FR\n,XX\n,YY\n');
  await store.delete(`${countries.location}b.csv`);
  return store;
}

const reader = (store: MemoryStore) => ({ store, catalog: new FileCatalog(store, warehouse) });
const column = async (store: MemoryStore, table: string, name: string) =>
  (await rowsOf(reader(store), table)).map((row) => row[name]).sort();
const subjects = (store: MemoryStore) => column(store, 'user_countries', 'subject');
const rejected = (store: MemoryStore) => column(store, 'quarantine', 'payload');

const [before, after] = [
  ['alice', 'bob', 'carol'],
  ['alice', 'dave'],
];

test('a load killed at any call leaves the old table or the new one, and the next run the new one', async () => {
  const start = await secondExport();
  const undisturbed = start.copy();
  const counted = undisturbed.view();
  await run(world(counted));
  expect(counted.calls).toBeGreaterThan(20);
  expect(await subjects(undisturbed)).toEqual(after);
  expect(await rejected(undisturbed)).toEqual([',XX', ',YY']);

  const seen = new Set<string>();
  for await (const { store, at } of deaths(start, counted.calls, (on) => run(world(on)))) {
    const now = await subjects(store);
    expect([before, after], `${at}: never half`).toContainEqual(now);
    seen.add(String(now));

    await run(world(store));
    expect(await subjects(store), at).toEqual(after);
    expect(await rejected(store), at).toEqual([',XX', ',YY']);

    const puts: string[] = [];
    await run(world(store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) })));
    expect(puts, `${at}: a last run writes nothing`).toEqual([]);
  }
  expect(seen.size).toBe(2);
});
