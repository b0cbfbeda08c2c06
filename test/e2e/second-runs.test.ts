/**
 * What changes between two runs of the binary: the configuration's columns, the objects themselves, and the sizes of
 * batches, buffers and files.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure, type Place } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import { rowOf, tables, trinoSelect } from './support/columns.ts';
import { decisionLogs } from './support/logs.ts';
import { contents, localSite } from './support/sites.ts';

describeWith(['s3', 'glue', 'trino', 'readers'], 'columns promoted, and given up, between two runs', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-evolve-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('old rows are null in them, new rows hold them, for Trino and PyIceberg, and old objects are not read again', async () => {
    const [s3, { database, ...glue }] = [await rig.s3(), await rig.glue()];
    const trino = await rig.trino();
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    const put = (name: string, input: unknown) =>
      store.put(
        `s3://${s3.bucket}/logs/${name}.jsonl`,
        Buffer.from(JSON.stringify({ decision_id: name, input, labels: {}, timestamp: '2023-07-11T16:56:00Z' })),
      );
    const run = async (columns: object) => {
      const place = configure(
        folder,
        {
          warehouse: `s3://${s3.bucket}/warehouse`,
          catalog: { type: 'glue', database, endpoint: glue.endpoint, region: glue.region },
          s3: { endpoint: s3.endpoint, region: s3.region, forcePathStyle: true },
          sources: [{ name: 'eopa', type: 'opa', location: `s3://${s3.bucket}/logs/`, columns }],
        },
        s3.env,
      );
      const { code, report } = await backfill(place);
      expect({ code, committed: report.objects.committed }).toEqual({ code: 0, committed: 1 });
    };
    const input = {
      tenant: { id: 'acme' },
      cost: 12.5,
      seen: '2023-07-11T00:00:00.5Z',
      level: -3,
      account: 9007199254740991,
      admin: true,
    };
    await put('d1', input);
    await run({});
    await put('d2', input);
    await run({ tenant: { path: 'input.tenant.id', type: 'string' }, cost: { path: 'input.cost', type: 'double' } });
    await put('d3', input);
    await run({
      tenant: { path: 'input.tenant.id', type: 'string' },
      seen: { path: 'input.seen', type: 'timestamp' },
      level: { path: 'input.level', type: 'int' },
      account: { path: 'input.account', type: 'long' },
      admin: { path: 'input.admin', type: 'boolean' },
    });
    await put('d4', input);
    await run({});

    const types = { decision_id: 'varchar', tenant: 'varchar', cost: 'double', seen: 'timestamp(6)', level: 'integer', account: 'bigint', admin: 'boolean' }; // biome-ignore format: a row
    const nothing = { tenant: null, cost: null, seen: null, level: null, account: null, admin: null };
    const expected = [
      { ...nothing, decision_id: 'd1' },
      { ...nothing, decision_id: 'd2', tenant: 'acme', cost: 12.5 },
      { decision_id: 'd3', tenant: 'acme', cost: null, seen: '2023-07-11 00:00:00.500000', level: -3, account: '9007199254740991', admin: true },
      { ...nothing, decision_id: 'd4' },
    ]; // biome-ignore format: a table
    const named = (rows: readonly (readonly unknown[])[]) =>
      rows.map((row) => rowOf(types, Object.fromEntries(Object.keys(types).map((name, i) => [name, row[i]]))));
    const byTrino = await trino.query(
      `SELECT ${trinoSelect(types)} FROM iceberg."${database}".opa_decisions ORDER BY decision_id`,
    );
    expect(named(byTrino.rows)).toEqual(expected);
    const read = JSON.parse(
      await rig.python('warehouse_read.py', [database], JSON.stringify({ opa_decisions: types })),
    );
    const byPyIceberg = named(read.opa_decisions.rows.pyiceberg);
    expect(byPyIceberg.sort((a, b) => (String(a.decision_id) < String(b.decision_id) ? -1 : 1))).toEqual(expected);
    const shown = await trino.query(`SHOW COLUMNS FROM awsdatacatalog."${database}".opa_decisions`);
    expect(Object.fromEntries(shown.rows.map(([name, type]) => [name, type]))).toEqual({
      ...tables.opa_decisions,
      ...types,
    });
  });
});

describe('an object that changes after it was read', () => {
  let folder: string;
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (path: string, lines: readonly string[]): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), lines.join('\n'));
  };
  const audit = (n: number): string =>
    JSON.stringify({
      request_time: `2020-10-30 10:05:0${n}.437238000`,
      request_id: `a${n}:b${n}`,
      user: 'u',
      statement_type: 'PLAN',
    });
  const okera = 'okera/ymd=2020-10-30/planner-10.1.10.181-0-731c5cf0-4917-4947-b199-7fb257efcfba_audit.log';
  const decision = (n: number): string =>
    JSON.stringify({ decision_id: n === 0 ? '' : `d${n}`, labels: {}, timestamp: `2023-07-11T16:56:0${n}Z` });
  let place: Place;
  const run = async () => {
    const { code, report } = await backfill(place);
    return { code, ...report.records };
  };
  const rows = async () => {
    const { decisions, quarantine } = await contents(place);
    return {
      decisions: decisions.map((row) => JSON.parse(row).decision_id).sort(),
      quarantined: quarantine.map((row) => JSON.parse(row).payload).sort(),
    };
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-grow-'));
    place = configure(folder, {
      warehouse: './warehouse',
      sources: [
        { name: 'okera', type: 'okera-audit', location: './okera' },
        { name: 'opa', type: 'opa', location: './opa' },
      ],
    });
  });

  test('gives only its new records, also where its old end was torn, and where records repeat', async () => {
    // The last record of the first upload is torn; one record stands there twice, as does one without an id.
    write(okera, [audit(1), audit(2), audit(1), audit(3).slice(0, 40)]);
    write('opa/a.jsonl', [decision(0), decision(0), decision(1), '{}']);
    expect(await run()).toEqual({ code: 0, read: 8, rows: 5, quarantined: 2, skipped: 0, duplicates: 1 });

    write(okera, [audit(1), audit(2), audit(1), audit(3), audit(4)]);
    write('opa/a.jsonl', [decision(0), decision(0), decision(1), '{}', decision(2), decision(0), '{}']);
    expect(await run()).toEqual({ code: 0, read: 12, rows: 4, quarantined: 1, skipped: 0, duplicates: 7 });
    expect(await rows()).toEqual({
      decisions: ['', '', '', 'd1', 'd2'],
      quarantined: [audit(3).slice(0, 40), '{}', '{}'],
    });
    expect(await run()).toMatchObject({ code: 0, read: 0 });
  });

  test('adds nothing where it is put again as it was, and loses nothing where it shrinks', async () => {
    write('opa/a.jsonl', [decision(2), decision(1)]);
    expect(await run()).toEqual({ code: 0, read: 2, rows: 0, quarantined: 0, skipped: 0, duplicates: 2 });
    expect((await rows()).decisions).toEqual(['', '', '', 'd1', 'd2']);
  });
});

describe('the same rows come out', () => {
  test('of small buffers and files, of one download at a time, of one object a batch, and of the other encoder', async () => {
    const logs = decisionLogs(6, 1500);
    const site = await localSite(logs);
    try {
      const runs = [
        {},
        { batch: { column_bytes: '1MiB' }, output: { file_rows: 700, row_group_rows: 300 } },
        { batch: { downloads: 1, download_bytes: '1MiB', objects: 1 } },
        { output: { encoder: 'parquetjs' } },
      ];
      const found = [];
      for (const config of runs) {
        const place = await site.warehouse(config);
        const { code, report } = await backfill(place);
        expect(code).toBe(0);
        found.push({
          files: report.tables.opa_decisions!.files,
          records: report.records,
          contents: await contents(place),
        });
      }
      const [usual, ...others] = found;
      expect(usual!.files).toBe(2);
      expect(usual!.records).toMatchObject({ rows: 6 * 1500, quarantined: 12, duplicates: 6 });
      expect(found[1]!.files).toBeGreaterThan(10);
      for (const other of others) {
        expect(other.records).toEqual(usual!.records);
        expect(other.contents.decisions).toEqual(usual!.contents.decisions);
        expect(other.contents.quarantine).toEqual(usual!.contents.quarantine);
        expect(other.contents.ledger).toEqual(usual!.contents.ledger);
      }
    } finally {
      await site.close();
    }
  });
});
