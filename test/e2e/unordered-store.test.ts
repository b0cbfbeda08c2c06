/** The binary over an S3 that lists its pages in no order and repeats keys: everything once, and every command ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { backfill, configure, type Place, start } from '../support/binary.ts';
import { collect } from '../support/collect.ts';
import { disordered } from '../support/disorder.ts';
import { listXml } from '../support/listing-s3.ts';
import { describeWith, rig } from '../support/rig.ts';
import { S3Proxy } from './support/s3-proxy.ts';
import { contents } from './support/sites.ts';

describeWith(['s3'], 'an S3 whose pages come last first, each beginning with the last key of the one before', () => {
  const objects = 40;
  const keysPerPage = 9;
  let folder: string;
  let proxy: S3Proxy;
  let store: S3Store;
  let place: Place;
  let root: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-unordered-'));
    const s3 = await rig.s3();
    root = `s3://${s3.bucket}`;
    store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    proxy = new S3Proxy(s3.endpoint);
    const endpoint = await proxy.start();
    proxy.interfere = async ({ method, path, query }) => {
      const asked = new URLSearchParams(query);
      if (method !== 'GET' || !asked.has('list-type') || asked.has('delimiter')) return undefined;
      // Such a store knows no place to start either.
      const listed = disordered(
        await collect(store.list(`s3://${path.replace(/\/$/, '')}/${asked.get('prefix') ?? ''}`)),
        keysPerPage,
      );
      const at = Number(asked.get('continuation-token') ?? 0);
      const next = at + keysPerPage;
      const shown = listed
        .slice(at, next)
        .map(({ uri, ...object }) => ({ ...object, key: uri.slice(root.length + 1) }));
      const isTruncated = next < listed.length;
      return { answer: listXml(shown, { isTruncated, ...(isTruncated && { next: String(next) }) }) };
    };
    for (let i = 0; i < objects; i++) await put(i, 1);
    place = configure(
      folder,
      {
        warehouse: `${root}/warehouse`,
        s3: { endpoint, region: s3.region, forcePathStyle: true },
        sources: [{ name: 'eopa', type: 'opa', location: `${root}/logs/` }],
        batch: { objects: 7, threads: 1 },
        worker: { listen: 'off' },
      },
      s3.env,
    );
  });
  afterAll(async () => {
    store?.close();
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = (i: number, decisions: number) => {
    const lines = Array.from({ length: decisions }, (_, n) =>
      JSON.stringify({ decision_id: `${i}-${n}`, labels: {}, timestamp: '2023-07-11T16:56:00Z', result: true }),
    );
    const key = `eopa=a/first_ts=${1689033600 + i}/last_ts=${1689037200 + i}/batch_id=${i}.jsonl`;
    return store.put(`${root}/logs/${key}`, Buffer.from(lines.join('\n')));
  };

  test('backfill takes each object once, and nothing the second time', async () => {
    const first = await backfill(place);
    expect(first).toMatchObject({
      code: 0,
      report: { objects: { listed: objects, committed: objects, failed: 0, archived: 0 } },
    });
    const second = await backfill(place);
    expect(second).toMatchObject({ code: 0, report: { objects: { listed: objects, skipped: objects, committed: 0 } } });
    const { decisions, ledger } = await contents(place);
    expect(decisions).toHaveLength(objects);
    expect(ledger.map((row) => JSON.parse(row).state)).toEqual(new Array(objects).fill('committed'));
  });

  test('worker --once takes what is new, and verify --deep and expire find all in order', async () => {
    await put(objects, 3);
    const worker = await start(['worker', '--once', '--json'], place).done;
    expect({ code: worker.code, objects: JSON.parse(worker.stdout).objects }).toMatchObject({
      code: 0,
      objects: { committed: 1 },
    });
    const verified = await start(['verify', '--deep', '--json'], place).done;
    expect({ code: verified.code, report: JSON.parse(verified.stdout) }).toMatchObject({
      code: 0,
      report: { ok: true, objects: { listed: objects + 1, ingested: objects + 1, readAgain: objects + 1 } },
    });
    expect((await start(['expire', '--json'], place).done).code).toBe(0);
    expect((await contents(place)).decisions).toHaveLength(objects + 3);
  });

  test('doctor says so', async () => {
    const { stdout } = await start(['doctor', '--json'], place).done;
    const checks = JSON.parse(stdout).checks as { name: string; status: string; found: string }[];
    expect(checks.find(({ name }) => name === 'listing:eopa')).toMatchObject({
      status: 'warning',
      found: `${root}/logs/ is listed in no order and with some keys more than once`,
    });
  });
});
