/** One report from each engine, of one warehouse in S3 and Glue: they differ in the bytes that they count only. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { EngineName } from '../../src/engines/index.ts';
import type { Filters } from '../../src/report/filters.ts';
import { gatherReport, type ReportData } from '../../src/report/gather.ts';
import { renderPage } from '../../src/report/page.ts';
import { reportRange } from '../../src/report/range.ts';
import { S3Store } from '../../src/store/s3.ts';
import { createQueryEngine, createRuntime } from '../../src/wire.ts';
import { backfill, configure } from '../support/binary.ts';
import { temporaryFolder } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';
import { expectedReport, reportLogs } from './support/report-logs.ts';

describeWith(['s3', 'glue', 'trino'], 'the report by engine', () => {
  const home = temporaryFolder();
  const options = { title: 'Audit report', now: 0, warehouse: 'here', engine: 'any', version: '1' };
  let gather: (engine: EngineName, from: string, to: string, filters?: Filters) => Promise<ReportData>;

  beforeAll(async () => {
    const [s3, glue, trino] = [await rig.s3(), await rig.glue(), await rig.trino()];
    const { endpoint, region, bucket } = s3;
    const store = new S3Store({ endpoint, region, forcePathStyle: true });
    for (const [name, logs] of Object.entries(reportLogs())) {
      for (const { key, body } of logs) await store.put(`s3://${bucket}/${name}/${key}`, body);
    }
    const place = configure(
      home.folder,
      {
        warehouse: `s3://${bucket}/warehouse`,
        catalog: { type: 'glue', database: glue.database, endpoint: glue.endpoint, region: glue.region },
        s3: { endpoint, region, forcePathStyle: true },
        engines: {
          trino: { url: trino.url, catalog: 'awsdatacatalog' },
          athena: { output: `s3://${bucket}/answers/`, endpoint: s3.env.AWS_ENDPOINT_URL_ATHENA },
        },
        sources: [
          { name: 'eopa', type: 'opa', location: `s3://${bucket}/opa/` },
          { name: 'eopa-2', type: 'opa', location: `s3://${bucket}/opa2/` },
          { name: 'okera', type: 'okera-audit', location: `s3://${bucket}/okera/` },
        ],
      },
      s3.env,
    );
    expect((await backfill(place)).code).toBe(0);
    const { config } = loadConfig({
      file: 'audit-warehouse.yaml',
      settings: [],
      env: {},
      cwd: home.folder,
      reserved: () => new Set(),
    });
    const runtime = await createRuntime(config);
    const tables = await runtime.catalog.listTables();
    gather = async (name, from, to, filters = {}) => {
      const engine = await createQueryEngine(runtime, name);
      try {
        return await gatherReport({ engine, tables }, await reportRange({ from, to }, async () => ''), { filters });
      } finally {
        await engine.close();
      }
    };
  });
  afterAll(() => home.remove());

  const pageOf = (data: ReportData): string =>
    renderPage({ ...data, asked: data.asked.map((one) => ({ ...one, bytesScanned: 0 })) }, options);

  test.each([
    ['days', '2023-07-10', '2023-07-12', {}],
    ['hours', '2023-07-10T05:30:00Z', '2023-07-12T05:29:59Z', {}],
    ['minutes', '2023-07-12T11:00:00Z', '2023-07-12T13:00:00Z', {}],
    ['source and path', '2023-07-11', '2023-07-12', { source: 'eopa-2', path: 'authz/admin' }],
    ['subject', '2023-07-12', '2023-07-12', { subject: 'm<u>allory' }],
    ['source of Okera and user', '2023-07-11', '2023-07-12', { source: 'okera', subject: 'janedoe' }],
  ] as const)('is the same on DuckDB, Trino and Athena, by %s', async (_, from, to, filters) => {
    const data = await gather('duckdb', from, to, filters);
    const page = pageOf(data);
    for (const engine of ['trino', 'athena'] as const) {
      const other = await gather(engine, from, to, filters);
      expect(pageOf(other)).toBe(page);
      expect(other.asked.some(({ bytesScanned }) => bytesScanned > 0)).toBe(true);
    }
    expect(data.leftOut).toEqual([]);
    if (from !== '2023-07-10') return;
    const expected = expectedReport();
    expect(data.decisions?.overTime.reduce((sum, one) => sum + one.denied, 0)).toBe(expected.outcomes.denied);
    expect(data.okera?.users.rows.map((row) => row.user)).toEqual(expected.users.map(([user]) => user));
  });
});
