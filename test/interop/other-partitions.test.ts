/** Another engine has taken the partition by day off the table of decisions. */
import { expect, test } from 'vitest';
import { describeWith } from '../support/rig.ts';
import { agree } from './matrix.ts';
import { World } from './world.ts';

describeWith(['s3', 'glue', 'trino', 'readers'], 'a table that is partitioned otherwise', () => {
  const begin = async (partitions: string): Promise<World> => {
    const world = await World.make();
    await world.warehouse.backfill();
    await world.do('trino', `ALTER TABLE {table} SET PROPERTIES partitioning = ARRAY[${partitions}]`);
    await world.do('trino', 'INSERT INTO {table} SELECT * FROM {table}');
    return world;
  };

  test('into files of one day each: rows are read again, erased and compacted as before', async () => {
    const world = await begin("'day(event_time)'");
    try {
      expect(await world.warehouse.backfill({ again: true })).toMatchObject({ failures: [] });
      await agree(world);
      expect((await world.warehouse.erase('user-1')).tables.opa_decisions?.rows).toBeGreaterThan(0);
      world.erase('user-1');
      await agree(world);
      await world.warehouse.compact();
      await agree(world);
      expect((await world.warehouse.verify({ deep: true })).differences).toEqual([]);
    } finally {
      await world.close();
    }
  });

  test('into files of several days: nothing is read again, and what is new comes in all the same', async () => {
    const world = await begin('');
    try {
      const { failures, objects } = await world.warehouse.backfill({ again: true });
      expect(failures).toMatchObject([{ code: 'table-unusable', message: expect.stringContaining('several days') }]);
      expect(objects.committed).toBe(1);
      await expect(world.warehouse.erase('user-1')).rejects.toThrow('is not told by its partition');
      await world.arrive();
      expect(await world.warehouse.backfill()).toMatchObject({ failures: [], objects: { committed: 1 } });
      const kinds = (await world.warehouse.verify()).differences.map(({ kind }) => kind);
      expect(new Set(kinds)).toEqual(new Set(['rows-unexpected']));
    } finally {
      await world.close();
    }
  });

  test('the ledger, into files of several days: rows are read again as before, and each object stays in it once', async () => {
    const world = await World.make();
    try {
      await world.warehouse.backfill();
      const { database } = (world.config as { catalog: { database: string } }).catalog;
      const ledger = `iceberg."${database}".ingested_objects`;
      await world.sql('trino', `UPDATE ${ledger} SET ymd = '2020-01-01' WHERE uri LIKE '%batch_id=0%'`);
      await world.sql('trino', `ALTER TABLE ${ledger} SET PROPERTIES partitioning = ARRAY[]`);
      await world.sql('trino', `ALTER TABLE ${ledger} EXECUTE optimize`);
      const listed = () => world.sql('trino', `SELECT uri, state FROM ${ledger} ORDER BY 1`);
      const before = await listed();
      expect(await world.warehouse.backfill({ again: true, sources: ['opa'] })).toMatchObject({ failures: [] });
      expect(await listed()).toEqual(before);
      expect(await world.warehouse.backfill({ again: true })).toMatchObject({ failures: [] });
      expect(await listed()).toEqual(before);
      await agree(world);
      expect((await world.warehouse.erase('user-1')).tables.opa_decisions?.rows).toBeGreaterThan(0);
      world.erase('user-1');
      await agree(world);
      expect((await world.warehouse.verify({ deep: true })).differences).toEqual([]);
    } finally {
      await world.close();
    }
  });
});
