/** The binary over an S3 where every fifth GET is reset, before its answer or in the middle of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import { S3Proxy } from './support/s3-proxy.ts';
import { contents } from './support/sites.ts';

describeWith(['s3'], 'an S3 that resets every fifth GET', () => {
  const objects = 12;
  let folder: string;
  let proxy: S3Proxy;
  let place: Place;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-resets-'));
    const s3 = await rig.s3();
    const store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    for (let i = 0; i < objects; i++) {
      const line = { decision_id: `d${i}`, labels: {}, timestamp: '2023-07-11T16:56:00Z', result: true };
      await store.put(`s3://${s3.bucket}/logs/${i}.jsonl`, Buffer.from(JSON.stringify(line)));
    }
    store.close();
    proxy = new S3Proxy(s3.endpoint);
    const endpoint = await proxy.start();
    let gets = 0;
    let faults = 0;
    proxy.interfere = ({ method }) => {
      if (method !== 'GET' || ++gets % 5 !== 0) return undefined;
      return ++faults % 2 === 0 ? { reset: true } : { cutAfter: 20 };
    };
    place = configure(
      folder,
      {
        warehouse: `s3://${s3.bucket}/warehouse`,
        s3: { endpoint, region: s3.region, forcePathStyle: true },
        sources: [{ name: 'eopa', type: 'opa', location: `s3://${s3.bucket}/logs/` }],
        batch: { objects: 3, threads: 1 },
      },
      s3.env,
    );
  });
  afterAll(async () => {
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('every command comes to its end as if nothing had been', async () => {
    const first = await backfill(place);
    expect(first).toMatchObject({ code: 0, report: { objects: { committed: objects, failed: 0 }, failures: [] } });
    const second = await backfill(place);
    expect(second).toMatchObject({ code: 0, report: { objects: { skipped: objects, committed: 0 } } });
    for (const args of [['verify', '--deep'], ['compact'], ['expire'], ['tables'], ['verify', '--deep']]) {
      const { code, stderr } = await start([...args, '--json'], place).done;
      expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    }
    const interfered = proxy.requests.filter(({ method }) => method === 'GET').length / 5;
    expect(interfered).toBeGreaterThan(20);
    proxy.interfere = () => undefined;
    expect((await contents(place)).decisions).toHaveLength(objects);
  });
});
