/**
 * What the ledger promises of claims: an object is in one live claim at most, whatever happened between the look-up and
 * the claim, and nobody's entries are lost over another's.
 */
import { describe, expect, test } from 'vitest';
import { commitTable } from '../../src/iceberg/commit.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import { dayFilesRequest, storeDataFile } from '../../src/iceberg/write.ts';
import { createLedger } from '../../src/ingest/claimed-batch.ts';
import { fromRow, type LedgerEntry, type ObjectCounts, tableOfEntries } from '../../src/ledger/entry.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import { readRows } from '../../src/parquet/read/row-reader.ts';
import { dayFiles } from '../../src/parquet/write/day-files.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { ingestedObjects } from '../../src/tables/ingested-objects.ts';
import { collect } from '../support/collect.ts';
import { input, owner, rowsOf, testRuntime } from '../support/warehouse.ts';

const source = { name: 'eopa', type: 'opa' };
const object = (name: string, etag = '1'): ObjectInfo => ({ uri: `${input}/${name}`, size: 10, etag, lastModified: 0 });
const counts: ObjectCounts = {
  records: 1,
  rows: 1,
  quarantined: 0,
  skipped: 0,
  requestLines: 0,
  responseLines: 0,
  duplicates: 0,
  bytesDecompressed: 10,
  minEventTime: 0n,
  maxEventTime: 0n,
  mapping: null,
};
const results = (...objects: ObjectInfo[]) => new Map(objects.map(({ uri }) => [uri, counts]));
const none: ReadonlySet<string> = new Set();
const names = (objects: readonly ObjectInfo[] | undefined): string[] | undefined =>
  objects?.map(({ uri }) => uri.slice(input.length + 1));

/** Two workers over one ledger, which have looked at it when it was empty. */
async function world() {
  const time = { now: Date.UTC(2026, 0, 1) };
  const store = new MemoryStore();
  const runtime = (id: string) => testRuntime({ store, owner: owner(id), clock: () => time.now });
  const [one, two] = [createLedger(runtime('one')), createLedger(runtime('two'))];
  await one.open();
  const { sequence } = await one.lookup([object('a').uri]);
  const entries = async (): Promise<LedgerEntry[]> =>
    (await rowsOf(runtime('reader'), ingestedObjects.name)).map((row) => fromRow(row));
  const states = async (): Promise<string[]> =>
    (await entries())
      .map(({ object: { uri }, state, owner: by }) => `${uri.slice(input.length + 1)} ${state} ${by}`)
      .sort();
  return { time, store, runtime, one, two, sequence, entries, states };
}

test('what one request waits for fails it alone, and not those that are carried out with it', async () => {
  const { one, sequence, states } = await world();
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) => one.claim(source, [object(name)], sequence, none).then((claim) => claim!)),
  );
  const refused = Promise.reject(new Error('no table'));
  const [failing, settled, claimed] = await Promise.allSettled([
    one.settle(a!.batch, results(object('a')), undefined, refused),
    one.settle(b!.batch, results(object('b'))),
    one.claim(source, [object('c')], sequence, none),
  ]);
  expect(failing).toEqual({ status: 'rejected', reason: new Error('no table') });
  expect([settled.status, claimed.status]).toEqual(['fulfilled', 'fulfilled']);
  expect(await states()).toEqual(['a claimed one', 'b committed one', 'c claimed one']);
});

describe('what has happened since the look-up', () => {
  test('an object that another worker has claimed since is not claimed again, and the others are', async () => {
    const { one, two, sequence, states } = await world();
    await two.claim(source, [object('b')], sequence, none);
    const claim = await one.claim(source, [object('a'), object('b'), object('c')], sequence, none);
    expect(names(claim?.objects)).toEqual(['a', 'c']);
    expect(await one.claim(source, [object('b')], sequence, none)).toBeUndefined();
    expect(await states()).toEqual(['a claimed one', 'b claimed two', 'c claimed one']);
  });

  test('an object that another worker has committed since is not claimed again', async () => {
    const { one, two, sequence, states } = await world();
    const claim = (await two.claim(source, [object('a')], sequence, none))!;
    await two.settle(claim.batch, results(object('a')));
    expect(await one.claim(source, [object('a')], sequence, none)).toBeUndefined();
    expect(await states()).toEqual(['a committed two']);
  });

  test('an object of which another version was committed since is claimed as one that has changed', async () => {
    const { one, two, sequence } = await world();
    const claim = (await two.claim(source, [object('a'), object('b')], sequence, none))!;
    await two.settle(claim.batch, results(object('a')));
    const later = await one.claim(source, [object('a', '2'), object('b'), object('c')], sequence, none);
    expect(names(later?.objects)).toEqual(['a', 'b', 'c']);
    expect([...later!.changed!]).toEqual([object('a').uri]);
  });

  test('an object whose other version is claimed by another worker is left to it', async () => {
    const { one, two, sequence } = await world();
    await two.claim(source, [object('a')], sequence, none);
    expect(await one.claim(source, [object('a', '2')], sequence, none)).toBeUndefined();
  });
});

describe('what is asked of one ledger at the same time', () => {
  test('comes into it by one snapshot, and an object into one claim', async () => {
    const { runtime, one, sequence, states } = await world();
    const version = async () =>
      (await runtime('reader').catalog.loadTable(ingestedObjects.name))!.metadata['last-sequence-number'];
    const before = await version();
    const [first, second, third] = await Promise.all([
      one.claim(source, [object('a'), object('b')], sequence, none),
      one.claim(source, [object('b'), object('c')], sequence, none),
      one.claim(source, [object('a')], sequence, none),
    ]);
    expect([names(first?.objects), names(second?.objects), third]).toEqual([['a', 'b'], ['c'], undefined]);
    expect(await version()).toBe(before + 1);
    const [late] = await Promise.all([
      one.claim(source, [object('d')], sequence, none),
      one.settle(first!.batch, results(object('a'))),
      one.settle(second!.batch, results(object('c'))),
    ]);
    expect(names(late?.objects)).toEqual(['d']);
    expect(await version()).toBe(before + 2);
    expect(await states()).toEqual(['a committed one', 'c committed one', 'd claimed one']);
  });

  test('rests on what each had seen of the ledger, and not on what the latest of them had', async () => {
    const { one, two, sequence, states } = await world();
    await two.claim(source, [object('a')], sequence, none);
    const later = (await one.lookup([object('b').uri])).sequence;
    const [first, second] = await Promise.all([
      one.claim(source, [object('a')], sequence, none),
      one.claim(source, [object('b')], later, none),
    ]);
    expect([first, names(second?.objects)]).toEqual([undefined, ['b']]);
    expect(await states()).toEqual(['a claimed two', 'b claimed one']);
  });

  test('is left out where another worker was faster, and the rest is done', async () => {
    const { one, two, sequence, states, time } = await world();
    const [a, b] = await Promise.all(['a', 'b'].map((name) => two.claim(source, [object(name)], sequence, none)));
    time.now = a!.claimedUntil;
    await two.settle(a!.batch, results(object('a')));
    const taken = await Promise.all([one.takeOver(a!.batch), one.takeOver(b!.batch)]);
    expect(taken.map((claim) => names(claim?.objects))).toEqual([undefined, ['b']]);
    expect(await states()).toEqual(['a committed two', 'b claimed one']);
  });
});

describe('taking a batch over', () => {
  test('is refused while its claim lives, and changes nothing', async () => {
    const { one, two, sequence, states, time } = await world();
    const claim = (await one.claim(source, [object('a')], sequence, none))!;
    expect(await two.takeOver(claim.batch)).toBeUndefined();
    time.now = claim.claimedUntil - 1;
    expect(await two.takeOver(claim.batch)).toBeUndefined();
    expect(await states()).toEqual(['a claimed one']);
  });

  test('gives the whole batch under its own id, to one of those that try, once its time is over', async () => {
    const { one, two, runtime, sequence, states, time } = await world();
    const claim = (await one.claim(source, [object('b'), object('a')], sequence, none))!;
    time.now = claim.claimedUntil;
    const taken = (await two.takeOver(claim.batch))!;
    expect(taken).toMatchObject({ batch: claim.batch, ymd: claim.ymd, claimedAt: claim.claimedAt });
    expect(taken.claimedUntil).toBe(time.now + 600_000);
    expect(names(taken.objects)).toEqual(['a', 'b']);
    expect(await createLedger(runtime('three')).takeOver(claim.batch)).toBeUndefined();
    expect(await states()).toEqual(['a claimed two', 'b claimed two']);
  });

  test('is possible where the clock that made the claim ran ahead by more than the claim holds, once', async () => {
    const { one, two, runtime, sequence, time } = await world();
    const { now } = time;
    time.now = now + 365 * 86_400_000;
    const claim = (await one.claim(source, [object('a')], sequence, none))!;
    time.now = claim.claimedAt - 600_000;
    expect(await two.takeOver(claim.batch)).toBeUndefined();
    time.now = now;
    expect(await two.takeOver(claim.batch)).toMatchObject({ batch: claim.batch, claimedUntil: now + 600_000 });
    expect(await createLedger(runtime('three')).takeOver(claim.batch)).toBeUndefined();
    time.now = now + 600_000;
    expect(await createLedger(runtime('three')).takeOver(claim.batch)).toMatchObject({ batch: claim.batch });
  });

  test('is possible at once where the holder is known to be dead', async () => {
    const { store, one, sequence } = await world();
    const claim = (await one.claim(source, [object('a')], sequence, none))!;
    const knowing = createLedger(testRuntime({ store, owner: { id: 'two', isDead: (id) => id === 'one' } }));
    expect(await knowing.takeOver(claim.batch)).toMatchObject({ batch: claim.batch });
  });
});

/** Another engine has rewritten all files of the ledger into one. */
async function merge({ store, runtime }: Pick<Awaited<ReturnType<typeof world>>, 'store' | 'runtime'>): Promise<void> {
  const one = runtime('engine');
  await commitTable(commitContext(one), ingestedObjects.name, async (table) => {
    const rows: LedgerEntry[] = [];
    const remove: string[] = [];
    for await (const file of liveFiles(store, table.metadata)) {
      remove.push(file.path);
      for await (const group of readRows(store, { uri: file.path, size: file.fileSize }))
        rows.push(...group.map(fromRow));
    }
    const add = await write(one, table, rows);
    return { operation: 'replace', add, remove, summary: {} };
  });
}

async function write(
  runtime: ReturnType<typeof testRuntime>,
  table: Parameters<typeof storeDataFile>[0]['table'],
  rows: readonly LedgerEntry[],
) {
  const columns = tableOfEntries(ingestedObjects, rows);
  const output = { ...runtime.config.output, fileRows: rows.length };
  const files = await collect(
    dayFiles(runtime.encoder, dayFilesRequest(table, ingestedObjects, columns.batch(), output)),
  );
  columns.release();
  const target = { store: runtime.store, table, declaration: ingestedObjects, label: 'merged' };
  return Promise.all(files.map((file) => storeDataFile(target, file)));
}

describe('where another engine has put the entries of several batches into one file', () => {
  async function merged() {
    const made = await world();
    const { one, two, sequence } = made;
    const settled = (await one.claim(source, [object('z')], sequence, none))!;
    await one.settle(settled.batch, results(object('z')));
    const first = (await one.claim(source, [object('a'), object('b')], sequence, none))!;
    const second = (await two.claim(source, [object('c')], sequence, none))!;
    await merge(made);
    expect(await made.states()).toEqual(['a claimed one', 'b claimed one', 'c claimed two', 'z committed one']);
    return { ...made, first, second };
  }

  test('settling one batch leaves the entries of the others as they are', async () => {
    const { one, two, first, second, states } = await merged();
    await one.settle(first.batch, results(object('a')));
    expect(await states()).toEqual(['a committed one', 'c claimed two', 'z committed one']);
    await two.settle(second.batch, results(object('c')));
    expect(await states()).toEqual(['a committed one', 'c committed two', 'z committed one']);
  });

  test('taking one batch over leaves the entries of the others as they are', async () => {
    const { time, runtime, first, second, states } = await merged();
    time.now = first.claimedUntil;
    const three = createLedger(runtime('three'));
    await three.takeOver(first.batch);
    expect(await states()).toEqual(['a claimed three', 'b claimed three', 'c claimed two', 'z committed one']);
    await three.takeOver(second.batch);
    expect(await states()).toEqual(['a claimed three', 'b claimed three', 'c claimed three', 'z committed one']);
  });
});

describe('objects in any order, and twice', () => {
  test('are looked up', async () => {
    const { one, sequence } = await world();
    // A file each, so that those are left out that cannot hold what is looked for.
    for (const name of ['a', 'm', 'ａ', '😀']) {
      const claim = (await one.claim(source, [object(name)], sequence, none))!;
      await one.settle(claim.batch, results(...claim.objects));
    }
    const uris = ['😀', 'm', 'zz', 'a', 'ａ', 'm'].map((name) => object(name).uri);
    const { entries } = await one.lookup(uris);
    expect([...entries.keys()].map((uri) => uri.slice(input.length + 1)).sort()).toEqual(['a', 'm', 'ａ', '😀'].sort());
    for (const found of entries.values()) expect(found).toHaveLength(1);
  });

  test('are claimed once each, by the same batch id whatever the order', async () => {
    const order = async (objects: ObjectInfo[]) => {
      const { one, sequence } = await world();
      return (await one.claim(source, objects, sequence, none))!;
    };
    const [a, b, far] = [object('a'), object('b'), object('😀')];
    const claim = await order([far, b, a, b]);
    expect(claim.objects).toEqual([a, b, far]);
    expect((await order([a, b, far])).batch).toBe(claim.batch);
  });

  /** A claim that names each of its objects twice, as an earlier version made them. */
  async function wedged() {
    const made = await world();
    const { one, runtime, sequence, states } = made;
    const claim = (await one.claim(source, [object('a'), object('b')], sequence, none))!;
    await commitTable(commitContext(runtime('old')), ingestedObjects.name, async (table) => {
      const twice = (await made.entries()).flatMap((entry) => [entry, entry]);
      const remove: string[] = [];
      for await (const { path } of liveFiles(made.store, table.metadata)) remove.push(path);
      return { operation: 'overwrite', add: await write(runtime('old'), table, twice), remove, summary: {} };
    });
    expect(await states()).toHaveLength(4);
    return { ...made, claim };
  }

  test('a claim of an earlier version that names an object twice is taken over with each once, and comes to its end', async () => {
    const { two, time, states, claim } = await wedged();
    time.now = claim.claimedUntil;
    const taken = (await two.takeOver(claim.batch))!;
    expect(names(taken.objects)).toEqual(['a', 'b']);
    await two.settle(claim.batch, results(...taken.objects));
    expect(await states()).toEqual(['a committed two', 'b committed two']);
  });

  test('such a claim is settled as one entry for each object', async () => {
    const { one, states, claim } = await wedged();
    await one.settle(claim.batch, results(object('a')));
    expect(await states()).toEqual(['a committed one']);
  });
});
