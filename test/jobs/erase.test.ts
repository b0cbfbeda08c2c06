/** Erasing a subject takes exactly its rows, keeps the account, and is whole or not at all. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { expire } from '../../src/jobs/expire/expire.ts';
import { accept } from '../../src/jobs/verify/accept.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { collect } from '../support/collect.ts';
import { rollBack } from '../support/foreign-deletes.ts';
import { copyRows } from '../support/foreign-rows.ts';
import { deaths } from '../support/mortal.ts';
import { decision, objectUri, owner, rowsOf, run, sortedRows, testRuntime, warehouse } from '../support/warehouse.ts';

const dayMs = 86_400_000;
let now: number;
let start: MemoryStore;
let store: MemoryStore;
const world = (on = store): Runtime =>
  testRuntime({
    store: on,
    clock: () => now,
    owner: owner('test'),
    batch: { objects: 1 },
    expire: { keepSnapshots: 1 },
  });

/** Three objects over two days; every third decision is dr_evil's, and the last object is all his. */
async function ingest(): Promise<void> {
  now = Date.UTC(2026, 0, 1);
  store = new MemoryStore({}, () => now);
  for (let object = 0; object < 3; object++) {
    const lines = Array.from({ length: 9 }, (_, i) =>
      decision({
        id: `${object}-${i}`,
        time: `2023-07-1${1 + (i % 2)}T10:00:0${i}Z`,
        subject: object === 2 || i % 3 === 0 ? 'dr_evil' : `user-${i}`,
      }),
    );
    await store.put(objectUri(object), Buffer.from(lines.join('\n')));
  }
  await run(world());
}
beforeAll(async () => {
  await ingest();
  start = store;
});
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  store = start.copy();
});

const subjects = async (): Promise<unknown[]> => (await rowsOf(world(), 'opa_decisions')).map((row) => row.subject);

describe.each(['a file of its own', 'a file with other rows'])(
  'an erasure from %s that another engine has rolled back',
  (from) => {
    const others = from === 'a file of its own' ? [] : [decision({ id: 'other', subject: 'alice' })];
    const left = others.length === 0 ? [] : ['alice'];
    beforeEach(async () => {
      store = new MemoryStore({}, () => now);
      await store.put(objectUri(0), Buffer.from([decision({ subject: 'dr_evil' }), ...others].join('\n')));
      await run(world());
      await erase(world(), 'dr_evil');
      now += 1000;
      await rollBack(world(), 'opa_decisions');
      expect((await verify(world())).differences.map(({ kind }) => kind)).toEqual(['rows-unexpected']);
    });
    const eraseAgain = async (): Promise<void> => {
      now += 1000;
      expect((await erase(world(), 'dr_evil')).tables).toMatchObject({ opa_decisions: { rows: 1 } });
      expect(await subjects()).toEqual(left);
      expect((await verify(world(), { deep: true })).differences).toEqual([]);
    };

    test('is made again, and accounted for once', async () => {
      await eraseAgain();
      now += 1000;
      await rollBack(world(), 'opa_decisions');
      await eraseAgain();
    });

    test('is accounted for again where somebody has accepted that the rows are back', async () => {
      await accept(world(), { reason: 'ticket 4711', by: 'anna' });
      await eraseAgain();
      now += 1000;
      await rollBack(world(), 'opa_decisions');
      await eraseAgain();
    });
  },
);

describe('an erasure from a table in which another engine has copied the rows', () => {
  const copied = async (): Promise<void> => {
    await copyRows(world(), 'opa_decisions', (row) => row);
    now += 1000;
  };
  const eraseAndCompact = async (): Promise<void> => {
    expect((await erase(world(), 'dr_evil')).tables).toMatchObject({ opa_decisions: { rows: 30 } });
    now += 1000;
    await compact(world());
    expect(await subjects()).toHaveLength(12);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  };

  test('takes off the account what was on it: once compaction has dropped the other copies, it is square', async () => {
    await copied();
    await eraseAndCompact();
  });

  test('takes copies off as well that somebody has accepted', async () => {
    await copied();
    await accept(world(), { reason: 'ticket 4711', by: 'anna' });
    await eraseAndCompact();
  });

  test('does not take those for accepted that compaction has dropped since', async () => {
    await copied();
    await accept(world(), { reason: 'ticket 4711', by: 'anna' });
    now += 1000;
    await compact(world());
    await copied();
    await eraseAndCompact();
  });
});

describe('erase', () => {
  test('removes the rows of the subject and no other, and writes down how many went', async () => {
    const others = (await sortedRows(world(), 'opa_decisions')).filter((row) => !row.includes('"subject":"dr_evil"'));
    expect(await erase(world(), 'dr_evil', { dryRun: true })).toMatchObject({
      tables: { opa_decisions: { rows: 15, days: 2 } },
    });
    expect(await subjects()).toHaveLength(27);
    const report = await erase(world(), 'dr_evil');
    expect(report.tables).toMatchObject({ opa_decisions: { rows: 15, days: 2 } });
    expect(await sortedRows(world(), 'opa_decisions')).toEqual(others);
    const record = await rowsOf(world(), 'amendments');
    expect(record.reduce((sum, row) => sum + Number(row.rows), 0)).toBe(-15);
    expect(new Set(record.map((row) => row.detail))).toEqual(new Set([report.subjectDigest]));
    expect(JSON.stringify(record, (_, value) => String(value))).not.toContain('dr_evil');
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
    expect((await erase(world(), 'dr_evil')).tables).toEqual({});
    await run(world());
    expect(await subjects()).not.toContain('dr_evil');
  });

  test('of files of several row groups takes the rows of the subject from each', async () => {
    store = new MemoryStore({}, () => now);
    const lines = Array.from({ length: 60 }, (_, i) =>
      decision({
        id: `id-${i}`,
        time: `2023-07-11T10:00:${String(i).padStart(2, '0')}Z`,
        subject: [3, 24, 25, 47, 59].includes(i) ? 'dr_evil' : `user-${i}`,
      }),
    );
    await store.put(objectUri(0), Buffer.from(lines.join('\n')));
    const runtime = testRuntime({ store, output: { rowGroupRows: 10 } });
    await run(runtime);
    const others = (await sortedRows(runtime, 'opa_decisions')).filter((row) => !row.includes('"subject":"dr_evil"'));
    expect(others).toHaveLength(55);
    expect((await erase(runtime, 'dr_evil')).tables).toMatchObject({ opa_decisions: { rows: 5 } });
    expect(await sortedRows(runtime, 'opa_decisions')).toEqual(others);
    expect((await verify(runtime, { deep: true })).differences).toEqual([]);
  });

  test('of compacted files leaves compacted files', async () => {
    await compact(world(), {});
    await erase(world(), 'dr_evil');
    expect(await subjects()).not.toContain('dr_evil');
    expect(await subjects()).toHaveLength(12);
    const { metadata } = (await world().catalog.loadTable('opa_decisions'))!;
    const orders = (await collect(liveFiles(store, metadata))).map((file) => file.sortOrderId);
    expect(orders.every((order) => order === orders[0] && order !== 0)).toBe(true);
    const again = await compact(world(), { tables: ['opa_decisions'] });
    expect(again.days).toEqual([]);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  });

  test('is complete once expire has taken the older snapshots and their files', async () => {
    await erase(world(), 'dr_evil');
    now += 9 * dayMs;
    await expire(world());
    for (const { uri } of await collect(store.list(`${warehouse}/opa_decisions/`))) {
      if (!uri.endsWith('.parquet')) continue;
      const text = Buffer.concat(await collect((await store.get(uri)).chunks)).toString('latin1');
      expect(text.includes('dr_evil'), uri).toBe(false);
    }
    expect(await subjects()).toHaveLength(12);
  });

  test('holds when the object grows: what was erased stays out, what is new about the subject comes in', async () => {
    const uri = objectUri('growing');
    const line = (i: number, subject: string) => decision({ id: `g-${i}`, time: `2023-07-11T11:00:0${i}Z`, subject });
    const lines = [line(0, 'dr_evil'), line(1, 'austin'), line(2, 'dr_evil'), line(2, 'dr_evil')];
    const grow = async (...more: string[]): Promise<unknown[]> => {
      lines.push(...more);
      await store.put(uri, Buffer.from(lines.join('\n')));
      await run(world());
      const rows = (await rowsOf(world(), 'opa_decisions')).filter((row) => row.source_uri === uri);
      return rows.map((row) => row.decision_id).sort();
    };
    expect(await grow()).toEqual(['g-0', 'g-1', 'g-2']);
    await erase(world(), 'dr_evil');
    expect(await grow(line(3, 'austin'))).toEqual(['g-1', 'g-3']);
    expect(await grow(line(4, 'dr_evil'))).toEqual(['g-1', 'g-3', 'g-4']);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
    await erase(world(), 'dr_evil');
    expect(await grow(line(5, 'austin'), line(6, 'dr_evil'))).toEqual(['g-1', 'g-3', 'g-5', 'g-6']);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  });

  test('takes no record away that came later: an object written anew gives all that is new about the subject', async () => {
    const uri = objectUri('rotated');
    const line = (i: number, subject: string) => decision({ id: `g-${i}`, time: `2023-07-11T11:00:0${i}Z`, subject });
    const put = async (...lines: string[]): Promise<unknown[]> => {
      await store.put(uri, Buffer.from(lines.join('\n')));
      await run(world());
      return mine();
    };
    const mine = async (): Promise<unknown[]> =>
      (await rowsOf(world(), 'opa_decisions'))
        .flatMap((row) => (row.source_uri === uri ? [row.decision_id] : []))
        .sort();
    await put(line(0, 'dr_evil'), line(1, 'austin'), line(2, 'dr_evil'));
    await erase(world(), 'dr_evil');
    now += 1000;
    // Nothing of before is in it, and its records stand where others stood.
    expect(await put(line(3, 'dr_evil'), line(4, 'dr_evil'))).toEqual(['g-1', 'g-3', 'g-4']);
    expect(await put(line(3, 'dr_evil'), line(4, 'dr_evil'), line(5, 'dr_evil'))).toEqual(['g-1', 'g-3', 'g-4', 'g-5']);
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
    for (let i = 0; i < 2; i++) {
      await run(world(), { again: true });
      expect(await mine()).toEqual(['g-1', 'g-3', 'g-4', 'g-5']);
      expect((await verify(world(), { deep: true })).differences).toEqual([]);
    }
    now += 1000;
    await erase(world(), 'dr_evil');
    expect(await mine()).toEqual(['g-1']);
    await run(world(), { again: true });
    expect(await mine()).toEqual(['g-1']);
    expect(await subjects()).not.toContain('dr_evil');
    expect((await verify(world(), { deep: true })).differences).toEqual([]);
  });

  test('killed at any of its calls has erased whole days or none, and the next run ends it', async () => {
    const view = store.copy().view();
    await erase(world(view), 'dr_evil');
    expect(view.calls).toBeGreaterThan(30);
    for await (const death of deaths(store, view.calls, (on) => erase(world(on), 'dr_evil'), { mayEnd: true })) {
      ({ store } = death);
      expect(
        (await subjects()).filter((subject) => subject !== 'dr_evil'),
        death.at,
      ).toHaveLength(12);
      await erase(world(), 'dr_evil');
      expect(await subjects(), death.at).toHaveLength(12);
      expect((await verify(world())).differences, death.at).toEqual([]);
    }
  });
});

describe('what an erasure does not reach is said', () => {
  test('older snapshots, with a tag that keeps one, and since when expire may remove them', async () => {
    const { catalog } = world();
    const base = (await catalog.loadTable('opa_decisions'))!;
    const before = base.metadata['current-snapshot-id'];
    const refs = { ...base.metadata.refs, 'year-end': { 'snapshot-id': before, type: 'tag' as const } };
    await catalog.commitTable('opa_decisions', base, { ...base.metadata, refs });
    expect((await erase(world(), 'dr_evil', { dryRun: true })).remains).toBeUndefined();
    const { remains, mayGrow } = await erase(world(), 'dr_evil');
    const after = (await catalog.loadTable('opa_decisions'))!.metadata;
    expect(remains).toEqual({
      filesOutside: [],
      tables: { opa_decisions: { snapshots: after.snapshots.length - 1, refs: ['year-end'] } },
      expiresFrom: new Date(now + 5 * dayMs).toISOString(),
    });
    // Nothing adds to an object of OPA.
    expect(mayGrow).toEqual([]);
    expect((await erase(world(), 'nobody')).remains).toBeUndefined();
    now += 5 * dayMs + 1000;
    await expire(world());
    expect((await catalog.loadTable('opa_decisions'))!.metadata.snapshots.map((one) => one['snapshot-id'])).toContain(
      before,
    );
  });

  test("files of Okera that are young enough to grow, and that have the subject's rows", async () => {
    const location = 'memory://test/okera';
    const sources = [{ name: 'okera', type: 'okera-audit' as const, location, columns: {} }];
    const file = (n: number): string => `${location}/audit/ymd=2023-07-11/planner-10.0.0.${n}-1-5bd8_audit.log`;
    const line = (id: number, user: string): string =>
      JSON.stringify({ request_id: `704d151f52e9f5f${id}:1`, request_time: '2023-07-11 10:05:01', user });
    const at = (): Runtime => testRuntime({ store, sources, clock: () => now });
    await store.put(file(1), Buffer.from(line(1, 'austin')));
    now += 6 * dayMs;
    await store.put(file(2), Buffer.from([line(2, 'austin'), line(3, 'felicity')].join('\n')));
    await store.put(file(3), Buffer.from(line(4, 'felicity')));
    await run(at());
    now += 2 * dayMs;
    expect((await erase(at(), 'austin', { dryRun: true })).mayGrow).toEqual([file(2)]);
    expect((await erase(at(), 'austin')).mayGrow).toEqual([file(2)]);
    await store.put(file(2), Buffer.from([line(2, 'austin'), line(3, 'felicity'), line(5, 'austin')].join('\n')));
    await run(at());
    expect(await erase(at(), 'austin')).toMatchObject({
      tables: { okera_audit_logs: { rows: 1 } },
      mayGrow: [file(2)],
    });
    expect((await verify(at(), { deep: true })).differences).toEqual([]);
  });
});
