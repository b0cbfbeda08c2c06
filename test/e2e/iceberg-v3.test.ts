/**
 * A table that another engine has raised to format version 3, and from which it has deleted with deletion vectors, is read
 * as that engine reads it, and never written.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { open } from '../../src/index.ts';
import { temporaryFolder } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { decision } from '../support/warehouse.ts';

describeWith(['spark35new'], 'Spark with an Iceberg of format version 3', () => {
  test('deletes and changes rows by deletion vectors, and everything reads what it reads', async () => {
    const { folder, remove } = temporaryFolder();
    mkdirSync(join(folder, 'logs'));
    for (const n of [0, 1]) {
      const lines = [0, 1, 2, 3, 4].map((i) => decision({ id: `${n}-${i}`, subject: `user-${i}` }));
      writeFileSync(join(folder, 'logs', `${n}.jsonl`), lines.join('\n'));
    }
    const warehouse = await open({
      warehouse: join(folder, 'warehouse'),
      sources: [{ name: 'logs', type: 'opa', location: join(folder, 'logs') }],
    });
    expect((await warehouse.backfill()).failures).toEqual([]);
    const spark = await rig.icebergSpark({ type: 'hadoop', warehouse: folder }, 'spark35new');
    try {
      const table = 'lake.warehouse.opa_decisions';
      const properties = [
        'format-version',
        '3',
        'write.delete.mode',
        'merge-on-read',
        'write.update.mode',
        'merge-on-read',
      ];
      const pairs = [0, 2, 4].map((at) => `'${properties[at]}' = '${properties[at + 1]}'`);
      await spark.ask({ sql: `ALTER TABLE ${table} SET TBLPROPERTIES (${pairs.join(', ')})` });
      await spark.ask({ sql: `DELETE FROM ${table} WHERE decision_id IN ('0-1', '1-3')` });
      await spark.ask({ sql: `UPDATE ${table} SET subject = 'changed' WHERE decision_id = '0-2'` });
      const { rows: formats } = await spark.ask({ sql: `SELECT DISTINCT file_format FROM ${table}.delete_files` });
      expect(formats).toEqual([['PUFFIN']]);

      const sql = 'SELECT decision_id, subject FROM';
      const { rows } = await spark.ask({ sql: `${sql} ${table} ORDER BY 1` });
      expect(rows).toHaveLength(8);
      const read: unknown[][] = [];
      for await (const row of warehouse.query({ sql: `${sql} opa_decisions ORDER BY 1` }))
        read.push(Object.values(row));
      expect(read).toEqual(rows);
      expect((await warehouse.tables()).find(({ name }) => name === 'opa_decisions')).toMatchObject({ rows: 8 });
      const kinds = (await warehouse.verify({ deep: true })).differences.map(({ kind }) => kind);
      expect(new Set(kinds)).toEqual(new Set(['rows-missing', 'content-differs']));

      writeFileSync(join(folder, 'logs', '2.jsonl'), decision({ id: '2-0' }));
      expect((await warehouse.backfill()).failures).toMatchObject([{ message: expect.stringContaining('version 3') }]);
      expect((await spark.ask({ sql: `SELECT count(*) FROM ${table}` })).rows).toEqual([['8']]);
    } finally {
      await spark.close();
      await warehouse.close();
      remove();
    }
  });
});
