/** The real worker without a queue, and what it shows of itself while it runs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { createWorker } from '../../src/wire.ts';
import { configure, type Place } from '../support/binary.ts';
import { decisionLogs, type LogObject } from './support/logs.ts';
import { contents } from './support/sites.ts';
import { killAll, until, worker } from './support/workers.ts';

const records = 20;
const logs = decisionLogs(9, records);
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'aw-listing-'));
});
afterEach(killAll);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function site(name: string): { place: Place; put(objects: readonly LogObject[]): void } {
  const place = configure(join(root, name), {
    warehouse: './warehouse',
    sources: [{ name: 'eopa', type: 'opa', location: './logs' }],
    worker: { poll_interval: 0.5, commit_interval: 0, listen: '127.0.0.1:0' },
  });
  return {
    place,
    put(objects) {
      for (const { key, body } of objects) {
        const path = join(place.cwd, 'logs', key);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, body);
      }
    },
  };
}

describe('a worker on a folder', () => {
  test('takes what comes, says how it is, and stops in good order', async () => {
    const { place, put } = site('followed');
    put(logs.slice(0, 4));
    const running = worker(place);
    const { port } = await running.seen('worker-started');
    const ask = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return [answer.status, await answer.text()];
    };
    await until('ready', async () => (await ask('/readyz'))[0] === 200);
    const ready = JSON.parse((await ask('/readyz'))[1]) as { sources: unknown };
    expect(ready).toMatchObject({ ready: true, catalog: true, sources: [{ name: 'eopa', ok: true }] });
    expect((await ask('/healthz'))[0]).toBe(200);

    put(logs.slice(4));
    const committed = `audit_warehouse_objects_total{source="eopa",outcome="committed"} ${logs.length}`;
    await until('all objects', async () => (await ask('/metrics'))[1].includes(committed));
    const [, metrics] = await ask('/metrics');
    expect(metrics).toContain(`audit_warehouse_records_total{source="eopa",outcome="row"} ${logs.length * records}`);
    expect(metrics).toContain(`audit_warehouse_records_total{source="eopa",outcome="quarantined"} ${logs.length * 2}`);
    expect(metrics).toContain('audit_warehouse_source_up{source="eopa"} 1');
    expect(metrics).toMatch(/^audit_warehouse_lag_seconds\{source="eopa"\} \d{7,}/m);
    expect(metrics).toMatch(/^audit_warehouse_batch_seconds_count\{stage="commit"\} [1-9]/m);
    expect(metrics).toMatch(/^process_resident_memory_bytes \d+/m);

    running.kill('SIGTERM');
    const { code, stdout } = await running.done;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ objects: { committed: logs.length }, clean: true });
    expect((await contents(place)).decisions).toHaveLength(logs.length * records);
  });

  test('is not ready where the source or the catalog cannot be reached, and is alive all the same', async () => {
    const place = configure(
      join(root, 'unreachable'),
      {
        warehouse: 's3://some-bucket/warehouse',
        s3: { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', forcePathStyle: true },
        sources: [{ name: 'eopa', type: 'opa', location: 's3://some-bucket/logs/' }],
        worker: { listen: '127.0.0.1:0' },
      },
      { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    );
    const running = worker(place);
    const { port } = await running.seen('worker-started');
    expect(await running.seen('source-failed')).toMatchObject({
      source: 'eopa',
      code: expect.any(String),
      retryInSeconds: 1,
    });
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, sources: [{ name: 'eopa', ok: false }] });
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    running.kill('SIGINT');
    expect(await running.done).toMatchObject({ code: 0 });
  });

  test('runs inside of another program, until its signal', async () => {
    const { place, put } = site('embedded');
    put(logs);
    const { config } = loadConfig({ env: {}, cwd: place.cwd, reserved: () => new Set() });
    const stop = new AbortController();
    const running = createWorker(config).run(stop.signal);
    await until('all objects', async () => (await contents(place)).decisions.length === logs.length * records);
    stop.abort();
    expect(await running).toMatchObject({ objects: { committed: logs.length }, clean: true });
    expect(await createWorker(config, { once: true }).run()).toMatchObject({ objects: { committed: 0 } });
  });

  test('refuses a port that is taken, with what to do', async () => {
    const { place, put } = site('port');
    put(logs.slice(0, 1));
    const first = worker(place);
    const { port } = await first.seen('worker-started');
    const second = worker(place, '--set', `worker.listen=127.0.0.1:${port}`);
    const { code, stderr } = await second.done;
    expect(code).toBe(1);
    expect(stderr).toMatch(/set worker.listen to a free port, or to off/);
    first.kill('SIGTERM');
    await first.done;
  });
});
