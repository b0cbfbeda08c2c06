/**
 * Columns that PyIceberg and Trino have added to a table, of every type that they write: after compaction and erasure both
 * read the same values as before.
 */
import { expect, test } from 'vitest';
import { GlueCatalog } from '../../src/catalog/glue/catalog.ts';
import { compact } from '../../src/jobs/compact/compact.ts';
import { erase } from '../../src/jobs/erase/erase.ts';
import { verify } from '../../src/jobs/verify/verify.ts';
import { S3Store } from '../../src/store/s3.ts';
import { describeWith, rig } from '../support/rig.ts';
import { decision, run, testRuntime } from '../support/warehouse.ts';

const day = '2023-07-11';

describeWith(['s3', 'glue', 'trino', 'readers'], 'columns of other engines', () => {
  test('are carried through compaction and erasure, value for value and null for null', async () => {
    const [{ endpoint, region, bucket }, glue, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
    const { database } = glue;
    const store = new S3Store({ endpoint, region, forcePathStyle: true });
    const input = `s3://${bucket}/logs`;
    const catalog = new GlueCatalog({
      client: { endpoint: glue.endpoint, region },
      database,
      warehouse: `s3://${bucket}/warehouse`,
      store,
    });
    const base = testRuntime({
      store,
      sources: [{ name: 'eopa', type: 'opa', location: input, columns: {} }],
      compact: { smallFiles: 2 },
    });
    const runtime = { ...base, catalog, config: { ...base.config, warehouse: `s3://${bucket}/warehouse` } };
    const lines = [0, 1, 2].map((i) =>
      decision({ id: `ours-${i}`, time: `${day}T10:00:0${i}Z`, subject: `user-${i}` }),
    );
    await store.put(`${input}/eopa=a/first_ts=null/last_ts=null/batch_id=1.jsonl`, Buffer.from(lines.join('\n')));
    await run(runtime);

    const theirs = [0, 1, 2, 3, 4, 5, 6].map((n) => ({
      ymd: day,
      decision_id: `theirs-${n}`,
      subject: `user-${n % 3}`,
      source_uri: 'theirs',
    }));
    const table = `iceberg."${database}".opa_decisions`;
    await rig.python('iceberg_foreign.py', [database, 'opa_decisions'], JSON.stringify(theirs));
    await trino.query(
      `ALTER TABLE ${table} ADD COLUMN trino_row row(a decimal(12, 1), b array(row(c uuid, d time(6))))`,
    );
    await trino.query(`ALTER TABLE ${table} ADD COLUMN trino_real real`);
    await trino.query(
      `INSERT INTO ${table} (ymd, event_time, timestamp, decision_id, subject, source_uri, source_offset, trino_row, trino_real, their_decimal) VALUES
        ('${day}', TIMESTAMP '2023-07-11 00:00:00', 'then', 'trino-0', 'user-1', 'theirs', 100, ROW(1.5, ARRAY[
            ROW(UUID '00010203-0405-0607-0809-0a0b0c0d0e0f', TIME '01:02:03.000004'), NULL]), 2.5, 9999999.99),
        ('${day}', TIMESTAMP '2023-07-11 00:00:00', 'then', 'trino-1', 'user-2', 'theirs', 101, ROW(NULL, ARRAY[]), NULL, -0.01),
        ('${day}', TIMESTAMP '2023-07-11 00:00:00', 'then', 'trino-2', 'user-2', 'theirs', 102, NULL, REAL 'NaN', NULL)`,
    );
    // Types that became wider after values were written.
    await trino.query(`ALTER TABLE ${table} ALTER COLUMN their_int SET DATA TYPE bigint`);
    await trino.query(`ALTER TABLE ${table} ALTER COLUMN trino_real SET DATA TYPE double`);
    await trino.query(`ALTER TABLE ${table} ALTER COLUMN their_decimal SET DATA TYPE decimal(25, 2)`);

    const pyiceberg = await rig.pyIceberg(database);
    const { columns: all } = await trino.query(`SELECT * FROM ${table} WHERE false`);
    const names = all.map(({ name }) => name).filter((name) => name.startsWith('their_'));
    // PyIceberg gives maps that are null as empty ones, where a file has the column at all.
    const mapAt = names.indexOf('their_map') + 1;
    const byPyIceberg = async (): Promise<Record<string, unknown>> => {
      const { rows } = await pyiceberg.ask({ table: 'opa_decisions', columns: ['decision_id', ...names] });
      const told = rows.map((row) => row.with(mapAt, (row[mapAt] as unknown[] | null)?.length ? row[mapAt] : null));
      return Object.fromEntries(told.map(([id, ...values]) => [String(id), values]));
    };
    const byTrino = async (where = ''): Promise<readonly unknown[]> => {
      const { columns } = await trino.query(`SELECT * FROM ${table} WHERE false`);
      const own = columns.filter(({ name }) => /^their|^trino/.test(name)).map(({ name }) => name);
      return (await trino.query(`SELECT decision_id, ${own.join(', ')} FROM ${table} ${where} ORDER BY 1`)).rows;
    };
    const [python, rows] = [await byPyIceberg(), await byTrino()];
    expect(rows).toHaveLength(13);

    expect(await compact(runtime, { tables: ['opa_decisions'] })).toMatchObject({
      refused: [],
      days: [{ newFiles: 1 }],
    });
    expect(await byPyIceberg()).toEqual(python);
    expect(await byTrino()).toEqual(rows);
    // Bounds of the new file leave nothing out.
    for (const condition of ["their_date = DATE '1970-01-01'", 'their_int = 2', 'their_decimal = -0.01'])
      expect((await byTrino(`WHERE ${condition}`)).length, condition).toBeGreaterThan(0);

    expect((await erase(runtime, 'user-1')).tables).toMatchObject({ opa_decisions: { rows: 4 } });
    const left = rows.filter((row) => !['ours-1', 'theirs-1', 'theirs-4', 'trino-0'].includes((row as string[])[0]!));
    expect(await byTrino()).toEqual(left);
    expect(Object.keys(await byPyIceberg())).toHaveLength(9);
    const kinds = (await verify(runtime, { deep: true })).differences.map(({ kind, uri }) => `${kind} ${uri}`);
    expect(kinds.filter((one) => !one.endsWith(' theirs'))).toEqual([]);
    await pyiceberg.close();
  });
});
