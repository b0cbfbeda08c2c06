/**
 * `compact` through the binary on S3 and Glue: every reader finds the rows that were there, each record once, in sorted
 * files; files of Trino and PyIceberg are taken as ours are; processes that run at once do not disturb each other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompactReport } from '../../src/jobs/compact/compact.ts';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure, type Place, type Run, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import type { TrinoClient } from '../support/trino.ts';
import { type Row, rowOf, tables, trinoSelect } from './support/columns.ts';
import { decisionLogs, type LogObject } from './support/logs.ts';

const types = { ...tables.opa_decisions, resource_copy: 'varchar' };
const objects = 12;
const perObject = 30;

async function compact(place: Place, ...args: string[]): Promise<Run & { report: CompactReport }> {
  const run = await start(['compact', '--json', ...args], place).done;
  if (run.stdout === '') throw new Error(`compact ended with ${run.code ?? run.signal}:\n${run.stderr}`);
  return { ...run, report: JSON.parse(run.stdout) as CompactReport };
}

const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

/** The rows that should stay: of each id the one with the least object and offset. */
function once(rows: readonly Row[]): Row[] {
  const first = new Map<unknown, Row>();
  const place = (row: Row) => [String(row.source_uri), Number(row.source_offset)] as const;
  for (const row of rows) {
    const other = first.get(row.decision_id);
    const [uri, offset] = place(row);
    if (other === undefined || uri < place(other)[0] || (uri === place(other)[0] && offset < place(other)[1]))
      first.set(row.decision_id, row);
  }
  return [...first.values()];
}

describeWith(['s3', 'glue', 'trino', 'readers'], 'compact', () => {
  let folder: string;
  let trino: TrinoClient;
  let store: S3Store;
  let env: Readonly<Record<string, string>>;
  let address: { endpoint: string; region: string; bucket: string };
  let count = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-compact-'));
    const s3 = await rig.s3();
    ({ env } = s3);
    address = s3;
    store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    trino = await rig.trino();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  interface World {
    readonly place: Place;
    readonly database: string;
    put(logs: readonly LogObject[]): Promise<void>;
    /** The same warehouse with a changed configuration. */
    configured(changes: object): Place;
    table: string;
    rows(): Promise<Row[]>;
  }

  /** Half of the objects come a second time under another name, as EOPA sends them after a timeout. */
  async function world(logs = decisionLogs(objects, perObject)): Promise<World> {
    const { database, endpoint } = await rig.glue();
    const name = `w${++count}`;
    const { region, bucket } = address;
    const config = {
      warehouse: `s3://${bucket}/${name}/warehouse`,
      catalog: { type: 'glue', database, endpoint, region },
      s3: { endpoint: address.endpoint, region, forcePathStyle: true },
      sources: [{ name: 'eopa', type: 'opa', location: `s3://${bucket}/${name}/logs/` }],
      batch: { objects: 3 },
      engines: { trino: { url: trino.url, catalog: 'iceberg' } },
    };
    const table = `iceberg."${database}".opa_decisions`;
    const put = async (more: readonly LogObject[]): Promise<void> => {
      for (const { key, body } of more) await store.put(`s3://${bucket}/${name}/logs/${key}`, body);
    };
    await put(logs);
    const configured = (changes: object): Place => configure(join(folder, name), { ...config, ...changes }, env);
    return {
      place: configured({}),
      database,
      put,
      configured,
      table,
      rows: async () => {
        const { columns } = await trino.query(`SELECT * FROM ${table} WHERE false`);
        const present = Object.fromEntries(
          Object.entries(types).filter(([column]) => columns.some((one) => one.name === column)),
        );
        const { rows } = await trino.query(`SELECT ${trinoSelect(present)} FROM ${table}`);
        const names = Object.keys(present);
        return rows.map((row) => rowOf(types, Object.fromEntries(names.map((column, i) => [column, row[i]]))));
      },
    };
  }

  const again = (logs: readonly LogObject[]): LogObject[] =>
    logs.map(({ key, body }) => ({ key: key.replace('batch_id=', 'batch_id=again-'), body }));

  const dataFiles = async (table: string, database: string) =>
    (await trino.query(`SELECT file_path, record_count FROM iceberg."${database}"."${table}$files" ORDER BY 1`)).rows;

  test('leaves each record once, the same in Trino, PyIceberg, DuckDB and pyarrow, and then has nothing to do', async () => {
    const logs = decisionLogs(objects, perObject);
    const { place, database, put, configured, rows } = await world(logs);
    await backfill(place);
    // A column that the files before do not have.
    const promoted = {
      columns: { resource_copy: { path: 'input.resource', type: 'string' } },
    };
    const location = `s3://${address.bucket}/w${count}/logs/`;
    const evolved = configured({ sources: [{ name: 'eopa', type: 'opa', location, ...promoted }] });
    await put(again(logs.slice(0, 6)));
    await backfill(evolved);
    const before = await rows();
    expect(before).toHaveLength((objects + 6) * perObject);

    const dry = await compact(evolved, '--dry-run');
    expect(dry.report.days.filter((day) => day.table === 'opa_decisions')).toHaveLength(2);
    expect(await rows()).toHaveLength(before.length);

    const { code, report } = await compact(evolved, '--set', 'compact.row_group_rows=1000');
    expect(code).toBe(0);
    expect(report.tables.opa_decisions).toMatchObject({ days: 2, files: { after: 2 }, duplicates: 6 * perObject });

    const expected = once(before);
    expect(expected).toHaveLength(objects * perObject);
    expect(sorted(await rows())).toEqual(sorted(expected));
    const reading = JSON.parse(
      await rig.python('warehouse_read.py', [database], JSON.stringify({ opa_decisions: types })),
    ).opa_decisions as { rows: Record<'pyiceberg' | 'duckdb' | 'pyarrow', unknown[][]> };
    const names = Object.keys(types);
    const fromReader = (values: readonly unknown[][]) =>
      sorted(values.map((row) => rowOf(types, Object.fromEntries(names.map((name, i) => [name, row[i]])))));
    expect(fromReader(reading.rows.pyiceberg)).toEqual(sorted(expected));
    expect(fromReader(reading.rows.duckdb)).toEqual(sorted(expected));
    // pyarrow gives the rows in the order of each file, which is that of the clustering.
    const at = (name: string) => names.indexOf(name) + 1;
    const byFile = Map.groupBy(reading.rows.pyarrow, (row) => row[0]);
    expect(byFile.size).toBe(2);
    for (const inFile of byFile.values()) {
      const keys = inFile.map((row) => row[at('event_time')]);
      expect(keys).toEqual([...keys].sort());
    }

    const second = await compact(evolved);
    expect(second.report.days).toEqual([]);
    const removed = await trino.query(
      `SELECT sum(rows) FROM iceberg."${database}".amendments WHERE table_name = 'opa_decisions'`,
    );
    expect(removed.rows).toEqual([[-6 * perObject]]);
    // The ledger still knows every object.
    expect((await backfill(evolved)).report.objects).toMatchObject({ listed: objects + 6, committed: 0 });
  });

  test('takes the files that Trino has merged, and Trino takes ours', async () => {
    const { place, database, table, rows } = await world();
    await backfill(place);
    const before = sorted(await rows());
    await trino.query(`ALTER TABLE ${table} EXECUTE optimize`);
    expect(await dataFiles('opa_decisions', database)).toHaveLength(2);

    const { report } = await compact(place, '--table', 'opa_decisions');
    expect(report.days.map((day) => day.reasons)).toEqual([['unsorted'], ['unsorted']]);
    expect(sorted(await rows())).toEqual(before);
    expect((await compact(place, '--table', 'opa_decisions')).report.days).toEqual([]);

    await trino.query(`INSERT INTO ${table} SELECT * FROM ${table} WHERE ymd = '2023-07-11'`);
    await trino.query(`ALTER TABLE ${table} EXECUTE optimize`);
    const last = await compact(place, '--table', 'opa_decisions');
    expect(last.report.tables.opa_decisions?.duplicates).toBeGreaterThan(0);
    expect(sorted(await rows())).toEqual(before);
  });

  test.each([[[]], [['--engine', 'trino']]])(
    'merges row-level deletes of Trino into the files (%s)',
    async (engine) => {
      const { place, table, rows } = await world();
      await backfill(place);
      await trino.query(`DELETE FROM ${table} WHERE decision_id = '0000-0'`);
      const before = sorted(await rows());
      expect(before).toHaveLength(objects * perObject - 1);

      const dry = await compact(place, ...engine, '--table', 'opa_decisions', '--dry-run');
      expect(dry.report.days.find(({ day }) => day === '2023-07-11')?.reasons).toContain('row-level-deletes');
      const { code, report } = await compact(place, ...engine, '--table', 'opa_decisions');
      expect(code).toBe(0);
      expect(report.days).toContainEqual(expect.objectContaining({ day: '2023-07-11', newFiles: 1 }));
      expect(sorted(await rows())).toEqual(before);
      const deletes = await trino.query(
        `SELECT count(*) FROM ${table.replace(/"?opa_decisions"?$/, '"opa_decisions$files"')} WHERE content > 0`,
      );
      expect(deletes.rows).toEqual([[0]]);
      await compact(place, '--table', 'opa_decisions');
      expect((await compact(place, '--table', 'opa_decisions')).report.days).toEqual([]);
      expect(sorted(await rows())).toEqual(before);
    },
  );

  test('runs twice at once beside a backfill, and nothing is lost or doubled', async () => {
    const logs = decisionLogs(objects * 2, perObject);
    const { place, put, rows, database } = await world(logs.slice(0, objects));
    await backfill(place);
    await put(logs.slice(objects));
    await put(again(logs.slice(0, 3)));
    const runs = await Promise.all([compact(place), compact(place), backfill(place)]);
    expect(runs.map((run) => run.code)).toEqual([0, 0, 0]);
    await compact(place, '--set', 'compact.small_files=2');

    const ids = (await rows()).map((row) => row.decision_id).sort();
    const expected = Array.from({ length: objects * 2 }, (_, o) =>
      Array.from({ length: perObject }, (_unused, r) => `${String(o).padStart(4, '0')}-${r}`),
    ).flat();
    expect(ids).toEqual(expected.sort());
    const account = await trino.query(`
      SELECT (SELECT sum(rows) FROM iceberg."${database}".ingested_objects WHERE state = 'committed')
           + coalesce((SELECT sum(rows) FROM iceberg."${database}".amendments WHERE table_name = 'opa_decisions'), 0)`);
    expect(account.rows).toEqual([[expected.length]]);
  });
});

describe('usage', () => {
  let folder: string;
  let place: Place;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-compact-'));
    place = configure(folder, { warehouse: './w', sources: [{ name: 'eopa', type: 'opa', location: './logs' }] });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    [['--table', 'nothing'], 'no table nothing'],
    [['--from', '2023-7-1'], 'from must be a day'],
    [['--from', '2023-07-02', '--to', '2023-07-01'], 'is after'],
    [['--engine', 'spark'], 'spark'],
    [['--engine', 'trino'], 'engines.trino.url'],
  ])('%j is told apart, and nothing is done', async (args, message) => {
    const run = await start(['compact', ...args], place).done;
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(message);
  });

  test('an empty warehouse has nothing to compact', async () => {
    const run = await start(['compact'], place).done;
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain('nothing to do');
  });
});
