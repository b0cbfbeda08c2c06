/**
 * Spark 3.5 with Iceberg 1.7.1, whose vectorized reader fails on delta encodings: told by the tables to read row by row, it
 * has every value of every column of every table, as PyIceberg has.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure } from '../support/binary.ts';
import type { Conversation } from '../support/conversation.ts';
import { describeWith, rig } from '../support/rig.ts';
import { makeWorld } from './support/engines-world.ts';

const identities = {
  'users.jsonl': '{"id":1,"user_name":"janedoe"}\n{"id":2,"user_name":"johndoe"}\n',
  'groups/0.csv': 'group_id,group_name\n10,analysts\n11,stewards\n',
  'user_group_mappings.json': '[{"user_name_id":1,"group_name_id":10,"last_observed":"2020-11-01T10:00:00Z"}]',
};

/** Rows in an order of their own, and the entries of maps, whose order Spark does not keep. */
const inOrder = (rows: readonly (readonly unknown[])[]): string[] =>
  rows
    .map((row) =>
      JSON.stringify(row.map((value) => (isMap(value) ? value.map((entry) => JSON.stringify(entry)).sort() : value))),
    )
    .sort();
const isMap = (value: unknown): value is unknown[][] => Array.isArray(value) && value.every(Array.isArray);

describeWith(['s3', 'glue', 'readers', 'spark35'], 'an old Spark', () => {
  let folder: string;
  let database: string;
  let spark: Conversation;
  let pyiceberg: Conversation;
  let tables: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-spark-'));
    const [s3, glue] = [await rig.s3(), await rig.glue()];
    ({ database } = glue);
    const starting = rig.icebergSpark();
    const world = await makeWorld(s3, glue);
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    for (const [key, body] of Object.entries(identities))
      await store.put(`s3://${s3.bucket}/identities/${key}`, Buffer.from(body));
    const config = world.config as { sources: object[] };
    const sources = [
      ...config.sources,
      { name: 'identities', type: 'okera-identities', location: `s3://${s3.bucket}/identities/` },
    ];
    const { code, report } = await backfill(configure(folder, { ...config, sources }, s3.env));
    expect({ code, failures: report.failures }).toEqual({ code: 0, failures: [] });
    spark = await starting;
    pyiceberg = await rig.pyIceberg(database);
    tables = (await spark.ask({ sql: `SHOW TABLES IN lake.${database}` })).rows.map(([, name]) => String(name));
  });
  afterAll(async () => {
    await Promise.all([spark?.close(), pyiceberg?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('sees every table', () => {
    const own = ['opa_decisions', 'okera_audit_logs', 'quarantine', 'ingested_objects', 'sequences'];
    expect(tables).toEqual(
      expect.arrayContaining([...own, ...Object.keys(identities).map((key) => key.split(/[./]/)[0])]),
    );
  });

  test('reads every column of every table, with the values that PyIceberg reads', async () => {
    for (const table of tables) {
      const { columns, rows } = await pyiceberg.ask({ table });
      const described = await spark.ask({ sql: `DESCRIBE lake.${database}.${table}` });
      const isNested = new Map(described.rows.map(([name, type]) => [name, /^(map|array)</.test(String(type))]));
      // Beside maps and lists, Iceberg reads row by row whatever it was told.
      for (const nested of [false, true]) {
        const at = columns!.flatMap((name, i) => (isNested.get(name) === nested ? [i] : []));
        const names = at.map((i) => `\`${columns![i]}\``);
        if (names.length === 0) continue;
        const read = await spark.ask({ sql: `SELECT ${names.join(', ')} FROM lake.${database}.${table}` });
        expect([table, inOrder(read.rows)]).toEqual([table, inOrder(rows.map((row) => at.map((i) => row[i])))]);
      }
    }
  });

  test('fails without that, on the encodings that it does not know', async () => {
    await spark.ask({ sql: 'SET spark.sql.iceberg.vectorization.enabled=true' });
    try {
      const reading = spark.ask({ sql: `SELECT source_offset FROM lake.${database}.opa_decisions` });
      await expect(reading).rejects.toThrow(/Cannot support vectorized reads .* encoding DELTA_/);
    } finally {
      await spark.ask({ sql: 'RESET spark.sql.iceberg.vectorization.enabled' });
    }
  });
});
