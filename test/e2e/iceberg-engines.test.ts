import { beforeAll, describe, expect, test } from 'vitest';
import { GlueCatalog } from '../../src/catalog/glue/catalog.ts';
import type { Value } from '../../src/columns/types.ts';
import { type CommitContext, commitTable } from '../../src/iceberg/commit.ts';
import type { DataFile } from '../../src/iceberg/data-file.ts';
import { ensureTable } from '../../src/iceberg/ensure.ts';
import { currentSnapshot } from '../../src/iceberg/metadata.ts';
import { danglingDeletes, type LiveFile, liveFiles } from '../../src/iceberg/scan.ts';
import { NewRowDeletes } from '../../src/iceberg/stage.ts';
import { scanRows } from '../../src/iceberg/table-rows.ts';
import { ParquetJsEncoder } from '../../src/parquet/rowwise/encoder.ts';
import { S3Store } from '../../src/store/s3.ts';
import type { TableDeclaration } from '../../src/tables/declaration.ts';
import { events, withColumns } from '../iceberg/fixture.ts';
import { collect } from '../support/collect.ts';
import { storeRows } from '../support/foreign-rows.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';

type Row = Readonly<Record<string, Value>>;

describeWith(['glue', 's3', 'trino', 'readers'], 'tables that are written here are tables to every engine', () => {
  let context: CommitContext;
  let trino: TrinoClient;
  let database: string;
  beforeAll(async () => {
    const glue = await rig.glue();
    const s3 = await rig.s3();
    database = glue.database;
    trino = await rig.trino();
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    const client = { endpoint: glue.endpoint, region: glue.region };
    const catalog = new GlueCatalog({ client, database, warehouse: `s3://${s3.bucket}/warehouse`, store });
    let tables = 0;
    context = {
      store,
      catalog,
      now: Date.now,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      uuid: () => `00000000-0000-4000-8000-${String(++tables).padStart(12, '0')}`,
    };
  });

  const write = async (declaration: TableDeclaration, rows: readonly Row[]): Promise<DataFile> => {
    const table = await ensureTable(context, declaration);
    const output = { fileRows: 1000, rowGroupRows: 1000, compressionLevel: 1 };
    const target = { store: context.store, table, declaration, label: 'test' };
    const [file] = await storeRows(target, rows, { encoder: new ParquetJsEncoder(), output });
    return file!;
  };
  const append = async (declaration: TableDeclaration, ...files: (readonly Row[])[]) => {
    const add = await Promise.all(files.map((rows) => write(declaration, rows)));
    return commitTable(context, declaration.name, () => ({
      operation: 'append',
      add,
      remove: [],
      summary: { 'audit-warehouse.batch': 'b' },
    }));
  };
  const live = async (table: string): Promise<LiveFile[]> =>
    collect(liveFiles(context.store, (await context.catalog.loadTable(table))!.metadata));
  const sql = async (text: string) => (await trino.query(text)).rows;
  const metadataTable = (table: string, kind: string) => `iceberg."${database}"."${table}$${kind}"`;
  const python = async (table: string) => JSON.parse(await rig.python('iceberg_read.py', [database, table]));

  /** Rows whose values are awkward: empty, null, beyond the BMP, extremes. */
  const row = (id: number, ymd: string): Row => ({
    ymd,
    event_time: BigInt(Date.parse(`${ymd}T00:00:00Z`)) * 1000n + BigInt(id) * 1_000_001n,
    id: `id-${String(id).padStart(4, '0')}`,
    subject: id % 5 === 0 ? null : `${'\u{10ffff}'.repeat(id % 3)}subject with a long name, number ${id}`,
    allowed: id % 2 === 0,
    port: id === 1 ? -(2 ** 31) : id,
    duration: id === 2 ? 2n ** 63n - 1n : BigInt(id) * 1_000_000_007n,
    score: id / 4 - 1,
    roles: id % 4 === 0 ? null : id % 4 === 1 ? [] : ['admin', null, 'röot'],
    metrics:
      id % 3 === 0
        ? null
        : id % 3 === 1
          ? []
          : [
              ['timer', BigInt(id)],
              ['none', null],
            ],
  });
  const rows = (from: number, to: number, ymd: string): Row[] =>
    Array.from({ length: to - from }, (_, index) => row(from + index, ymd));

  describe('a table of three days in four files', () => {
    const declaration = { ...events, name: 'written' };
    const all = [
      ...rows(0, 20, '2024-01-01'),
      ...rows(20, 40, '2024-01-02'),
      ...rows(40, 50, '2024-01-03'),
      ...rows(50, 60, '2024-01-03'),
    ];
    beforeAll(async () => {
      await append(declaration, all.slice(0, 20), all.slice(20, 40));
      await append(declaration, all.slice(40, 50));
      await append(declaration, all.slice(50));
    });

    test('Trino reads every value', async () => {
      const result = await sql(`
        SELECT ymd, to_unixtime(CAST(event_time AS timestamp(6) with time zone)), id, subject, allowed, port, CAST(duration AS varchar), score,
          CAST(roles AS json), CAST(metrics AS json) FROM iceberg."${database}".written ORDER BY id`);
      expect(result).toHaveLength(all.length);
      for (const [index, expected] of all.entries()) {
        const [ymd, time, id, subject, allowed, port, duration, score, roles, metrics] = result[index]!;
        expect({ ymd, id, subject, allowed, port, duration, score }).toEqual({
          ...Object.fromEntries(
            ['ymd', 'id', 'subject', 'allowed', 'port', 'score'].map((name) => [name, expected[name]]),
          ),
          duration: String(expected.duration),
        });
        expect(Math.round(Number(time) * 1e6)).toBe(Number(expected.event_time));
        expect(JSON.parse(String(roles))).toEqual(expected.roles);
        const pairs = expected.metrics as [string, bigint | null][] | null;
        expect(JSON.parse(String(metrics))).toEqual(
          pairs && Object.fromEntries(pairs.map(([key, value]) => [key, value && Number(value)])),
        );
      }
    });

    test('PyIceberg reads the same rows, and plans one day alone', async () => {
      const read = await python('written');
      expect(read.rows.map((item: { id: string }) => item.id)).toEqual(all.map((item) => item.id));
      for (const [index, item] of read.rows.entries()) {
        expect(item).toMatchObject(
          Object.fromEntries(
            ['ymd', 'subject', 'allowed', 'port', 'score', 'roles'].map((name) => [name, all[index]![name]]),
          ),
        );
        expect(Date.parse(`${item.event_time}Z`)).toBe(Math.floor(Number((all[index]!.event_time as bigint) / 1000n)));
      }
      expect(read.planned_by_day).toEqual({ '2024-01-01': 1, '2024-01-02': 1, '2024-01-03': 2 });
      expect(read.schema.slice(0, 2)).toEqual([
        [1, 'ymd', 'string', true, 'UTC day'],
        [2, 'event_time', 'timestamp', false, 'When it happened'],
      ]);
      expect(read.spec).toContain('1000: ymd: identity(1)');
      expect(read.order).toContain('2 ASC NULLS FIRST');
      expect(read.files.every((file: { sort_order: number }) => file.sort_order === 1)).toBe(true);
    });

    test('$files agrees with our own scan in paths, counts and bounds', async () => {
      const ours = (await live('written')).sort((a, b) => (a.path < b.path ? -1 : 1));
      const theirs = await sql(`
        SELECT file_path, record_count, file_size_in_bytes, partition.ymd, json_format(CAST(null_value_counts AS json)),
          json_format(CAST(lower_bounds AS json)), json_format(CAST(upper_bounds AS json)), sort_order_id
        FROM ${metadataTable('written', 'files')} ORDER BY file_path`);
      expect(theirs.map((file) => file.slice(0, 4))).toEqual(
        ours.map((file) => [file.path, file.recordCount, file.fileSize, file.ymd]),
      );
      for (const [index, file] of theirs.entries()) {
        const day = all.filter((item) => item.ymd === file[3]);
        expect(JSON.parse(String(file[4]))).toEqual(Object.fromEntries(ours[index]!.nullCounts));
        const [lower, upper] = [JSON.parse(String(file[5])), JSON.parse(String(file[6]))];
        expect(lower['1']).toBe(file[3]);
        expect(upper['1']).toBe(file[3]);
        expect(lower['2'] >= `${file[3]}T00:00:00`).toBe(true);
        expect(day.some((item) => item.id === lower['3'])).toBe(true);
        expect(file[7]).toBe(1);
      }
      const sizes = new Map(
        await Promise.all(ours.map(async (file) => [file.path, (await context.store.head(file.path))?.size] as const)),
      );
      for (const file of ours) expect(sizes.get(file.path)).toBe(file.fileSize);
    });

    test('$snapshots, $manifests, $partitions and $history agree with what was committed', async () => {
      const { metadata } = (await context.catalog.loadTable('written'))!;
      const snapshots =
        await sql(`SELECT CAST(snapshot_id AS varchar), CAST(parent_id AS varchar), operation, json_format(CAST(summary AS json))
        FROM ${metadataTable('written', 'snapshots')} ORDER BY committed_at, parent_id NULLS FIRST`);
      expect(snapshots).toHaveLength(3);
      for (const snapshot of metadata.snapshots) {
        const [, parent, operation, summary] = snapshots.find((item) => item[0] === String(snapshot['snapshot-id']))!;
        const { operation: _operation, ...rest } = snapshot.summary;
        expect(parent ?? undefined).toBe(snapshot['parent-snapshot-id']?.toString());
        expect(operation).toBe('append');
        expect(JSON.parse(String(summary))).toMatchObject(rest);
      }
      expect(currentSnapshot(metadata)!.summary).toMatchObject({
        'total-records': '60',
        'total-data-files': '4',
        'added-records': '10',
      });
      const manifests =
        await sql(`SELECT added_data_files_count, added_rows_count, existing_data_files_count, deleted_data_files_count,
        partition_summaries[1].lower_bound, partition_summaries[1].upper_bound FROM ${metadataTable('written', 'manifests')}`);
      expect([...manifests].sort()).toEqual([
        [1, 10, 0, 0, '2024-01-03', '2024-01-03'],
        [1, 10, 0, 0, '2024-01-03', '2024-01-03'],
        [2, 40, 0, 0, '2024-01-01', '2024-01-02'],
      ]);
      expect(
        await sql(`SELECT partition.ymd, record_count, file_count, data.port.min, data.duration.max, data.subject.null_count
        FROM ${metadataTable('written', 'partitions')} ORDER BY 1`),
      ).toEqual([
        ['2024-01-01', 20, 1, -(2 ** 31), expect.anything(), 4],
        ['2024-01-02', 20, 1, 20, 39 * 1_000_000_007, 4],
        ['2024-01-03', 20, 2, 40, 59 * 1_000_000_007, 4],
      ]);
      expect(await sql(`SELECT count(*) FROM ${metadataTable('written', 'history')}`)).toEqual([[3]]);
    });

    test('files are skipped by day, by time and by the bounds of other columns', async () => {
      const read = async (where: string) => {
        const { rows, stats } = await trino.query(
          `SELECT count(*), max(score) FROM iceberg."${database}".written WHERE ${where}`,
        );
        return { count: rows[0]![0], bytes: stats.physicalInputBytes };
      };
      const everything = await read('score > -100');
      expect(everything.count).toBe(60);
      for (const [where, count] of [
        ["ymd = '2024-01-01'", 20],
        ["event_time BETWEEN TIMESTAMP '2024-01-02 00:00:00' AND TIMESTAMP '2024-01-02 23:00:00'", 20],
        ["id = 'id-0045'", 1],
        ['port >= 55', 5],
        ['duration > 50000000000 AND duration < 1000000000000', 10],
      ] as const) {
        const found = await read(where);
        expect([where, found.count]).toEqual([where, count]);
        expect(found.bytes, where).toBeLessThan(everything.bytes * 0.6);
      }
      expect((await read("ymd = '2025-01-01'")).bytes).toBe(0);
    });

    test('an earlier snapshot can be read', async () => {
      const { metadata } = (await context.catalog.loadTable('written'))!;
      const first = metadata.snapshots[0]!['snapshot-id'];
      expect(await sql(`SELECT count(*) FROM iceberg."${database}".written FOR VERSION AS OF ${first}`)).toEqual([
        [40],
      ]);
    });

    test('the Hive catalog shows the table with its columns and descriptions, as Athena does', async () => {
      const columns = await sql(`SHOW COLUMNS FROM awsdatacatalog."${database}".written`);
      expect(columns.map((column) => [column[0], column[1], column[3]]).slice(0, 3)).toEqual([
        ['ymd', 'varchar', 'UTC day'],
        ['event_time', 'timestamp(6)', 'When it happened'],
        ['id', 'varchar', 'Which one'],
      ]);
    });
  });

  describe('after other engines have written', () => {
    test('INSERT, ADD COLUMN and OPTIMIZE by Trino: we read on, append on, and Trino reads that', async () => {
      const declaration = { ...events, name: 'shared' };
      const table = `iceberg."${database}".shared`;
      await append(declaration, rows(0, 10, '2024-01-01'), rows(10, 20, '2024-01-02'));
      await sql(`INSERT INTO ${table} (ymd, event_time, id, roles) VALUES
        ('2024-01-02', TIMESTAMP '2024-01-02 10:00:00.123456', 'trino-1', ARRAY['a', null]), ('2024-01-05', NULL, 'trino-2', NULL)`);
      let files = await live('shared');
      expect(files.map((file) => [file.ymd, file.recordCount]).sort()).toEqual([
        ['2024-01-01', 10],
        ['2024-01-02', 1],
        ['2024-01-02', 10],
        ['2024-01-05', 1],
      ]);
      expect(
        await collect(
          liveFiles(context.store, (await context.catalog.loadTable('shared'))!.metadata, {
            ymd: { from: '2024-01-03' },
          }),
        ),
      ).toHaveLength(1);

      await sql(`ALTER TABLE ${table} ADD COLUMN note varchar`);
      await append(withColumns(declaration, { name: 'tenant', type: 'string', description: 'Whose' }), [
        { ...row(20, '2024-01-02'), tenant: 't' },
      ]);
      await append(declaration, rows(21, 22, '2024-01-02'));
      expect(await sql(`SELECT count(*), count(tenant), count(note), count(DISTINCT id) FROM ${table}`)).toEqual([
        [24, 1, 0, 24],
      ]);

      await sql(`ALTER TABLE ${table} EXECUTE optimize`);
      files = await live('shared');
      expect(files.map((file) => [file.ymd, file.recordCount]).sort()).toEqual([
        ['2024-01-01', 10],
        ['2024-01-02', 13],
        ['2024-01-05', 1],
      ]);
      const { loaded } = await append(declaration, rows(30, 33, '2024-01-05'));
      expect(currentSnapshot(loaded.metadata)!.summary).toMatchObject({
        'total-records': '27',
        'total-data-files': '4',
      });
      expect(await sql(`SELECT ymd, count(*) FROM ${table} GROUP BY 1 ORDER BY 1`)).toEqual([
        ['2024-01-01', 10],
        ['2024-01-02', 13],
        ['2024-01-05', 4],
      ]);
      expect(await sql(`SELECT subject, tenant FROM ${table} WHERE id = 'id-0020'`)).toEqual([[null, 't']]);
    });

    test('files that Trino wrote can be replaced by ours, in manifests that Trino wrote', async () => {
      const declaration = { ...events, name: 'replaced' };
      const table = `iceberg."${database}".replaced`;
      await append(declaration, rows(0, 3, '2024-01-01'));
      await sql(`INSERT INTO ${table} (ymd, id) VALUES ('2024-01-02', 'a'), ('2024-01-03', 'b')`);
      const [old] = (await live('replaced')).filter((file) => file.ymd === '2024-01-02');
      const file = await write(declaration, [{ ...row(7, '2024-01-02') }]);
      await commitTable(context, 'replaced', () => ({
        operation: 'overwrite',
        add: [file],
        remove: [old!.path],
        summary: {},
      }));
      expect(await sql(`SELECT id FROM ${table} ORDER BY 1`)).toEqual([
        ['b'],
        ['id-0000'],
        ['id-0001'],
        ['id-0002'],
        ['id-0007'],
      ]);
      expect((await python('replaced')).rows).toHaveLength(5);
      expect(
        await sql(`SELECT sum(added_data_files_count), sum(existing_data_files_count), sum(deleted_data_files_count)
        FROM ${metadataTable('replaced', 'manifests')}`),
      ).toEqual([[2, 1, 1]]);
      // And the engines go on from there.
      await sql(`INSERT INTO ${table} (ymd, id) VALUES ('2024-01-03', 'c')`);
      expect(await sql(`SELECT count(*) FROM ${table}`)).toEqual([[6]]);
    });

    test('row-level deletes are applied, survive what we commit, and are gone once merged', async () => {
      const declaration = { ...events, name: 'erased' };
      const table = `iceberg."${database}".erased`;
      await append(declaration, rows(0, 10, '2024-01-01'));
      await append(declaration, rows(10, 20, '2024-01-02'));
      await sql(`DELETE FROM ${table} WHERE id = 'id-0003'`);
      const ids = async (): Promise<unknown[]> => {
        const loaded = (await context.catalog.loadTable('erased'))!;
        const read = await collect(scanRows(context.store, loaded, { columns: ['id'] }));
        return read.flat().map((one) => one.id);
      };
      expect(await ids()).toHaveLength(19);
      expect(await ids()).not.toContain('id-0003');
      const files = await live('erased');
      const [deletes, ...others] = files.flatMap((file) => file.deletes.map(({ kind }) => [kind, file.ymd]));
      expect(deletes).toEqual(['position', '2024-01-01']);
      expect(others).toEqual([]);
      // Appends go on; files are not replaced by others that still have the rows; files of other days are.
      await append(declaration, rows(20, 21, '2024-01-01'));
      const replace = (ymd: string) =>
        commitTable(context, 'erased', async () => ({
          operation: 'replace',
          add: [await write(declaration, ymd === '2024-01-01' ? rows(0, 9, ymd) : rows(10, 19, ymd))],
          remove: files.filter((file) => file.ymd === ymd).map((file) => file.path),
          summary: {},
        }));
      await expect(replace('2024-01-01')).rejects.toBeInstanceOf(NewRowDeletes);
      await replace('2024-01-02');
      expect(await sql(`SELECT count(*), count_if(id = 'id-0003') FROM ${table}`)).toEqual([[19, 0]]);
      expect(await ids()).toHaveLength(19);
      await sql(`ALTER TABLE ${table} EXECUTE optimize`);
      expect((await live('erased')).reduce((sum, file) => sum + file.recordCount, 0)).toBe(19);
      const { metadata } = (await context.catalog.loadTable('erased'))!;
      expect(await danglingDeletes(context.store, metadata)).toEqual([]);
    });

    test('appends by PyIceberg, its manifests and its metadata', async () => {
      const declaration = { ...events, name: 'pythonic' };
      await append(declaration, rows(0, 5, '2024-01-01'));
      await rig.python(
        'iceberg_append.py',
        [database, 'pythonic'],
        JSON.stringify([
          { ymd: '2024-01-04', id: 'p' },
          { ymd: '2024-01-01', id: 'q' },
        ]),
      );
      expect((await live('pythonic')).map((file) => [file.ymd, file.recordCount]).sort()).toEqual([
        ['2024-01-01', 1],
        ['2024-01-01', 5],
        ['2024-01-04', 1],
      ]);
      const file = (await live('pythonic')).find((item) => item.ymd === '2024-01-04')!;
      await commitTable(context, 'pythonic', () => ({
        operation: 'delete',
        add: [],
        remove: [file.path],
        summary: {},
      }));
      await append(declaration, rows(5, 6, '2024-01-01'));
      expect(await sql(`SELECT count(*), min(id), max(id) FROM iceberg."${database}".pythonic`)).toEqual([
        [7, 'id-0000', 'q'],
      ]);
      expect((await python('pythonic')).rows).toHaveLength(7);
    });
  });

  test('commits of Trino and of ours at the same time all hold', async () => {
    const declaration = { ...events, name: 'busy' };
    const table = `iceberg."${database}".busy`;
    await ensureTable(context, declaration);
    const inserts = async () => {
      for (let index = 0; index < 4; index++)
        await sql(`INSERT INTO ${table} (ymd, id) VALUES ('2024-01-01', 'trino-${index}')`);
    };
    const appends = async (worker: number) => {
      for (let index = 0; index < 4; index++)
        await append(declaration, [{ ...row(index, '2024-01-01'), id: `ours-${worker}-${index}` }]);
    };
    await Promise.all([inserts(), appends(0), appends(1)]);
    expect(await sql(`SELECT count(*), count(DISTINCT id) FROM ${table}`)).toEqual([[12, 12]]);
  });

  test('merged manifests: a table of many commits stays one of few manifests, for every reader', async () => {
    const declaration = { ...events, name: 'many' };
    await ensureTable(context, declaration);
    await commitTable(context, 'many', () => undefined);
    const { metadata } = (await context.catalog.loadTable('many'))!;
    await context.catalog.commitTable('many', (await context.catalog.loadTable('many'))!, {
      ...metadata,
      properties: { ...metadata.properties, 'commit.manifest.min-count-to-merge': '5' },
    });
    for (let index = 0; index < 12; index++)
      await append(declaration, rows(index, index + 1, `2024-01-${String(12 - index).padStart(2, '0')}`));
    const manifests = await sql(
      `SELECT added_data_files_count, existing_data_files_count FROM ${metadataTable('many', 'manifests')}`,
    );
    expect(manifests.length).toBeLessThan(6);
    expect(await sql(`SELECT count(*) FROM iceberg."${database}".many`)).toEqual([[12]]);
    expect(
      await sql(`SELECT count(*) FROM iceberg."${database}".many WHERE ymd BETWEEN '2024-01-03' AND '2024-01-05'`),
    ).toEqual([[3]]);
    expect((await python('many')).rows).toHaveLength(12);
    expect((await live('many')).map((file) => file.sequenceNumber).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
  });
});
