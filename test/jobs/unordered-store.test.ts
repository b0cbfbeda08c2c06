/** Every job over a store that lists in no order and repeats keys does what it does over one that does not. */
import { describe, expect, test } from 'vitest';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { disordered, shuffled } from '../support/disorder.ts';
import { decision, input, putDecisions, rowsOf, run, sortedRows, testRuntime } from '../support/warehouse.ts';

type Listing = (objects: readonly ObjectInfo[]) => readonly ObjectInfo[];

const routed = (store: MemoryStore, listing?: Listing): RoutedStore =>
  new RoutedStore({ memory: store.view(listing && { listing }) });
const hours = { now: Date.UTC(2025, 11, 31) };

describe.each<[string, Listing]>([
  ['shuffled', shuffled],
  ['pages turned round, and keys at their edges repeated', disordered],
  ['every key twice', (objects) => objects.flatMap((object) => [object, object])],
])('listed %s', (_, listing) => {
  const batch = { objects: 4 };

  test('backfill ingests each object once, the same rows, and nothing the second time', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 20, 5);
    const plain = testRuntime({ store: routed(store), batch });
    const expected = await run(plain);
    const rows = await sortedRows(plain, 'opa_decisions');

    const other = new MemoryStore();
    await putDecisions(other, 20, 5);
    const runtime = testRuntime({ store: routed(other, listing), batch });
    const report = await run(runtime);
    expect(report.objects).toEqual({ ...expected.objects, listed: 20, committed: 20, failed: 0, archived: 0 });
    expect(report.records).toEqual(expected.records);
    expect(await sortedRows(runtime, 'opa_decisions')).toEqual(rows);
    expect(await rowsOf(runtime, 'ingested_objects')).toHaveLength(20);
    expect(await createLedger(runtime).openClaims()).toEqual([]);

    await other.put(
      `${input}/eopa=a/first_ts=1689033600/last_ts=1689037200/batch_id=new.jsonl`,
      Buffer.from(decision({ id: 'new' })),
    );
    expect((await run(runtime)).objects).toEqual({
      ...expected.objects,
      listed: 21,
      skipped: 20,
      committed: 1,
      failed: 0,
    });
    expect(await rowsOf(runtime, 'ingested_objects')).toHaveLength(21);
  });

  test('verify --deep finds nothing, and expire removes each orphan once', async () => {
    const store = new MemoryStore({}, () => hours.now);
    await putDecisions(store, 20, 5);
    const runtime = testRuntime({ store: routed(store, listing), batch });
    await run(runtime);
    expect(await verify(runtime, { deep: true })).toMatchObject({
      ok: true,
      objects: { listed: 20, ingested: 20, readAgain: 20 },
      differences: [],
    });
    for (let i = 0; i < 20; i++)
      await store.put(
        `memory://test/warehouse/opa_decisions/data/ymd=2023-07-11/orphan-${i}.parquet`,
        Buffer.from('x'),
      );
    const later = testRuntime({ store: routed(store, listing), clock: () => hours.now + 365 * 86_400_000 });
    const report = await expire(later);
    expect(report.tables.opa_decisions!.files).toBeGreaterThanOrEqual(20);
    expect(report.intents).toBe(5);
    expect(await verify(later, { deep: true })).toMatchObject({ ok: true });
  });
});

test('rows that are not what their objects give are found by verify --deep, however the names of the objects sort', async () => {
  const names = ['a.jsonl', 'ａ.jsonl', '😀.jsonl', '\u{10ffff}.jsonl'];
  const uriOf = (name: string): string => `${input}/${name}`;
  const content = (name: string, subject: string): Buffer => Buffer.from(decision({ id: name, subject }));
  const store = new MemoryStore({}, () => hours.now);
  for (const name of names) await store.put(uriOf(name), content(name, 'dr_evil'));
  const runtime = testRuntime({ store, batch: { objects: 1 } });
  await run(runtime);
  // Altered without another version or size, as it looks where a row of the table was altered.
  const forged = new Map(names.slice(1).map((name) => [uriOf(name), content(name, 'no_evil')]));
  const forging = storeWith(store, {
    async get(uri, options) {
      const body = await store.get(uri, options);
      return { ...body, chunks: forged.has(uri) ? one(forged.get(uri)!) : body.chunks };
    },
  });
  const { differences } = await verify({ ...runtime, store: forging }, { deep: true });
  // Each for the row that it has and for the one that it lacks.
  expect(new Set(differences.map(({ kind, uri }) => `${kind} ${uri}`))).toEqual(
    new Set([...forged.keys()].map((uri) => `content-differs ${uri}`)),
  );
});

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
