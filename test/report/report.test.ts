/** From tables to a page, on DuckDB over a warehouse in memory. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import type { QueryEngine } from '../../src/engines/engine.ts';
import { withComputed } from '../../src/queries/computed.ts';
import { gatherReport, type ReportData } from '../../src/report/gather.ts';
import { renderPage } from '../../src/report/page.ts';
import { reportRange } from '../../src/report/range.ts';
import { TooMuchToFetch } from '../../src/sql/parameter.ts';
import { decision, input, putDecisions, run, testRuntime } from '../support/warehouse.ts';

const options = {
  title: 'Audit report',
  now: Date.UTC(2026, 0, 1),
  warehouse: 'memory://test/warehouse',
  engine: 'duckdb',
  version: '1',
};
const julyRange = reportRange({ from: '2023-07-10', to: '2023-07-12' }, async () => '');

/** The bytes that DuckDB says it read of local files are what Linux counts, which is not the same each time. */
const withoutBytes = (data: ReportData): ReportData => ({
  ...data,
  asked: data.asked.map((one) => ({ ...one, bytesScanned: 0 })),
});

async function gather(runtime: ReturnType<typeof testRuntime>): Promise<ReportData> {
  const engine = withComputed(runtime, createDuckDbEngine(runtime));
  try {
    return await gatherReport({ engine, tables: await runtime.catalog.listTables() }, await julyRange);
  } finally {
    await engine.close();
  }
}

describe('the report', () => {
  /** With 60 decisions of two days, and what is gathered of it. */
  let runtime: ReturnType<typeof testRuntime>;
  let data: ReportData;
  beforeAll(async () => {
    runtime = testRuntime();
    await putDecisions(runtime.store, 3, 20);
    await run(runtime);
    data = await gather(runtime);
  });

  test('of an empty warehouse says that there is nothing yet', async () => {
    const runtime = testRuntime();
    const page = renderPage(await gather(runtime), options);
    for (const table of ['opa_decisions', 'okera_audit_logs', 'ingested_objects', 'quarantine']) {
      expect(page).toContain(`there is no table ${table} yet`);
    }
    expect(page).not.toContain('<svg');
  });

  test('is the same where the engine answers several questions at a time, and no more of them are asked than it says', async () => {
    const own = withComputed(runtime, createDuckDbEngine(runtime));
    let [inFlight, most] = [0, 0];
    const engine: QueryEngine = {
      atOnce: 3,
      close: () => own.close(),
      async query(request) {
        most = Math.max(most, ++inFlight);
        const answer = await own.query(request);
        const chunks = (async function* () {
          yield* answer.chunks;
          inFlight--;
        })();
        return { ...answer, chunks };
      },
    };
    const range = await julyRange;
    const tables = await runtime.catalog.listTables();
    const gathered = await gatherReport({ engine, tables }, range);
    expect(withoutBytes(gathered)).toEqual(withoutBytes(data));
    expect(Object.keys(gathered.decisions!)).toEqual(Object.keys(data.decisions!));
    expect([inFlight, most]).toEqual([0, 3]);

    const signals: AbortSignal[] = [];
    const failing: QueryEngine = {
      ...engine,
      query: (request) => {
        signals.push(request.signal!);
        return request.sql.includes('resource') ? Promise.reject(new Error('no')) : engine.query(request);
      },
    };
    await expect(gatherReport({ engine: failing, tables }, range)).rejects.toThrow('no');
    expect(signals.length).toBeLessThan(data.asked.length);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    await engine.close();
  });

  test('leaves out what there is no source for, and shows a range without events as such', async () => {
    const tables = await runtime.catalog.listTables();
    const page = renderPage(data, options);
    expect(page).toContain('60 decisions: 60 allowed (100.0 %)');
    expect(page).toContain('there is no table okera_audit_logs yet');
    const engine = withComputed(runtime, createDuckDbEngine(runtime));
    const range = await reportRange({ from: '2020-01-01', to: '2020-01-02' }, async () => '');
    const empty = renderPage(await gatherReport({ engine, tables }, range), options);
    await engine.close();
    expect(empty).toContain('No decisions in this range.');
    expect(empty).toContain('Nothing was denied in this range.');
  });

  test('is the same for the same data and time', async () => {
    const pages = [data, await gather(runtime)].map((one) => renderPage(withoutBytes(one), options));
    expect(pages[0]).toBe(pages[1]);
  });

  test('leaves out what would fetch too much of the past, and says so', async () => {
    const engine = withComputed(runtime, createDuckDbEngine(runtime));
    const range = await julyRange;
    const within: QueryEngine = {
      atOnce: engine.atOnce,
      close: () => engine.close(),
      query(request) {
        const { from, since } = (request.parameters ?? {}) as Record<string, { micros: bigint } | undefined>;
        const isPast = since !== undefined || (from?.micros ?? range.from) < range.from;
        const days = request.parameters?.from_ymd as string | undefined;
        if (isPast || (days !== undefined && days < range.fromDay)) throw new TooMuchToFetch('needs <too> many bytes');
        return engine.query(request);
      },
    };
    const cut = await gatherReport({ engine: within, tables: await runtime.catalog.listTables() }, range);
    await engine.close();
    expect(cut.decisions).toMatchObject({ before: null, news: null, sums: { allowed: 60 } });
    expect(cut.quarantine).toMatchObject({ before: null, records: 1 });
    const page = renderPage(cut, options);
    expect(page).toContain('New subjects, resources and networks: needs &lt;too&gt; many bytes');
    expect(page).not.toContain('Compared with');
    expect(page).not.toContain('id="new"');
  });

  test('says what never arrived, and what that is known by', async () => {
    const runtime = testRuntime();
    const numbers = [1, 2, 3, 9];
    const lines = numbers.map((number) => decision({ id: `d${number}`, time: '2023-07-11T10:00:00Z', number }));
    await runtime.store.put(`${input}/a.jsonl`, Buffer.from(lines.join('\n')));
    await run(runtime);
    const data = await gather(runtime);
    expect(data.producers?.rows).toMatchObject([{ instance_id: 'i', grade: 'missing', missing_at_most: 5 }]);
    const page = renderPage(withoutBytes(data), options);
    expect(page).toContain('What never arrived');
    expect(page).toContain('5 decisions are missing at most');
  });

  test('escapes and cuts its title', () => {
    const data: ReportData = {
      range: { from: 0n, to: 1n, fromDay: '1970-01-01', toDay: '1970-01-01', wholeDays: false },
      filters: {},
      before: { from: -2n, to: -1n, fromDay: '1969-12-31', toDay: '1969-12-31', wholeDays: false },
      lookBack: null,
      buckets: { unit: 'minute', width: '1 minute', starts: [0] },
      decisions: null,
      okera: null,
      ingestion: null,
      quarantine: null,
      producers: null,
      missing: [],
      leftOut: [],
      asked: [],
    };
    const page = renderPage(data, { ...options, title: `</title><script>${'x'.repeat(1000)}` });
    expect(page).toContain('<title>&lt;/title&gt;&lt;script&gt;xxx');
    expect(page.length).toBeLessThan(16_000);
  });
});
