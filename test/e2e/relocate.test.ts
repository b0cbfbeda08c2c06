/** A warehouse of S3 and Glue that was copied to another prefix and database, with rows deleted by Trino, is whole there for every engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readWhole } from '../../src/store/read.ts';
import { S3Store } from '../../src/store/s3.ts';
import { configure, type Place, start } from '../support/binary.ts';
import { collect } from '../support/collect.ts';
import { describeWith, rig } from '../support/rig.ts';
import { decisionLogs } from './support/logs.ts';

describeWith(['s3', 'glue', 'trino', 'readers'], 'relocate', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-relocate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('makes a copy in another database whole, for us, Trino and PyIceberg', async () => {
    const [s3, first, second] = [await rig.s3(), await rig.glue(), await rig.glue()];
    const trino = await rig.trino();
    const { bucket, endpoint, region } = s3;
    const store = new S3Store({ endpoint, region, forcePathStyle: true });
    for (const { key, body } of decisionLogs(8, 20)) await store.put(`s3://${bucket}/logs/${key}`, body);
    const site = (name: string, database: string, warehouse = name): Place =>
      configure(
        join(folder, name),
        {
          warehouse: `s3://${bucket}/${warehouse}`,
          catalog: { type: 'glue', database, endpoint: first.endpoint, region },
          s3: { endpoint, region, forcePathStyle: true },
          sources: [{ name: 'eopa', type: 'opa', location: `s3://${bucket}/logs/` }],
          batch: { objects: 2 },
        },
        s3.env,
      );
    const run = async (place: Place, code: number, ...args: string[]): Promise<string> => {
      const ended = await start(args, place).done;
      expect([args, ended.code, ended.code === code ? '' : ended.stdout + ended.stderr]).toEqual([args, code, '']);
      return ended.stdout + ended.stderr;
    };
    const count = async (database: string): Promise<unknown> =>
      (await trino.query(`SELECT count(*) FROM iceberg."${database}".opa_decisions`)).rows[0]![0];
    const original = site('original', first.database);
    await run(original, 0, 'backfill');
    await trino.query(`DELETE FROM iceberg."${first.database}".opa_decisions WHERE subject = 'user-3'`);
    await run(original, 0, 'verify', '--accept', '--reason', 'a test');
    const rows = await count(first.database);

    const copy = site('copy', second.database);
    const from = `s3://${bucket}/original`;
    for (const info of await collect(store.list(`${from}/`)))
      await store.put(
        `s3://${bucket}/copy${info.uri.slice(from.length)}`,
        await readWhole(store, info, { sleep: async () => {} }),
      );
    // The same database would be taken away from the original.
    const taking = site('taking', first.database, 'copy');
    expect(await run(taking, 2, 'relocate')).toContain('give the copy a database of its own');

    expect(await run(copy, 0, 'relocate', '--dry-run')).toContain(`would relocate from ${from}`);
    expect(await run(copy, 0, 'relocate')).toContain(`relocated from ${from}`);
    for (const { uri } of await collect(store.list(`${from}/`))) await store.delete(uri);
    expect(await count(second.database)).toBe(rows);
    const python = JSON.parse(await rig.python('iceberg_read.py', [second.database, 'opa_decisions']));
    expect(python.rows).toHaveLength(Number(rows));
    await run(copy, 0, 'verify', '--deep');
    const [extra] = decisionLogs(9, 5).slice(-1);
    await store.put(`s3://${bucket}/logs/${extra!.key}`, extra!.body);
    await run(copy, 0, 'backfill');
    await run(copy, 0, 'compact');
    await trino.query(`DELETE FROM iceberg."${second.database}".opa_decisions WHERE subject = 'user-4'`);
    await run(copy, 0, 'verify', '--accept', '--reason', 'a test');
    await run(copy, 0, 'verify', '--deep');
    store.close();
  });
});
