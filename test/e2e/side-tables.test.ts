/** Side tables through the binary, on S3 and Glue: what Trino, PyIceberg, pyarrow and DuckDB read, and what a second load leaves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';

describeWith(['s3', 'glue', 'trino', 'readers'], 'side tables on S3 and Glue', () => {
  let place: Place;
  let database: string;
  let trino: TrinoClient;
  let put: (key: string, body: string) => Promise<unknown>;
  let remove: (key: string) => Promise<void>;

  beforeAll(async () => {
    const s3 = await rig.s3();
    const glue = await rig.glue();
    trino = await rig.trino();
    database = glue.database;
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    put = (key, body) => store.put(`s3://${s3.bucket}/${key}`, Buffer.from(body));
    remove = (key) => store.delete(`s3://${s3.bucket}/${key}`);
    place = configure(
      mkdtempSync(join(tmpdir(), 'aw-side-')),
      {
        warehouse: `s3://${s3.bucket}/warehouse`,
        catalog: { type: 'glue', database, endpoint: glue.endpoint, region: glue.region },
        s3: { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
        sources: [
          { name: 'identities', type: 'okera-identities', location: `s3://${s3.bucket}/identities/` },
          {
            name: 'countries',
            type: 'reference',
            location: `s3://${s3.bucket}/reference/user_countries.csv`,
            table: 'user_countries',
            columns: { subject: { type: 'string', required: true }, country: { type: 'string' } },
          },
        ],
      },
      s3.env,
    );
    await put('reference/user_countries.csv', 'subject,country\ndr_evil,US\ndr_evil,CA\nalice,NL\n,XX\n');
    await put('reference/user_countries.csv.bak', 'subject,country\nnobody,XX\n');
    await put('identities/users.jsonl', '{"id":1,"user_name":"janedoe"}\n{"id":2,"user_name":"johndoe"}\n');
    await put('identities/groups/0.csv', 'group_id,group_name\n10,analysts\n11,stewards\n');
    await put(
      'identities/user_group_mappings.json',
      '[{"user_name_id":1,"group_name_id":10,"last_observed":"2020-11-01T10:00:00Z"},' +
        '{"user_name_id":1,"group_name_id":11,"last_observed":1604225100000},' +
        '{"user_name_id":2,"group_name_id":10,"last_observed":"2020-10-30 10:05:01.437238000"}]',
    );
  });
  afterAll(() => rmSync(place.cwd, { recursive: true, force: true }));

  const query = async (sql: string): Promise<unknown[][]> => {
    const { code, stdout, stderr } = await start(['query', '--sql', sql, '--format', 'json'], place).done;
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout).rows;
  };
  const everywhere = async (sql: string): Promise<readonly (readonly unknown[])[]> => {
    const { rows } = await trino.query(sql, database);
    expect(await query(sql), 'DuckDB and Trino').toEqual(rows);
    return rows;
  };
  const inPython = async (table: string, columns: readonly string[]) => {
    const wanted = { [table]: Object.fromEntries(columns.map((column) => [column, 'varchar'])) };
    const read = JSON.parse(await rig.python('warehouse_read.py', [database], JSON.stringify(wanted)))[table];
    return {
      pyiceberg: (read.rows.pyiceberg as unknown[][]).sort(),
      pyarrow: (read.rows.pyarrow as unknown[][]).map(([, ...row]) => row).sort(),
      duckdb: (read.rows.duckdb as unknown[][]).sort(),
    };
  };
  const countries = 'SELECT subject, country FROM user_countries ORDER BY subject, country';

  test('are read alike by all of them', async () => {
    const { code, report } = await backfill(place);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      objects: { listed: 4, skipped: 0, committed: 4, failed: 0, archived: 0 },
      records: { read: 11, rows: 10, quarantined: 1, skipped: 0, duplicates: 0 },
      tables: { users: { rows: 2, files: 1, days: 1 }, user_countries: { rows: 3, files: 1, days: 1 } },
      quarantine: { missing_field: 1 },
    });
    const rows = [
      ['alice', 'NL'],
      ['dr_evil', 'CA'],
      ['dr_evil', 'US'],
    ];
    expect(await everywhere(countries)).toEqual(rows);
    expect(await inPython('user_countries', ['subject', 'country'])).toEqual({
      pyiceberg: rows,
      pyarrow: rows,
      duckdb: rows,
    });
    expect(await everywhere('SELECT count(*) FROM role_names')).toEqual([[0]]);
  });

  test("answer the tutorial's question for all groups of all users, and compare with times of the audit views", async () => {
    expect(
      await everywhere(`SELECT u.user_name, g.group_name, ug.last_observed
FROM users u
JOIN user_group_mappings ug ON ug.user_name_id = u.id
JOIN groups g on ug.group_name_id = g.group_id
ORDER BY u.user_name, ug.last_observed`),
    ).toEqual([
      ['janedoe', 'analysts', '2020-11-01 10:00:00.000000'],
      ['janedoe', 'stewards', '2020-11-01 10:05:00.000000'],
      ['johndoe', 'analysts', '2020-10-30 10:05:01.437238'],
    ]);
    expect(
      await everywhere(
        "SELECT max(ugm.last_observed) FROM user_group_mappings ugm WHERE ugm.last_observed <= '2020-11-01 10:01:00.000'",
      ),
    ).toEqual([['2020-11-01 10:00:00.000000']]);
  });

  test('a run over the same objects does nothing', async () => {
    const { code, report } = await backfill(place);
    expect(code).toBe(0);
    expect(report.objects).toEqual({ listed: 4, skipped: 4, committed: 0, failed: 0, archived: 0 });
  });

  test('a load takes the place of all rows, those that Trino has added or deleted among them', async () => {
    await trino.query(`INSERT INTO iceberg.${database}.user_countries (subject, country, ymd, source_uri, source_offset)
      VALUES ('mallory', 'XX', '2020-01-01', 'none', 0)`);
    await trino.query(`DELETE FROM iceberg.${database}.user_countries WHERE country = 'CA'`);
    await put('reference/user_countries.csv', 'subject,country\nalice,NL\nbob,BE\n,XX\n');
    const { report } = await backfill(place);
    expect(report).toMatchObject({
      objects: { listed: 4, skipped: 3, committed: 1 },
      records: { read: 3, rows: 2, quarantined: 0, duplicates: 1 },
    });
    const rows = [
      ['alice', 'NL'],
      ['bob', 'BE'],
    ];
    expect(await everywhere(countries)).toEqual(rows);
    expect(await inPython('user_countries', ['subject', 'country'])).toEqual({
      pyiceberg: rows,
      pyarrow: rows,
      duckdb: rows,
    });
    const { rows: snapshots } = await trino.query(
      `SELECT operation, summary['total-records'], summary['total-delete-files'], summary['total-data-files']
       FROM iceberg.${database}."user_countries$snapshots" ORDER BY committed_at DESC LIMIT 1`,
    );
    expect(snapshots).toEqual([['overwrite', '2', '0', '1']]);
    const { rows: files } = await trino.query(
      `SELECT content, record_count FROM iceberg.${database}."user_countries$files"`,
    );
    expect(files).toEqual([[0, 2]]);
  });

  test('rows that Trino has added go with the next run, though the export is the same', async () => {
    await trino.query(`INSERT INTO iceberg.${database}.user_countries (subject, country, ymd, source_uri, source_offset)
      VALUES ('mallory', 'XX', '2020-01-01', 'none', 0)`);
    const { report } = await backfill(place, '--set', 'output.file_rows=1');
    expect(report).toMatchObject({ objects: { committed: 1 }, tables: { user_countries: { rows: 2, files: 2 } } });
    expect(await everywhere('SELECT count(*) FROM user_countries')).toEqual([[2]]);
  });

  test('a table that Trino has optimised is not loaded again', async () => {
    await trino.query(`ALTER TABLE iceberg.${database}.user_countries EXECUTE optimize(file_size_threshold => '1GB')`);
    const { rows } = await trino.query(
      `SELECT operation FROM iceberg.${database}."user_countries$snapshots" ORDER BY committed_at DESC LIMIT 1`,
    );
    expect(rows).toEqual([['replace']]);
    expect((await backfill(place)).report.objects.committed).toBe(0);
  });

  test('an export without rows empties its table, for all of them', async () => {
    await put('reference/user_countries.csv', 'subject,country\n');
    expect((await backfill(place)).report.objects.committed).toBe(1);
    expect(await everywhere(countries)).toEqual([]);
    const read = JSON.parse(await rig.python('iceberg_read.py', [database, 'user_countries']));
    expect(read).toMatchObject({ rows: [], files: [] });
  });

  test('an export that is gone leaves its table, and the run says so', async () => {
    await remove('identities/users.jsonl');
    const run = await backfill(place);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/"event":"side-table-without-objects".*"tables":\["users"\]/);
    expect(await everywhere('SELECT count(*) FROM users')).toEqual([[2]]);
  });

  test('are listed with the day of their export', async () => {
    const { stdout } = await start(['tables', '--json'], place).done;
    const users = JSON.parse(stdout).tables.find(({ name }: { name: string }) => name === 'users');
    expect(users).toMatchObject({ rows: 2, files: 1, days: 1 });
    expect(users.firstDay).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(users.lastDay).toBe(users.firstDay);
  });
});
