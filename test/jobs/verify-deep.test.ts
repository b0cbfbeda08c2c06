/** A deep verification finds each value of a table that reading the objects again does not give, and names the record. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Value } from '../../src/columns/types.ts';
import type { Config } from '../../src/config/config.ts';
import { commitTable } from '../../src/iceberg/commit.ts';
import { liveFiles } from '../../src/iceberg/scan.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import type { Difference } from '../../src/jobs/verify/difference.ts';
import { type VerifyReport, verify } from '../../src/jobs/verify/verify.ts';
import { commitContext } from '../../src/ledger/runtime.ts';
import type { SourceConfig } from '../../src/sources/config.ts';
import { createSource } from '../../src/sources/index.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import type { TableDeclaration } from '../../src/tables/declaration.ts';
import { quarantine } from '../../src/tables/quarantine.ts';
import { collect } from '../support/collect.ts';
import { storeRows } from '../support/foreign-rows.ts';
import { input, type Rows, rowsOf, run, testRuntime } from '../support/warehouse.ts';

const tenant = { path: 'input.tenant', type: 'string', strict: false } as const;
const scopes = { path: 'input.scopes', type: 'list<string>', strict: false } as const;
const promoting: SourceConfig = { name: 'eopa', type: 'opa', location: input, columns: { tenant, scopes } };
const plain: SourceConfig = { ...promoting, columns: {} };
const okera: SourceConfig = { name: 'okera', type: 'okera-audit', location: input, columns: {} };

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const world = (source = promoting, limits: Partial<Config['limits']> = {}): Runtime =>
  testRuntime({ store, sources: [source], limits });

/** Rows are compared by keyed hashes, or by their digests where these are told: both find the same. */
async function deep(source?: SourceConfig): Promise<VerifyReport> {
  const report = await verify(world(source), { deep: true });
  const told = await verify(world(source), { deep: true, onDigest: () => {} });
  expect({ ...told, seconds: report.seconds }).toEqual(report);
  return report;
}

const decision = (id: string, more: object = {}): string =>
  JSON.stringify({
    decision_id: id,
    timestamp: '2026-01-02T10:00:00.123456789Z',
    path: 'authz/decision',
    labels: { id: 'i-1', version: '1.2.0', zone: 'a' },
    metrics: { timer_server_handler_ns: 1500, counter_x: 2 },
    input: {
      subject: 'alice',
      action: 'GET',
      resource: '/a',
      client_ip: '10.0.0.1',
      tenant: 'acme',
      scopes: ['r', 'w'],
    },
    result: { allowed: true, message: '', roles: ['admin', 'dev'] },
    erased: ['/input/password'],
    custom: { price: 1.5 },
    unknown: 1,
    ...more,
  });

const key = (name: string): string => `${input}/eopa=a/first_ts=1767348000/last_ts=1767348001/batch_id=${name}.jsonl`;
const put = (uri: string, ...lines: string[]) => store.put(uri, Buffer.from(lines.join('\n')));

const declarationOf = (table: string, source: SourceConfig): TableDeclaration =>
  table === 'quarantine' ? quarantine : createSource(source.type, source.columns, world().config.limits).table;

/** All rows of a table written anew, as somebody with access to it could. */
async function rewrite(table: string, change: (rows: Rows) => Rows, source = promoting): Promise<void> {
  const runtime = world(source);
  const declaration = declarationOf(table, source);
  const loaded = (await runtime.catalog.loadTable(table))!;
  const target = { store, table: loaded, declaration, label: 'forged' };
  const options = { ...runtime, output: runtime.config.output };
  const add = await storeRows(target, change(await rowsOf(runtime, table)), options);
  const remove = (await collect(liveFiles(store, loaded.metadata))).map(({ path }) => path);
  await commitTable(commitContext(runtime), table, () => ({ operation: 'replace', add, remove, summary: {} }));
}

const alter = (table: string, at: number, change: (row: Rows[number]) => Rows[number], source?: SourceConfig) =>
  rewrite(table, (rows) => rows.map((row, i) => (i === at ? change(row) : row)), source);

const contents = ({ differences }: VerifyReport): Difference[] =>
  differences.filter(({ kind }) => kind === 'content-differs');

/** Another value of the same type. */
function another(value: Value): Value {
  if (value === null) return 'forged';
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'bigint') return value + 1n;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (value instanceof Uint8Array) return 'forged';
  const items = value as readonly Value[];
  return (Array.isArray(items[0]) ? [] : [...items, 'forged']) as unknown as Value;
}

describe('verify --deep', () => {
  test('finds a change of any column, promoted, computed, mapped and plain ones, and names it', async () => {
    await put(key('a'), decision('one'), decision('two'));
    await run(world());
    expect(await deep()).toMatchObject({ ok: true, warnings: [] });
    const all = await rowsOf(world(), 'opa_decisions');
    const first = all[0]!;
    const untouched = new Set(['source_uri', 'source_offset', 'ymd']);
    const columns = declarationOf('opa_decisions', promoting)
      .columns.map(({ name }) => name)
      .filter((name) => first[name] !== null && first[name] !== undefined && !untouched.has(name));
    expect(columns).toEqual(
      expect.arrayContaining(['tenant', 'scopes', 'client_ip_key', 'first_ts', 'metrics', 'extra']),
    );
    for (const column of columns) {
      await rewrite('opa_decisions', () => [{ ...first, [column]: another(first[column]!) }, ...all.slice(1)]);
      const found = contents(await deep());
      expect(found[0], column).toMatchObject({
        table: 'opa_decisions',
        uri: key('a'),
        records: [{ offset: Number(first.source_offset), columns: [column] }],
      });
    }
    await rewrite('opa_decisions', () => all);
    expect(contents(await deep())).toEqual([]);
  }, 120_000);

  test('tells null from the empty text, elements and their order, the texts of numbers, and entries of maps', async () => {
    await put(key('a'), decision('one'), decision('two'));
    await run(world());
    const all = await rowsOf(world(), 'opa_decisions');
    const first = all[0]!;
    const forged: [string, Value][] = [
      ['message', null],
      ['roles', ['dev', 'admin']],
      ['roles', ['admin', null]],
      ['roles', []],
      ['scopes', ['rw']],
      ['custom', '{"price":1.50}'],
      [
        'labels',
        [
          ['id', 'i-1'],
          ['version', '1.2.0'],
        ],
      ],
      [
        'metrics',
        [
          ['timer_server_handler_ns', 1500n],
          ['counter_x', null],
        ],
      ],
      ['error', ''],
    ];
    for (const [column, value] of forged) {
      await rewrite('opa_decisions', () => [{ ...first, [column]: value }, ...all.slice(1)]);
      const found = contents(await deep());
      expect(found[0]?.records, `${column} ${String(value)}`).toEqual([
        { offset: Number(first.source_offset), columns: [column] },
      ]);
    }
  }, 60_000);

  test('finds a row that is doubled in place of another, one that is invented, and one that is moved', async () => {
    await put(key('a'), decision('one'), decision('two'), decision('three'));
    await run(world());
    const rows = await rowsOf(world(), 'opa_decisions');
    const offsets = rows.map((row) => Number(row.source_offset)).sort((a, b) => a - b);
    const byOffset = (offset: number) => rows.find((row) => Number(row.source_offset) === offset)!;
    await rewrite('opa_decisions', () => [byOffset(offsets[0]!), byOffset(offsets[0]!), byOffset(offsets[2]!)]);
    expect((await verify(world())).ok).toBe(true);
    expect(contents(await deep())).toMatchObject([
      { detail: '1 rows of the table are not what the object gives' },
      { detail: `1 records of the object are in no table, the first at offset ${offsets[1]}` },
    ]);
    await rewrite('opa_decisions', () => rows.map((row, i) => (i === 1 ? { ...row, source_offset: 100_000n } : row)));
    expect(contents(await deep())[0]).toMatchObject({ records: [{ offset: 100_000 }] });
  });

  test('is not misled by names that sort otherwise in UTF-16', async () => {
    const names = ['\u{1f600}', '\uffee', 'z', '\u{10000}', '\ue000'];
    for (const name of names) await put(key(name), decision(`of-${name}`));
    await run(world());
    expect((await deep()).ok).toBe(true);
    const rows = await rowsOf(world(), 'opa_decisions');
    for (const [i, row] of rows.entries()) {
      await alter('opa_decisions', i, (own) => ({ ...own, input: '{"subject":"alice" }' }));
      const found = contents(await deep());
      expect(new Set(found.map(({ uri }) => uri)), String(row.source_uri)).toEqual(new Set([row.source_uri]));
      await rewrite('opa_decisions', () => rows);
    }
  }, 60_000);

  test('holds quarantined records to their bytes and reasons', async () => {
    await put(key('a'), decision('one'), '{"broken":', '{"decision_id":7}');
    await run(world());
    expect((await deep()).ok).toBe(true);
    const rows = await rowsOf(world(), 'quarantine');
    expect(rows).toHaveLength(2);
    for (const column of ['payload', 'reason', 'pointer', 'detail', 'payload_bytes', 'payload_truncated']) {
      await alter('quarantine', 0, (row) => ({ ...row, [column]: another(row[column]!) }));
      const found = contents(await deep());
      expect(found, column).toMatchObject(
        [
          {
            table: 'quarantine',
            uri: key('a'),
            records: [{ offset: Number(rows[0]!.source_offset), columns: [column] }],
          },
          {},
        ].slice(0, found.length),
      );
      expect(found.length, column).toBeGreaterThan(0);
      await rewrite('quarantine', () => rows);
    }
    expect((await deep()).ok).toBe(true);
  }, 60_000);

  test('takes a day that an unreadable record has of its object for what it is after the object was copied', async () => {
    const uri = `${input}/plain.jsonl`;
    await put(uri, decision('one'), '{"broken":');
    await run(world());
    let now = Date.UTC(2026, 5, 1);
    const copied = new MemoryStore({}, () => now);
    for await (const object of store.list('memory://test/')) {
      now += 1000;
      const { chunks } = await store.get(object.uri);
      await copied.put(object.uri, Buffer.concat(await collect(chunks)));
    }
    store = copied;
    expect((await deep()).differences).toEqual([]);
  });

  test('quarantined records of an object that was changed in front of them, or days later, are the same, each once', async () => {
    let now = Date.UTC(2026, 5, 1);
    store = new MemoryStore({}, () => now);
    const uri = `${input}/plain.jsonl`;
    const broken = ['{"broken":', '{"decision_id":7}', '{"broken":'];
    await put(uri, decision('one'), ...broken);
    await run(world());
    for (const ids of [
      ['zero', 'one'],
      ['zero', 'one', 'two'],
    ]) {
      now += 86_400_000;
      await put(uri, ...ids.map((id) => decision(id)), ...broken);
      await run(world());
      expect(await rowsOf(world(), 'quarantine')).toHaveLength(3);
      expect((await deep()).differences).toEqual([]);
    }
    // A row of them is lost all the same, and so is one of two that are alike.
    const rows = await rowsOf(world(), 'quarantine');
    for (const lost of rows.keys()) {
      await rewrite('quarantine', () => rows.filter((_, i) => i !== lost));
      expect(contents(await deep())).toMatchObject([{ table: 'quarantine', uri }]);
    }
  });

  test('a record that its batch had no day for stays in quarantine, and is held to its bytes there', async () => {
    await put(key('a'), decision('one'), decision('late', { timestamp: '2026-01-03T00:00:00Z' }));
    await run(world(promoting, { daysPerBatch: 1 }));
    expect(await rowsOf(world(), 'quarantine')).toMatchObject([{ reason: 'too_many_days' }]);
    expect((await deep()).differences).toEqual([]);
    await alter('quarantine', 0, (row) => ({ ...row, payload: String(row.payload).replace('late', 'l4te') }));
    expect(contents(await deep())).toMatchObject([{ table: 'quarantine', uri: key('a') }]);
  });

  test('finds an altered row of an object that has grown, and takes what earlier versions had for what it is', async () => {
    const uri = `${input}/ymd=2026-01-02/planner-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log`;
    const audit = (i: number): string =>
      JSON.stringify({ request_time: `2026-01-02 10:05:0${i}.437238000`, request_id: `a${i}:b`, user: `u${i}` });
    await put(uri, audit(1), audit(2));
    await run(world(okera));
    await put(uri, audit(1), audit(2), audit(3));
    await run(world(okera));
    expect((await deep(okera)).differences).toEqual([]);
    const rows = await rowsOf(world(okera), 'okera_audit_logs');
    expect(rows.length).toBeGreaterThan(0);
    for (const column of ['user', 'request_id_prefix', 'service']) {
      const at = rows.findIndex((row) => row.request_id === 'a1:b');
      await alter('okera_audit_logs', at, (row) => ({ ...row, [column]: 'forged' }), okera);
      expect(contents(await deep(okera)), column).not.toEqual([]);
      await rewrite('okera_audit_logs', () => rows, okera);
    }
    // Another text altogether: the records of before stay.
    await put(uri, audit(4));
    await run(world(okera));
    expect((await deep(okera)).differences).toEqual([]);
  });

  test('finds records without an id that have moved in their object, each of them once', async () => {
    await put(key('a'), decision('one'), decision(''), decision(''));
    await run(world());
    await put(key('a'), decision('zero'), decision('one'), decision(''), decision(''), decision(''));
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(5);
    expect(await deep()).toMatchObject({ ok: true, differences: [] });
    await rewrite('opa_decisions', (rows) => rows.filter(({ decision_id: id }, i) => id !== '' || i % 2 === 0));
    expect(contents(await deep())).toMatchObject([{ uri: key('a'), detail: expect.stringContaining('in no table') }]);
  });

  test('looks at each altered row of an object that has grown once, however many they are', async () => {
    const ids = Array.from({ length: 500 }, (_, i) => decision(`id-${i}`));
    await put(key('a'), ...ids);
    await run(world());
    await put(key('a'), ...ids, decision('new'));
    await run(world());
    await rewrite('opa_decisions', (rows) => rows.map((row) => ({ ...row, path: 'forged' })));
    const filter = vi.spyOn(Array.prototype, 'filter');
    const report = await verify(world(), { deep: true });
    const looked = filter.mock.contexts.reduce<number>((sum, array) => sum + (array as unknown[]).length, 0);
    filter.mockRestore();
    expect(contents(report)).toMatchObject([{ uri: key('a'), detail: expect.stringContaining('501 records') }]);
    expect(looked).toBeLessThan(ids.length * 250);
  });

  test('warns of a promoted column that rows were written without, and still finds what else is altered in them', async () => {
    await put(key('old'), decision('old'));
    await run(world(plain));
    await put(key('new'), decision('new'));
    await run(world(promoting));
    const report = await deep(promoting);
    expect(report.differences).toEqual([]);
    expect(report.warnings.map(({ code }) => code)).toEqual(['column-promoted-later', 'column-promoted-later']);
    expect(report.warnings[0]!.message).toMatch(/^1 objects give values of the column/);
    const rows = await rowsOf(world(), 'opa_decisions');
    for (const [i, row] of rows.entries()) {
      await alter('opa_decisions', i, (own) => ({ ...own, path: 'forged' }));
      expect(contents(await deep())[0]?.uri).toBe(row.source_uri);
      await rewrite('opa_decisions', () => rows);
    }
    const at = rows.findIndex((row) => row.source_uri === key('old'));
    await alter('opa_decisions', at, (own) => ({ ...own, tenant: 'forged' }));
    expect(contents(await deep())[0]?.records).toMatchObject([{ columns: ['tenant'] }]);
  }, 60_000);

  test('says what to do where only promoted columns differ, since their path or type may have changed', async () => {
    await put(key('a'), decision('one'), decision('two'));
    await run(world());
    const moved = { ...promoting, columns: { scopes, tenant: { ...tenant, path: 'input.subject' } } };
    const [found] = contents(await deep(moved));
    expect(found?.records).toMatchObject([{ columns: ['tenant'] }, { columns: ['tenant'] }]);
    expect(found?.detail).toMatch(/^2 rows of the table .*; they differ in tenant: .* backfill --again/);
    await alter('opa_decisions', 0, (row) => ({ ...row, path: 'forged' }));
    expect(contents(await deep(moved))[0]?.detail).toBe('2 rows of the table are not what the object gives');
  });

  test('checks all other tables where the configuration has a column of one in another type', async () => {
    await put(key('a'), decision('one'), decision('two'));
    await run(world());
    const retyped = { ...promoting, columns: { tenant, scopes: { ...scopes, type: 'string' } as const } };
    const { differences, tables } = await deep(retyped);
    expect(differences).toMatchObject([
      {
        kind: 'table-unreadable',
        table: 'opa_decisions',
        detail: expect.stringContaining('declare it as list<string>'),
      },
    ]);
    expect(Object.keys(tables)).toContain('quarantine');
  });

  test('excuses any number of duplicates that were dropped, in the object itself and across objects', async () => {
    const lines = Array.from({ length: 300 }, (_, i) => decision(`d-${i}`));
    await put(key('a'), ...lines, ...lines);
    await put(key('b'), ...lines.toReversed());
    await run(world());
    expect(await rowsOf(world(), 'opa_decisions')).toHaveLength(300);
    expect((await deep()).differences).toEqual([]);
    await alter('opa_decisions', 7, (row) => ({ ...row, decision_id: 'forged' }));
    expect(contents(await deep()).length).toBeGreaterThan(0);
  });

  test('tells the digest of the rows of each object, the same whatever files they are in', async () => {
    for (const name of ['b', 'a']) await put(key(name), decision(`${name}-1`), '{"broken":', decision(`${name}-2`));
    await run(world());
    const digests = async (): Promise<object[]> => {
      const told: object[] = [];
      await verify(world(), { deep: true, onDigest: (digest) => void told.push(digest) });
      return told;
    };
    const before = await digests();
    expect(before).toMatchObject([
      { table: 'opa_decisions', uri: key('a'), rows: 2 },
      { table: 'opa_decisions', uri: key('b'), rows: 2 },
      { table: 'quarantine', uri: key('a'), rows: 1 },
      { table: 'quarantine', uri: key('b'), rows: 1 },
    ]);
    await rewrite('opa_decisions', (rows) => rows.toReversed());
    expect(await digests()).toEqual(before);
    await alter('opa_decisions', 0, (row) => ({ ...row, subject: 'forged' }));
    expect(await digests()).not.toEqual(before);
  });
});
