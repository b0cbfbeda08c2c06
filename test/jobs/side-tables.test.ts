/** What `backfill` promises of side tables: each is what its objects say now, whole, and loaded once. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import { UsageError } from '../../src/config/errors.ts';
import { currentSnapshot } from '../../src/iceberg/metadata.ts';
import type { SideSourceConfig } from '../../src/sources/config.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { RoutedStore } from '../../src/store/router.ts';
import type { ObjectStore } from '../../src/store/store.ts';
import { disordered, shuffled } from '../support/disorder.ts';
import { countries, identities, putExport } from '../support/side-tables.ts';
import {
  decision,
  input,
  opaSourceConfig,
  putDecisions,
  rowsOf,
  run,
  sortedRows,
  testRuntime,
  type WorldOptions,
  warehouse,
} from '../support/warehouse.ts';

const world = (store: ObjectStore, sideSources: readonly SideSourceConfig[], options: WorldOptions = {}) =>
  testRuntime({ store, sources: [], sideSources, ...options });

const rowsAs = async (runtime: Parameters<typeof rowsOf>[0], table: string, ...columns: string[]) =>
  (await rowsOf(runtime, table)).map((row) => columns.map((column) => row[column])).sort();

const snapshots = async (store: ObjectStore, table: string) =>
  (await new FileCatalog(store, warehouse).loadTable(table))!.metadata.snapshots;

describe('a side table', () => {
  test('has the rows of its objects, in any of the formats, and says where each stood', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'country,subject\nNL,alice\n"B,E",bob\n');
    await putExport(store, countries, 'b.json', '[{"subject":"carol","country":"DE"},\n {"subject":"dave"}]');
    await putExport(store, countries, 'c', gzipSync('{"subject":"eve","country":null,"other":1}\n'));
    const runtime = world(store, [countries]);
    const report = await run(runtime);
    expect(await rowsAs(runtime, 'user_countries', 'subject', 'country', 'source_uri', 'source_offset')).toEqual([
      ['alice', 'NL', `${countries.location}a.csv`, 16n],
      ['bob', 'B,E', `${countries.location}a.csv`, 25n],
      ['carol', 'DE', `${countries.location}b.json`, 1n],
      ['dave', null, `${countries.location}b.json`, 38n],
      ['eve', null, `${countries.location}c`, 0n],
    ]);
    expect(report).toMatchObject({
      objects: { listed: 3, skipped: 0, committed: 3, failed: 0, archived: 0 },
      records: { read: 5, rows: 5, quarantined: 0, skipped: 0, duplicates: 0 },
      tables: { user_countries: { rows: 5, files: 1, days: 1 } },
      failures: [],
    });
    expect(report.bytes.read).toBeGreaterThan(0);
    expect(report.bytes.written).toBeGreaterThan(0);
  });

  test('is not loaded again where its objects are listed in another order, or twice', async () => {
    const store = new MemoryStore();
    for (const name of ['a', 'b', 'c', 'd'])
      await putExport(store, countries, `${name}.csv`, `subject,country\n${name},NL\n`);
    await run(world(store, [countries]));
    for (const listing of [shuffled, disordered]) {
      const routed = new RoutedStore({ memory: store.view({ listing: (objects) => listing(objects) }) });
      const report = await run(world(routed, [countries]));
      expect(report.objects).toEqual({ listed: 4, skipped: 4, committed: 0, failed: 0, archived: 0 });
    }
    expect(await snapshots(store, 'user_countries')).toHaveLength(1);
  });

  test('loses the rows that its export has lost, and gains the new ones, in one snapshot', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\nbob,BE\n');
    await putExport(store, countries, 'b.csv', 'subject,country\ncarol,DE\n');
    const runtime = world(store, [countries]);
    await run(runtime);
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\ndave,FR\n');
    await store.delete(`${countries.location}b.csv`);
    const report = await run(runtime);
    expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['alice'], ['dave']]);
    expect(report.objects).toEqual({ listed: 1, skipped: 0, committed: 1, failed: 0, archived: 0 });
    const [, second, ...rest] = await snapshots(store, 'user_countries');
    expect(rest).toEqual([]);
    expect(second!.summary).toMatchObject({ operation: 'overwrite', 'added-records': '2', 'deleted-records': '3' });
    expect(second!.summary).toMatchObject({ 'total-records': '2', 'total-data-files': '1' });
  });

  test('is not loaded again while its objects are the same, whatever they are beside', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n,BE\n');
    await run(world(store, [countries]));
    const puts: string[] = [];
    const watched = store.view({ before: (call) => void (call.operation === 'put' && puts.push(call.uri)) });
    const report = await run(world(watched, [{ ...countries, name: 'renamed' }]));
    expect(puts.filter((uri) => !uri.includes('/ingested_objects/'))).toEqual([]);
    expect(report).toMatchObject({
      objects: { listed: 1, skipped: 1, committed: 0, failed: 0, archived: 0 },
      records: { read: 0, rows: 0, quarantined: 0 },
      tables: {},
    });
  });

  test('goes back when its objects do', async () => {
    const store = new MemoryStore();
    const [before, after] = ['subject,country\nalice,NL\n', 'subject,country\nalice,BE\n'];
    const runtime = world(store, [countries]);
    for (const body of [before, after, before]) {
      await putExport(store, countries, 'a.csv', body);
      expect((await run(runtime)).objects.committed).toBe(1);
      const country = body === before ? 'NL' : 'BE';
      expect(await rowsAs(runtime, 'user_countries', 'country')).toEqual([[country]]);
    }
    const paths = new Set<string>();
    for (const snapshot of await snapshots(store, 'user_countries')) paths.add(snapshot['manifest-list']);
    expect(paths.size).toBe(3);
  });

  test('is loaded anew where its columns have changed', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country,since\nalice,NL,2020-01-02\n');
    await run(world(store, [countries]));
    const wider: typeof countries = {
      ...countries,
      columns: { ...countries.columns, first_day: { type: 'string', from: 'since', required: false } },
    };
    const runtime = world(store, [wider]);
    expect((await run(runtime)).objects.committed).toBe(1);
    expect(await rowsAs(runtime, 'user_countries', 'subject', 'first_day')).toEqual([['alice', '2020-01-02']]);
  });

  test('stays as it was where one of its objects cannot be read, and the run says so', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n');
    const runtime = world(store, [countries]);
    await run(runtime);
    await putExport(store, countries, 'a.csv', 'subject,country\nbob,BE\n');
    for (const [body, code] of [
      [gzipSync('subject,country\ncarol,DE\n').subarray(0, 20), 'truncated_gzip'],
      ['subject;country\ncarol;DE\n', 'csv_header'],
      ['name,subject,subject\n', 'csv_header'],
    ] as const) {
      await putExport(store, countries, 'b', body);
      const report = await run(runtime);
      expect(report.objects).toEqual({ listed: 2, skipped: 1, committed: 0, failed: 1, archived: 0 });
      expect(report.failures).toMatchObject([{ uri: `${countries.location}b`, code }]);
      expect(report.failures[0]!.message).toMatch(/table user_countries stays as it was$/);
      expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['alice']]);
    }
  });

  test('stays as it was where there is no object at all', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n');
    const runtime = world(store, [countries]);
    await run(runtime);
    await store.delete(`${countries.location}a.csv`);
    expect((await run(runtime)).objects).toEqual({ listed: 0, skipped: 0, committed: 0, failed: 0, archived: 0 });
    expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['alice']]);
  });

  test('becomes empty where its objects are', async () => {
    const store = new MemoryStore();
    const runtime = world(store, [countries]);
    for (const body of ['subject,country\nalice,NL\n', 'subject,country\n', '', '[]']) {
      await putExport(store, countries, 'a.csv', body);
      expect((await run(runtime)).objects.committed).toBe(1);
      expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual(body.includes('alice') ? [['alice']] : []);
      expect((await run(runtime)).objects).toMatchObject({ committed: 0, skipped: 1 });
    }
  });

  test('has the day of its newest object in all rows, so that one load is one partition', async () => {
    const store = new MemoryStore({}, ticking(Date.UTC(2024, 1, 28), 86_400_000));
    for (const key of ['a', 'b', 'c']) await putExport(store, countries, key, `{"subject":"${key}"}`);
    const runtime = world(store, [countries]);
    expect((await run(runtime)).tables).toEqual({ user_countries: { rows: 3, files: 1, days: 1 } });
    expect(await rowsAs(runtime, 'user_countries', 'ymd')).toEqual(new Array(3).fill(['2024-03-01']));
  });

  test('of any size takes bounded memory: columns are written out as they fill', async () => {
    const store = new MemoryStore();
    const lines = Array.from({ length: 60_000 }, (_, i) => `subject-${i},country-${i}`);
    await putExport(store, countries, 'a.csv', `subject,country\n${lines.join('\n')}\n`);
    const runtime = world(store, [countries], { batch: { columnBytes: 1 << 20 } });
    const report = await run(runtime);
    expect(report.tables.user_countries!.rows).toBe(60_000);
    expect(report.tables.user_countries!.files).toBeGreaterThan(2);
    expect(new Set(await rowsAs(runtime, 'user_countries', 'subject')).size).toBe(60_000);
  });

  test('that another engine has written to is what its objects say after the next run', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n');
    const runtime = world(store, [countries]);
    await run(runtime);
    const loaded = (await runtime.catalog.loadTable('user_countries'))!;
    const snapshot = currentSnapshot(loaded.metadata)!;
    const foreign = (operation: string) => ({
      ...loaded.metadata,
      'last-sequence-number': 2,
      'current-snapshot-id': 77n,
      snapshots: [
        ...loaded.metadata.snapshots,
        {
          ...snapshot,
          'snapshot-id': 77n,
          'parent-snapshot-id': snapshot['snapshot-id'],
          'sequence-number': 2,
          summary: { operation },
        },
      ],
      refs: { main: { 'snapshot-id': 77n, type: 'branch' as const } },
    });
    const replaced = await runtime.catalog.commitTable('user_countries', loaded, foreign('replace'));
    expect((await run(runtime)).objects.committed, 'compaction changes no row').toBe(0);
    await runtime.catalog.commitTable('user_countries', replaced, { ...foreign('append') });
    expect((await run(runtime)).objects.committed, 'an INSERT does').toBe(1);
    expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['alice']]);
  });
});

describe('rows that cannot be', () => {
  test('are quarantined with reason, place and payload', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n,BE\n"bob"x,FR\ncarol,DE\n');
    await putExport(store, countries, 'b.json', '{"subject":7}\nnot json\n{"subject":"dave"}\n');
    const runtime = world(store, [countries]);
    const report = await run(runtime);
    expect(report.records).toEqual({ read: 7, rows: 3, quarantined: 4, skipped: 0, duplicates: 0 });
    expect(report.quarantine).toEqual({ missing_field: 1, malformed_csv: 1, invalid_type: 1, malformed_json: 1 });
    expect(
      await rowsAs(runtime, 'quarantine', 'reason', 'pointer', 'source_type', 'source_uri', 'source_offset', 'payload'),
    ).toEqual([
      ['invalid_type', '/subject', 'reference', `${countries.location}b.json`, 0n, '{"subject":7}'],
      ['malformed_csv', '', 'reference', `${countries.location}a.csv`, 29n, '"bob"x,FR'],
      ['malformed_json', '', 'reference', `${countries.location}b.json`, 14n, 'not json'],
      ['missing_field', '/subject', 'reference', `${countries.location}a.csv`, 25n, ',BE'],
    ]);
    expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['alice'], ['carol'], ['dave']]);
  });

  test('are quarantined once, however often the export has them', async () => {
    let now = Date.UTC(2024, 0, 1);
    const store = new MemoryStore({}, () => now);
    const runtime = world(store, [countries]);
    await putExport(store, countries, 'a.csv', 'subject,country\n,BE\n');
    await putExport(store, countries, 'b.csv', 'subject,country\nbob,BE\n');
    expect((await run(runtime)).records).toMatchObject({ quarantined: 1, duplicates: 0 });
    now += 86_400_000;
    await putExport(store, countries, 'b.csv', 'subject,country\nbob,FR\n');
    expect((await run(runtime)).records, 'the same object').toMatchObject({ rows: 1, quarantined: 0, duplicates: 1 });
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n,BE\n,FR\n,BE\n');
    expect((await run(runtime)).records, 'a later version').toMatchObject({ rows: 2, quarantined: 2, duplicates: 1 });
    const payloads = await rowsAs(runtime, 'quarantine', 'payload');
    expect(payloads).toEqual([[',BE'], [',BE'], [',FR']]);
  });
});

describe('loads at the same time', () => {
  test('of one export: each row and each quarantined row is there once', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n,BE\n');
    const runtime = world(store, [countries]);
    await Promise.all(Array.from({ length: 4 }, () => run(world(store, [countries]))));
    expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['alice']]);
    expect(await rowsAs(runtime, 'quarantine', 'payload')).toEqual([[',BE']]);
    expect(await snapshots(store, 'user_countries')).toHaveLength(1);
  });

  test('the one that listed first never puts an older export over a newer one', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nold,NL\n,BE\n');
    let meanwhile: Promise<unknown> | undefined;
    const slow = store.view({
      before: async (call) => {
        // Behind the listing, in front of the first file of the load.
        if (meanwhile !== undefined || call.operation !== 'put' || !call.uri.includes('/user_countries/data/')) return;
        await putExport(store, countries, 'a.csv', 'subject,country\nnew,NL\n,BE\n');
        meanwhile = run(world(store, [countries]));
        await meanwhile;
      },
    });
    const runtime = world(slow, [countries]);
    const report = await run(runtime);
    expect(meanwhile).toBeDefined();
    expect(await rowsAs(runtime, 'user_countries', 'subject')).toEqual([['new']]);
    expect(await rowsAs(runtime, 'quarantine', 'payload')).toEqual([[',BE']]);
    expect(report.objects).toEqual({ listed: 1, skipped: 1, committed: 0, failed: 0, archived: 0 });
  });
});

describe("Okera's tables", () => {
  const files: Readonly<Record<string, string>> = {
    'users.jsonl': '{"id":1,"user_name":"jane","created":"x"}\n{"id":"2","user_name":"john"}\n',
    'groups/part-0.json': '[{"group_id":10,"group_name":"analysts"}]',
    'groups/part-1.csv.gz': 'group_id,group_name\n11,stewards\n',
    'user_group_mappings.jsonl': [
      '{"user_name_id":1,"group_name_id":10,"last_observed":"2020-11-01T09:00:00+01:00"}',
      '{"user_name_id":1,"group_name_id":11,"last_observed":"2020-11-01 08:00:00.5"}',
      '{"user_name_id":2,"group_name_id":10,"last_observed":1604217600123}',
      '{"user_name_id":2,"group_name_id":11,"last_observed":1604217600}',
      '{"user_name_id":3,"group_name_id":11}',
    ].join('\n'),
    'role_names.csv': 'role_name,id\ndeveloper_role,5\n',
    'group_names.csv': 'id,group_name\n6,developer_group\n',
    'role_group_ids.csv': 'role_id,group_id\n5,6\n',
    'README.md': 'no table',
  };

  test('are made of the objects and folders named after them', async () => {
    const store = new MemoryStore();
    for (const [key, body] of Object.entries(files))
      await putExport(store, identities, key, key.endsWith('.gz') ? gzipSync(body) : body);
    const runtime = world(store, [identities]);
    const report = await run(runtime);
    expect(report.objects).toEqual({ listed: 8, skipped: 1, committed: 7, failed: 0, archived: 0 });
    expect(report.records).toMatchObject({ read: 12, rows: 12, quarantined: 0 });
    expect(await rowsAs(runtime, 'users', 'id', 'user_name')).toEqual([
      ['1', 'jane'],
      ['2', 'john'],
    ]);
    expect(await rowsAs(runtime, 'groups', 'group_id', 'group_name')).toEqual([
      ['10', 'analysts'],
      ['11', 'stewards'],
    ]);
    expect(await rowsAs(runtime, 'user_group_mappings', 'user_name_id', 'group_name_id', 'last_observed')).toEqual([
      ['1', '10', '2020-11-01 08:00:00.000000'],
      ['1', '11', '2020-11-01 08:00:00.500000'],
      ['2', '10', '2020-11-01 08:00:00.123000'],
      ['2', '11', '2020-11-01 08:00:00.000000'],
      ['3', '11', null],
    ]);
    expect(await rowsAs(runtime, 'role_names', 'id', 'role_name')).toEqual([['5', 'developer_role']]);
    expect(await rowsAs(runtime, 'group_names', 'id', 'group_name')).toEqual([['6', 'developer_group']]);
    expect(await rowsAs(runtime, 'role_group_ids', 'role_id', 'group_id')).toEqual([['5', '6']]);
  });

  test('are loaded each by itself', async () => {
    const store = new MemoryStore();
    for (const [key, body] of Object.entries(files))
      await putExport(store, identities, key, key.endsWith('.gz') ? gzipSync(body) : body);
    const runtime = world(store, [identities]);
    await run(runtime);
    await putExport(store, identities, 'users.jsonl', '{"id":1,"user_name":"jane"}');
    expect((await run(runtime)).tables).toEqual({ users: { rows: 1, files: 1, days: 1 } });
  });

  test('are all there, empty, before their exports are', async () => {
    const store = new MemoryStore();
    await putExport(store, identities, 'users.jsonl', '{"id":1,"user_name":"jane"}');
    const runtime = world(store, [identities]);
    await run(runtime);
    expect(await runtime.catalog.listTables()).toEqual(
      expect.arrayContaining(['groups', 'user_group_mappings', 'role_names', 'group_names', 'role_group_ids', 'users']),
    );
  });

  test('are made of the prefixes that the configuration gives', async () => {
    const store = new MemoryStore();
    await putExport(store, identities, 'dump/okera-users-2020.jsonl', '{"id":1,"user_name":"jane"}');
    await putExport(store, identities, 'dump/okera-users-extra/roles.csv', 'id,role_name\n5,developer_role\n');
    await putExport(store, identities, 'users.jsonl', '{"id":9,"user_name":"nobody"}');
    const tables = { 'dump/okera-users': 'users', 'dump/okera-users-extra/roles': 'role_names' } as const;
    const runtime = world(store, [{ ...identities, tables }]);
    await run(runtime);
    expect(await rowsAs(runtime, 'users', 'user_name')).toEqual([['jane']]);
    expect(await rowsAs(runtime, 'role_names', 'role_name')).toEqual([['developer_role']]);
  });
});

describe('beside events', () => {
  const both = (store: ObjectStore) => testRuntime({ store, sources: [opaSourceConfig], sideSources: [countries] });

  test('one run loads both, with one report', async () => {
    const store = new MemoryStore();
    await putDecisions(store, 2, 3);
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n,BE\n');
    const report = await run(both(store));
    expect(report).toMatchObject({
      objects: { listed: 3, skipped: 0, committed: 3, failed: 0, archived: 0 },
      records: { read: 9, rows: 7, quarantined: 2, skipped: 0, duplicates: 0 },
      quarantine: { missing_field: 1, malformed_json: 1 },
    });
    expect(report.tables).toMatchObject({
      opa_decisions: { rows: 6 },
      user_countries: { rows: 1, files: 1, days: 1 },
      quarantine: { rows: 2, files: 2 },
    });
    expect((await run(both(store))).objects).toEqual({ listed: 3, skipped: 3, committed: 0, failed: 0, archived: 0 });
  });

  test('--source selects either', async () => {
    const store = new MemoryStore();
    await store.put(`${input}/a.jsonl`, Buffer.from(decision()));
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n');
    expect(Object.keys((await run(both(store), { sources: ['countries'] })).tables)).toEqual(['user_countries']);
    expect((await run(both(store), { sources: ['eopa'] })).objects.listed).toBe(1);
    await expect(run(both(store), { sources: ['nobody'] })).rejects.toThrow(/no source nobody.*eopa, countries/);
  });

  test('a prefix never makes a side table of a part of its export', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n');
    expect((await run(both(store), { prefix: 'a' })).objects.listed).toBe(0);
    await expect(run(both(store), { prefix: 'a', sources: ['countries'] })).rejects.toThrow(UsageError);
  });

  test('a dry run says what would be loaded, and loads nothing', async () => {
    const store = new MemoryStore();
    await putExport(store, countries, 'a.csv', 'subject,country\nalice,NL\n');
    const before = store.view();
    const report = await run(both(before), { dryRun: true });
    expect(report.plan).toEqual({ batches: 1, objects: 1, bytes: 25 });
    expect(report.objects).toEqual({ listed: 1, skipped: 0, committed: 0, failed: 0, archived: 0 });
    expect(await both(store).catalog.listTables()).toEqual([]);
    await run(both(store));
    expect((await run(both(store), { dryRun: true })).plan).toEqual({ batches: 0, objects: 0, bytes: 0 });
    expect(await sortedRows(both(store), 'user_countries')).toHaveLength(1);
  });
});

function ticking(start: number, step: number): () => number {
  let now = start - step;
  return () => {
    now += step;
    return now;
  };
}
