import { describe, expect, test } from 'vitest';
import type { KeyStreams } from '../../src/sources/keys.ts';
import { okeraStreams } from '../../src/sources/okera-audit/key.ts';
import { opaStreams } from '../../src/sources/opa/key.ts';
import { type MemoryHooks, MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import type { ObjectInfo } from '../../src/store/store.ts';
import { ListingCursor, type ListingPass } from '../../src/worker/listing.ts';
import { disordered, shuffled } from '../support/disorder.ts';

const hour = 3_600_000;
const day = 24 * hour;
const start = Date.UTC(2026, 0, 15);
const root = 'memory://logs/';

/** Keys of both sources, each with its own streams. */
const streams: KeyStreams = {
  placeOf: (uri) => opaStreams.placeOf(uri) ?? okeraStreams.placeOf(uri),
  firstAt: (stream, position) => (stream.endsWith('ymd=') ? okeraStreams : opaStreams).firstAt(stream, position),
};

/** A store whose objects are written at `clock.now`, and a count of its listings. */
function world(lookBackMs = 2 * hour, relistMs = 365 * day, hooks: MemoryHooks = {}) {
  const clock = { now: start };
  const lists: string[] = [];
  const store = new MemoryStore(
    { ...hooks, before: ({ operation, uri }) => void (operation === 'list' && lists.push(uri)) },
    () => clock.now,
  );
  const routed = new RoutedStore({ memory: store });
  const cursor = new ListingCursor({ streams, lookBackMs, relistMs });
  const opa = (instance: string, ms: number, name = 'x'): string =>
    `${root}eopa=${instance}/first_ts=${Math.floor(ms / 1000)}/last_ts=${Math.floor(ms / 1000)}/batch_id=${name}.jsonl`;
  return {
    clock,
    store,
    lists,
    cursor,
    opa,
    put: async (uri: string, body = uri) => void (await store.put(uri, Buffer.from(body))),
    begin: (leaveOut?: (uri: string) => boolean) =>
      cursor.begin(routed, clock.now, leaveOut === undefined ? undefined : ({ uri }) => leaveOut(uri)),
    /** One pass; what it gave, settled but for `failed`. */
    async pass(failed: readonly string[] = []): Promise<string[]> {
      const pass = this.begin();
      const given = await listed(pass);
      pass.settled(failed);
      return given;
    },
  };
}

async function listed(pass: ListingPass): Promise<string[]> {
  const uris: string[] = [];
  for await (const { uri } of pass.store.list(root)) uris.push(uri);
  return uris;
}

describe('a cursor over instances of Enterprise OPA', () => {
  test('gives everything once, then what is new in any instance, new instances included', async () => {
    const { put, pass, opa, clock } = bound(world());
    await put(opa('a', start));
    await put(opa('b', start - day));
    expect(await pass()).toEqual([opa('a', start), opa('b', start - day)]);
    expect(await pass()).toEqual([]);
    clock.now += 60_000;
    await put(opa('a', clock.now));
    await put(opa('c', clock.now));
    expect(await pass()).toEqual([opa('a', clock.now), opa('c', clock.now)]);
  });

  test('finds what comes in late within the window, and what is later when everything is listed again', async () => {
    const { put, pass, opa, clock } = bound(world(2 * hour, 10 * hour));
    await put(opa('a', start, '1'));
    await pass();
    clock.now += 60_000;
    await put(opa('a', start - hour, 'late'));
    await put(opa('a', start - 3 * hour, 'too late'));
    expect(await pass()).toEqual([opa('a', start - hour, 'late')]);
    clock.now += 9 * hour;
    expect(await pass()).toEqual([]);
    clock.now += 2 * hour;
    expect(await pass()).toContain(opa('a', start - 3 * hour, 'too late'));
  });

  test('follows times of long ago as well: an old archive that is copied in', async () => {
    const { put, pass, opa, clock } = bound(world());
    const old = Date.UTC(2023, 6, 11);
    await put(opa('a', old));
    expect(await pass()).toEqual([opa('a', old)]);
    clock.now += hour;
    await put(opa('a', old + 5000));
    expect(await pass()).toEqual([opa('a', old + 5000)]);
  });

  test('gives an object whose content changed in the window', async () => {
    const { put, pass, opa } = bound(world());
    await put(opa('a', start), 'one');
    await pass();
    await put(opa('a', start), 'two');
    expect(await pass()).toEqual([opa('a', start)]);
  });

  test('gives keys without a time each time they are not settled', async () => {
    const { put, pass } = bound(world());
    const key = `${root}eopa=null/first_ts=null/last_ts=null/batch_id=1.jsonl`;
    await put(key);
    await put(`${root}2023/05/01/10/id.json`);
    expect(await pass()).toHaveLength(2);
    expect(await pass()).toEqual([]);
    await put(key, 'changed');
    expect(await pass()).toEqual([key]);
  });

  test('does not move on after a pass that was not settled, and gives what failed again', async () => {
    const { begin, put, pass, opa } = bound(world());
    await put(opa('a', start));
    await listed(begin());
    expect(await pass([opa('a', start)])).toEqual([opa('a', start)]);
    expect(await pass()).toEqual([opa('a', start)]);
    expect(await pass()).toEqual([]);
  });

  test('leaves out what it is told to, without taking it for settled', async () => {
    const { begin, put, pass, opa } = bound(world());
    await put(opa('a', start));
    const leaving = begin(() => true);
    expect(await listed(leaving)).toEqual([]);
    leaving.settled([]);
    expect(await pass()).toEqual([opa('a', start)]);
  });

  test('skips long histories by starting a listing behind them', async () => {
    const { put, pass, opa, lists } = bound(world());
    for (let i = 0; i < 12_000; i++) await put(opa(i < 6000 ? 'a' : 'b', start - day + (i % 6000) * 10_000));
    await pass();
    lists.length = 0;
    expect(await pass()).toEqual([]);
    expect(lists.length).toBe(3);
  });
});

test('days of Okera are listed again for files that grow or come late', async () => {
  const { put, pass, clock } = bound(world(7 * day));
  const file = (ymd: string, n: number): string => `${root}tenant=t/ymd=${ymd}/planner-10.0.0.1-${n}-x_audit.log`;
  await put(file('2025-12-01', 1));
  await put(file('2026-01-10', 1));
  await put(file('2026-01-15', 1));
  expect(await pass()).toHaveLength(3);
  clock.now += hour;
  await put(file('2026-01-10', 1), 'grown');
  await put(file('2026-01-12', 2));
  await put(file('2026-01-16', 1));
  await put(file('2025-12-01', 2));
  expect(await pass()).toEqual([file('2026-01-10', 1), file('2026-01-12', 2), file('2026-01-16', 1)]);
  expect(await pass()).toEqual([]);
});

/** So that a world can be taken apart. */
function bound(of: ReturnType<typeof world>) {
  return { ...of, pass: of.pass.bind(of) };
}

describe('over a store that lists in no order', () => {
  test.each([
    ['shuffled', shuffled],
    ['pages turned round', (objects: readonly ObjectInfo[]) => disordered(objects, 1000)],
  ])('%s: long histories are listed whole, and what is new is found in every stream', async (_, listing) => {
    const { store, put, pass, opa, clock, lists } = bound(world(2 * hour, 365 * day, { listing }));
    for (let i = 0; i < 12_000; i++) {
      const uri = opa(i < 6000 ? 'a' : 'b', start - day + (i % 6000) * 10_000);
      await store.put(uri, Buffer.from('x'));
    }
    expect(new Set(await pass()).size).toBe(12_000);
    clock.now += 60_000;
    const fresh = [opa('a', clock.now), opa('b', clock.now), opa('c', clock.now)];
    for (const uri of fresh) await put(uri);
    lists.length = 0;
    expect((await pass()).sort()).toEqual(fresh);
    expect(lists).toHaveLength(1);
    expect(await pass()).toEqual([]);
  });

  test('that has begun to after having been in order: nothing is skipped from then on', async () => {
    let listing = (objects: readonly ObjectInfo[]): readonly ObjectInfo[] => objects;
    const hooks = { listing: (objects: readonly ObjectInfo[]) => listing(objects) };
    const { store, put, pass, opa, clock } = bound(world(2 * hour, hour, hooks));
    for (let i = 0; i < 12_000; i++)
      await store.put(opa(i < 6000 ? 'a' : 'b', start - day + (i % 6000) * 10_000), Buffer.from('x'));
    expect(await pass()).toHaveLength(12_000);
    listing = shuffled;
    clock.now += hour;
    await pass();
    clock.now += 60_000;
    const fresh = [opa('a', clock.now), opa('b', clock.now)];
    for (const uri of fresh) await put(uri);
    expect((await pass()).sort()).toEqual(fresh);
  });
});
