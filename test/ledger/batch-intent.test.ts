/** The outcome of a batch is fixed by the intent that was written first, whoever finishes it and however late. */
import { describe, expect, test } from 'vitest';
import { dataFileToJson } from '../../src/iceberg/data-file.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { createLedger, openTables, releaseClaim } from '../../src/ingest/claimed-batch.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { selectSources } from '../../src/ingest/select-sources.ts';
import { type Intent, readIntent, readStanding, settleIntent } from '../../src/ledger/batch-intent.ts';
import { commitBatch } from '../../src/ledger/commit-batch.ts';
import { CommitQueue } from '../../src/ledger/commit-queue.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { readWhole } from '../../src/store/read.ts';
import { StoreError } from '../../src/store/store.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { collect } from '../support/collect.ts';
import { decision, input, owner, rowsOf, testRuntime, warehouse } from '../support/warehouse.ts';

const ids = ['a', 'b', 'c'];

/** A claimed batch of one object, and two workers that have each staged it, in other files than the other. */
async function world() {
  const store = new MemoryStore();
  await store.put(`${input}/object.jsonl`, Buffer.from(ids.map((id) => decision({ id })).join('\n')));
  const first = testRuntime({ store, owner: owner('first') });
  const second = testRuntime({ store, owner: owner('second'), output: { fileRows: 1 } });
  const [source] = selectSources(first, undefined);
  const ledger = createLedger(first);
  await openTables(first, ledger, [source!]);
  const claim = (await ledger.claim(
    { name: 'eopa', type: 'opa' },
    await collect(store.list(`${input}/`)),
    0,
    new Set(),
  ))!;
  const stage = async (runtime: Runtime, { batch, objects } = claim): Promise<Intent> => {
    const [events, quarantine] = await Promise.all(
      ['opa_decisions', 'quarantine'].map((name) => runtime.catalog.loadTable(name)),
    );
    const tables = { events: events!, quarantine: quarantine! };
    return (await runtime.ingester.ingest(runtime, { batch, source: source!, objects, reread: new Set(), tables }))
      .intent;
  };
  const [ofFirst, ofSecond] = [await stage(first), await stage(second)];
  const filesOf = (intent: Intent) =>
    intent.files
      .get('opa_decisions')!
      .map(({ path }) => path)
      .sort();
  expect(filesOf(ofFirst)).toHaveLength(1);
  expect(filesOf(ofSecond)).toHaveLength(3);
  const live = async () => {
    const loaded = await first.catalog.loadTable('opa_decisions');
    return (await collect(liveFiles(store, loaded!.metadata))).map(({ path }) => path).sort();
  };
  const state = async () => ({
    files: await live(),
    ledger: (await rowsOf(first, 'ingested_objects')).map((row) => [row.state, row.rows]),
  });
  return { store, first, second, ledger, claim, stage, ofFirst, ofSecond, filesOf, state };
}

describe('the intent that was written first', () => {
  test('is what a second worker commits, and not its own', async () => {
    const { first, second, ledger, ofFirst, ofSecond, filesOf, state } = await world();
    await commitBatch(first, ledger, ofFirst);
    const done = await commitBatch(second, createLedger(second), ofSecond);
    expect(filesOf(done)).toEqual(filesOf(ofFirst));
    expect(await state()).toEqual({ files: filesOf(ofFirst), ledger: [['committed', 3n]] });
  });

  test('is what a second worker commits where the first died before its own commit', async () => {
    const { store, second, ofFirst, ofSecond, filesOf, state } = await world();
    await settleIntent(store, warehouse, ofFirst);
    const done = await commitBatch(second, createLedger(second), ofSecond);
    expect(filesOf(done)).toEqual(filesOf(ofFirst));
    expect(await state()).toEqual({ files: filesOf(ofFirst), ledger: [['committed', 3n]] });
  });

  test('fails alone where it cannot be carried out: a claim beside it stands and is given', async () => {
    const { store, ofFirst, state } = await world();
    const failing = store.view({
      before: ({ operation, uri }) => {
        if (operation === 'put' && uri.includes('/opa_decisions/')) throw new StoreError('transient', uri, 'no answer');
      },
    });
    const runtime = testRuntime({ store: failing, owner: owner('first') });
    const queue = new CommitQueue(runtime, createLedger(runtime));
    const other = { uri: `${input}/other.jsonl`, size: 1, etag: '1', lastModified: 0 };
    const [finished, claimed] = await Promise.allSettled([
      queue.finish(ofFirst),
      queue.claim({ name: 'eopa', type: 'opa' }, [other], 0, new Set()),
    ]);
    expect(finished).toMatchObject({ status: 'rejected', reason: { code: 'transient' } });
    expect(claimed).toMatchObject({ status: 'fulfilled', value: { objects: [other] } });
    expect((await state()).ledger.map(([kind]) => kind)).toEqual(['claimed', 'claimed']);
  });

  test('stays in memory where it could not be stored: a request that was given up may still be sending it', async () => {
    const { store, ofFirst } = await world();
    const [counts] = ofFirst.objects.values();
    const objects = new Map(Array.from({ length: 1000 }, (_, n) => [`memory://logs/${n}`, counts!]));
    let sent: readonly Uint8Array[] = [];
    const failing = storeWith(store, {
      put: async (uri, body) => {
        sent = body as readonly Uint8Array[];
        throw new StoreError('transient', uri, 'no answer');
      },
    });
    await expect(settleIntent(failing, warehouse, { ...ofFirst, objects })).rejects.toThrow('no answer');
    expect(Buffer.concat(sent).toString()).toMatch(/^\{.*memory:\/\/logs\/999.*\}$/);
  });

  test('is read as it was written where it comes to megabytes', async () => {
    const { store, ofFirst } = await world();
    const [file] = ofFirst.files.get('opa_decisions')!;
    const [counts] = ofFirst.objects.values();
    const numbered = (n: number): string => `memory://größe/${n}-\u{1f600}"`;
    const many = Array.from({ length: 3000 }, (_, n) => n);
    const large: Intent = {
      ...ofFirst,
      files: new Map([
        ['opa_decisions', many.map((n) => ({ ...file!, path: numbered(n), recordCount: n }))],
        ['quarantine', []],
      ]),
      objects: new Map(many.map((n) => [numbered(n), { ...counts!, rows: n }])),
    };
    await settleIntent(store, warehouse, large);
    const standing = (await readIntent(store, warehouse, large.batch))!;
    const plain = (intent: Intent) => [...intent.files].map(([table, files]) => [table, files.map(dataFileToJson)]);
    expect(plain(standing)).toEqual(plain(large));
    expect([...standing.objects]).toEqual([...large.objects]);
  });

  test('stands in the store as it was written, and says what its objects came to', async () => {
    const { store, claim, ofFirst, ofSecond, filesOf } = await world();
    expect(await readIntent(store, warehouse, claim.batch)).toBeUndefined();
    expect(await settleIntent(store, warehouse, ofFirst)).toBe(ofFirst);
    const standing = await settleIntent(store, warehouse, ofSecond);
    const read = await readIntent(store, warehouse, claim.batch);
    for (const intent of [standing, read!]) {
      expect(filesOf(intent)).toEqual(filesOf(ofFirst));
      expect(intent.objects).toEqual(ofFirst.objects);
    }
  });

  test('is read as it stands where another process takes its place, since its files are gone, at that very time', async () => {
    const { store, claim, ofFirst, ofSecond, filesOf } = await world();
    await settleIntent(store, warehouse, ofFirst);
    const { etag } = (await readStanding(store, warehouse, claim.batch))!;
    let isReplaced = false;
    const replacing = store.view({
      after: async ({ uri }) => {
        if (isReplaced || !uri.includes('/_batches/')) return;
        isReplaced = true;
        await settleIntent(store, warehouse, ofSecond, { etag });
      },
    });
    await readIntent(replacing, warehouse, claim.batch);
    expect(isReplaced).toBe(true);
    expect(filesOf((await readIntent(replacing, warehouse, claim.batch))!)).toEqual(filesOf(ofSecond));
    expect(filesOf(await settleIntent(store, warehouse, ofFirst, { etag }))).toEqual(filesOf(ofSecond));
  });

  test('is carried out beside that of another process, if all files of that one are there; its own are not looked for', async () => {
    for (const isLost of [false, true]) {
      const { store, first, ledger, stage, ofFirst, filesOf, state } = await world();
      const uri = `${input}/other.jsonl`;
      await store.put(uri, Buffer.from(decision({ id: 'd' })));
      const theirs = new CommitQueue(first, ledger);
      const claim = await theirs.claim(
        { name: 'eopa', type: 'opa' },
        await collect(store.list(uri)),
        (await ledger.lookup([uri], {})).sequence,
        new Set(),
      );
      const ofOther = await settleIntent(store, warehouse, await stage(first, claim!));
      await settleIntent(store, warehouse, ofFirst);
      if (isLost) await store.delete(filesOf(ofOther)[0]!);
      const asked: string[] = [];
      const view = store.view({
        before: ({ operation, uri }) => {
          if (operation === 'head' && uri.includes('/data/')) asked.push(uri);
        },
      });
      const ours = testRuntime({ store: view, owner: owner('second') });
      const queue = new CommitQueue(ours, createLedger(ours));
      for (const one of [queue, theirs, queue]) await one.takeOver('none');
      await queue.finish(ofFirst);
      expect(asked).toEqual(filesOf(ofOther));
      expect((await state()).files).toEqual([...filesOf(ofFirst), ...(isLost ? [] : filesOf(ofOther))].sort());
    }
  });

  test('and by an earlier version, is carried out as well', async () => {
    const { store, second, claim, ofFirst, filesOf, state } = await world();
    const uri = `${warehouse}/_batches/${claim.batch}.json`;
    await settleIntent(store, warehouse, ofFirst);
    const json = (await readWhole(store, (await store.head(uri))!, second)).toString();
    await store.put(uri, Buffer.from(json.replace('"format-version":2', '"format-version":1')));
    await releaseClaim(second, createLedger(second), claim);
    expect(await state()).toEqual({ files: filesOf(ofFirst), ledger: [['committed', 3n]] });
  });

  test('by a later version than this one is left alone', async () => {
    const { store, second, claim, ofFirst } = await world();
    const uri = `${warehouse}/_batches/${claim.batch}.json`;
    await settleIntent(store, warehouse, ofFirst);
    const json = (await readWhole(store, (await store.head(uri))!, second)).toString();
    await store.put(uri, Buffer.from(json.replace('"format-version":2', '"format-version":4')));
    await expect(releaseClaim(second, createLedger(second), claim)).rejects.toThrow(
      /of format 4, and this version reads 1, 2, 3/,
    );
  });

  test('that gives the claim back leaves nothing to a worker that comes late with rows', async () => {
    const { first, ledger, claim, ofFirst, state } = await world();
    await releaseClaim(first, ledger, claim);
    const done = await commitBatch(first, ledger, ofFirst);
    expect(done.objects.size).toBe(0);
    expect(await state()).toEqual({ files: [], ledger: [] });
  });

  test('with rows is carried out by who would give the claim back', async () => {
    const { store, second, claim, ofFirst, filesOf, state } = await world();
    await settleIntent(store, warehouse, ofFirst);
    const done = await releaseClaim(second, createLedger(second), claim);
    expect(filesOf(done)).toEqual(filesOf(ofFirst));
    expect(await state()).toEqual({ files: filesOf(ofFirst), ledger: [['committed', 3n]] });
  });
});
