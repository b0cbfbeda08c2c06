/** A warehouse in S3 and one in a folder, of the same objects: questions give the same answers, and S3 is asked for little. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createDuckDbEngine } from '../../src/engines/duckdb/engine.ts';
import type { QueryEngine, QueryRequest } from '../../src/engines/engine.ts';
import { ask } from '../../src/queries/questions.ts';
import { storeWith } from '../../src/store/store-with.ts';
import { createRuntime } from '../../src/wire.ts';
import { answerOf } from '../contract/engine.ts';
import { configure, type Place, start } from '../support/binary.ts';
import { projectRoot } from '../support/cli.ts';
import { describeWith, rig } from '../support/rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'aw-remote-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeWith(['s3'], 'a warehouse in S3', () => {
  const reads = { requests: 0, bytes: 0 };
  let there: () => QueryEngine;
  let here: () => QueryEngine;

  beforeAll(async () => {
    const logs = join(folder, 'logs');
    execFileSync(join(projectRoot, 'scripts/generate'), [
      logs,
      '--records',
      '60000',
      '--shares',
      '1,4,1',
      '--start',
      '2023-07-10',
    ]);
    const { bucket, endpoint, region, env } = await rig.s3();
    const sources = [{ name: 'eopa', type: 'opa', location: logs }];
    const places = await Promise.all(
      [
        { warehouse: `s3://${bucket}/columns`, s3: { endpoint, region, forcePathStyle: true } },
        { warehouse: join(folder, 'warehouse') },
      ].map(async (given, i) => {
        const at = join(folder, String(i));
        mkdirSync(at);
        const place = configure(at, { ...given, catalog: { type: 'file' }, sources }, env);
        for (const command of ['backfill', 'compact']) {
          const { code, stderr } = await start([command], place).done;
          if (code !== 0) throw new Error(stderr);
        }
        return place;
      }),
    );
    [there, here] = (await Promise.all(places.map(open))) as [() => QueryEngine, () => QueryEngine];
  });

  async function open(place: Place): Promise<() => QueryEngine> {
    const { config }: { config: Config } = loadConfig({ env: {}, cwd: place.cwd, reserved: () => new Set() });
    Object.assign(process.env, place.env);
    const { store, catalog } = await createRuntime(config);
    const counting = storeWith(store, {
      async get(uri, options) {
        const body = await store.get(uri, options);
        if (uri.includes('/opa_decisions/data/')) {
          reads.requests++;
          reads.bytes += options?.range === undefined ? body.info.size : options.range[1] - options.range[0];
        }
        return body;
      },
    });
    return () => createDuckDbEngine({ store: counting, catalog });
  }

  const named = (name: string, values: Record<string, string>): QueryRequest =>
    ask(name, new Map(Object.entries(values)));
  const span = { from: '2023-07-11T16:55:00Z', to: '2023-07-11T17:00:00Z' };

  it.each<[what: string, request: QueryRequest, bytes: number, requests: number]>([
    ['five minutes and a subject', named('decisions', { ...span, subject: 'dr_evil' }), 700_000, 8],
    ['five minutes of everything', { sql: `SELECT * FROM opa_decisions WHERE ymd = '2023-07-11' AND event_time BETWEEN TIMESTAMP '2023-07-11 16:55:00' AND TIMESTAMP '2023-07-11 17:00:00' ORDER BY event_time, decision_id` }, 2_500_000, 12],
    ['by outcome', { sql: 'SELECT allowed, count(*) FROM opa_decisions GROUP BY 1 ORDER BY 1' }, 120_000, 12],
    ['one subject ever', named('subject-activity', { subject: 'dr_evil' }), 900_000, 20],
    ['a view over both systems', { sql: `SELECT time, actor, action, allowed FROM audit_events WHERE actor = 'dr_evil' ORDER BY time, id` }, 1_200_000, 25],
    ['an id that is nowhere', { sql: `SELECT * FROM opa_decisions WHERE decision_id = 'ffffffff-0000-4000-8000-000000000000'` }, 700_000, 12],
    ['the last ones', { sql: 'SELECT * FROM opa_decisions ORDER BY event_time DESC, decision_id LIMIT 5' }, 2_700_000, 25],
    ['a count by day', { sql: 'SELECT ymd, count(*) FROM opa_decisions GROUP BY 1 ORDER BY 1' }, 0, 0],
  ])('%s', async (_what, request, bytes, requests) => {
    const [remote, local] = [there(), here()];
    try {
      const expected = await answerOf(local, request);
      reads.requests = reads.bytes = 0;
      const found = await answerOf(remote, request);
      expect(found.rows).toEqual(expected.rows);
      expect(found.columns).toEqual(expected.columns);
      expect(reads.bytes).toBe(found.bytesScanned);
      expect(found.bytesScanned).toBeLessThanOrEqual(bytes);
      expect(reads.requests).toBeLessThanOrEqual(requests);
      reads.requests = 0;
      const again = await answerOf(remote, request);
      expect({ rows: again.rows, bytes: again.bytesScanned, requests: reads.requests }).toEqual({ rows: expected.rows, bytes: 0, requests: 0 });
    } finally {
      await remote.close();
      await local.close();
    }
  }); // biome-ignore format: a table
});
