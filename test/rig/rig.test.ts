import { expect, test } from 'vitest';
import { describeWith, rig } from '../support/rig.ts';

describeWith(['s3', 'glue', 'readers'], 'rig', () => {
  test('moto and the readers answer', async () => {
    const [a, b] = await Promise.all([rig.s3(), rig.s3()]);
    expect(a.endpoint).toBe(b.endpoint);
    expect(a.bucket).not.toBe(b.bucket);
    expect((await rig.glue()).database).toMatch(/^aw_/);
    expect(await rig.python('versions.py')).toMatch(/pyiceberg 0\.11/);
  });
});

describeWith(['trino', 'readers'], 'rig with Trino', () => {
  test('answers', async () => {
    const trino = await rig.trino();
    expect((await trino.query("SELECT 1 AS a, 'x' AS b")).rows).toEqual([[1, 'x']]);
    await expect(trino.query('SELECT nothing')).rejects.toThrow('COLUMN_NOT_FOUND');
  });

  test('answers as Athena too, with the bytes scanned', async () => {
    await rig.trino();
    const [{ bucket }, { database }] = [await rig.s3(), await rig.glue()];
    const { rows, scanned, failure } = JSON.parse(await rig.python('athena.py', [bucket, database]));
    expect(rows).toEqual([['b'], [null]]);
    expect(scanned).toBeGreaterThan(0);
    expect(failure).toMatch(/COLUMN_NOT_FOUND/);
  });
});
