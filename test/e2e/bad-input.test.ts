/**
 * Objects that cannot be read, through the binary and a real S3: the rest goes on, the run exits 1 and names each of
 * them with the reason, nothing of them is in the tables, and once mended they are taken like any other.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { type Backfilled, backfill, configure, type Place } from '../support/binary.ts';
import { describeWith, type RigS3, rig } from '../support/rig.ts';
import { S3Proxy } from './support/s3-proxy.ts';
import { contents } from './support/sites.ts';

const decision = (id: string, input: unknown = {}): string =>
  JSON.stringify({ decision_id: id, input, labels: {}, timestamp: '2023-07-11T16:56:00Z' });
const lines = (...ids: string[]): Buffer => Buffer.from(ids.map((id) => decision(id)).join('\n'));

/** More than is held in memory whole, and hardly compressible: read as a stream, rows go into columns before it ends. */
const large = (name: string): Buffer => {
  const count = 9000;
  const noise = randomBytes(count * 2048);
  const record = (i: number): string => decision(`${name}-${i}`, noise.toString('base64', i * 2048, (i + 1) * 2048));
  return Buffer.from(Array.from({ length: count }, (_, i) => record(i)).join('\n'));
};

describeWith(['s3', 'glue'], 'a source with objects that cannot be read', () => {
  let folder: string;
  let s3: RigS3;
  let store: S3Store;
  let proxy: S3Proxy;
  let place: Place;
  let first: Backfilled;
  let denied = true;
  const uri = (key: string): string => `s3://${s3.bucket}/logs/${key}`;
  const put = (key: string, body: Buffer): Promise<unknown> => store.put(uri(key), body);
  const ids = async (): Promise<string[]> =>
    (await contents(place)).decisions.map((row) => JSON.parse(row).decision_id).sort();

  /** What happens to an object at the first request for its body. */
  const surprises = new Map<string, () => Promise<{ cutAfter: number } | undefined>>([
    ['deleted.jsonl', async () => void (await store.delete(uri('deleted.jsonl')))],
    ['replaced.jsonl', async () => void (await put('replaced.jsonl', lines('replaced-new')))],
    ['cut-off.jsonl', async () => ({ cutAfter: 100 })],
    [
      'changed-on-the-way.jsonl',
      async () => {
        setTimeout(() => void put('changed-on-the-way.jsonl', lines('changed-new')), 0);
        return { cutAfter: 17 << 20 };
      },
    ],
  ]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aw-bad-'));
    s3 = await rig.s3();
    const { database } = await rig.glue();
    store = new S3Store({ endpoint: s3.endpoint, region: s3.region, forcePathStyle: true });
    proxy = new S3Proxy(s3.endpoint);
    const endpoint = await proxy.start();
    proxy.interfere = async ({ method, path, query }) => {
      if (method !== 'GET' || query.includes('list-type')) return undefined;
      const key = path.slice(`${s3.bucket}/logs/`.length);
      if (key === 'denied.jsonl' && denied) return { status: 403, code: 'AccessDenied' };
      const surprise = surprises.get(key);
      surprises.delete(key);
      return surprise?.();
    };
    await put('a-good.jsonl', lines('good-1', 'good-2'));
    await put('bomb.jsonl.gz', gzipSync(Buffer.concat([lines('bomb'), Buffer.alloc(64 << 20, ' ')])));
    await put('changed-on-the-way.jsonl', large('changed'));
    await put('cut-off.jsonl', lines('cut-1', 'cut-2', 'cut-3'));
    await put('deleted.jsonl', lines('deleted'));
    await put('denied.jsonl', lines('denied'));
    await put('empty.jsonl', Buffer.alloc(0));
    await put(
      'long-line.jsonl',
      Buffer.from([decision('before'), decision('long', 'x'.repeat(100 << 20)), decision('after')].join('\n')),
    );
    await put('odd/../../key=%2F..//a b+c.jsonl', lines('odd-key'));
    await put('replaced.jsonl', lines('replaced-old'));
    await put('truncated-late.jsonl.gz', gzipSync(large('late'), { level: 1 }).subarray(0, -1000));
    await put('truncated.jsonl.gz', gzipSync(lines('truncated-1', 'truncated-2')).subarray(0, -9));
    await put('z-good.jsonl', lines('good-3'));
    place = configure(
      folder,
      {
        warehouse: `s3://${s3.bucket}/warehouse`,
        catalog: { type: 'glue', database, endpoint, region: s3.region },
        s3: { endpoint, region: s3.region, forcePathStyle: true },
        sources: [{ name: 'eopa', type: 'opa', location: `s3://${s3.bucket}/logs/` }],
      },
      s3.env,
    );
    first = await backfill(place);
  });
  afterAll(async () => {
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const failing = {
    'bomb.jsonl.gz': ['ratio', /compression_ratio/],
    'changed-on-the-way.jsonl': ['precondition-failed', /changed/],
    'deleted.jsonl': ['not-found', /./],
    'denied.jsonl': ['access-denied', /denied|AccessDenied/i],
    'replaced.jsonl': ['precondition-failed', /changed/],
    'truncated-late.jsonl.gz': ['truncated_gzip', /gzip/],
    'truncated.jsonl.gz': ['truncated_gzip', /gzip/],
  } as const;

  test('the run exits 1, and its report and its log name each of them with the reason', () => {
    expect(first.code).toBe(1);
    expect(first.report.objects).toEqual({ listed: 13, skipped: 0, committed: 6, failed: 7, archived: 0 });
    const found = Object.fromEntries(first.report.failures.map((failure) => [failure.uri, failure]));
    expect(Object.keys(found).sort()).toEqual(Object.keys(failing).map(uri));
    for (const [key, [code, message]] of Object.entries(failing)) {
      expect(found[uri(key)]).toMatchObject({ code, message: expect.stringMatching(message) });
      const logged = first.stderr.split('\n').filter((line) => line.includes(`"uri":"${uri(key)}"`));
      expect(logged).toHaveLength(1);
      expect(JSON.parse(logged[0]!)).toMatchObject({ level: 'error', code, reason: expect.stringMatching(message) });
    }
  });

  test('the others are in the tables, whole, and nothing of the failed ones', async () => {
    const expected = ['good-1', 'good-2', 'good-3', 'cut-1', 'cut-2', 'cut-3', 'before', 'after', 'odd-key'];
    const { decisions, quarantine, ledger } = await contents(place);
    expect(decisions.map((row) => JSON.parse(row).decision_id).sort()).toEqual([...expected].sort());
    expect(quarantine.map((row) => JSON.parse(row))).toMatchObject([
      {
        reason: 'record_too_large',
        source_uri: uri('long-line.jsonl'),
        payload_truncated: true,
        payload_bytes: `${decision('long', '').length + (100 << 20)}n`,
      },
    ]);
    expect(ledger.map((row) => JSON.parse(row)).map((row) => [row.uri, row.state, row.records])).toEqual(
      [
        ['a-good.jsonl', 2],
        ['cut-off.jsonl', 3],
        ['empty.jsonl', 0],
        ['long-line.jsonl', 3],
        ['odd/../../key=%2F..//a b+c.jsonl', 1],
        ['z-good.jsonl', 1],
      ].map(([key, records]) => [uri(String(key)), 'committed', `${records}n`]),
    );
    expect(first.report.records).toEqual({ read: 10, rows: 9, quarantined: 1, skipped: 0, duplicates: 0 });
  });

  test('a body that broke off was read on from there', () => {
    const path = `${s3.bucket}/logs/cut-off.jsonl`;
    const ranges = proxy.requests
      .filter((request) => request.method === 'GET' && request.path === path)
      .map(({ range }) => range);
    // Read on with the rest, and never again from the start by that attempt (objects that fail late begin new ones).
    expect(ranges[0] ?? 'bytes=0-').toMatch(/^bytes=0-/);
    expect(ranges[1]).toMatch(/^bytes=100-/);
  });

  test('what is still broken fails again, and alone', async () => {
    const again = await backfill(place);
    expect(again.code).toBe(1);
    // Of the others, one is gone, and two have been replaced by what can be read.
    expect(again.report.failures.map((failure) => failure.uri).sort()).toEqual(
      ['bomb.jsonl.gz', 'denied.jsonl', 'truncated-late.jsonl.gz', 'truncated.jsonl.gz'].map(uri),
    );
    expect(again.report.objects).toEqual({ listed: 12, skipped: 6, committed: 2, failed: 4, archived: 0 });
    expect((await ids()).filter((id) => /changed|replaced|deleted/.test(id))).toEqual(['changed-new', 'replaced-new']);
  });

  test('once mended they are taken, and then nothing is left', async () => {
    denied = false;
    await put('bomb.jsonl.gz', gzipSync(lines('bomb')));
    await put('truncated.jsonl.gz', gzipSync(lines('truncated-1', 'truncated-2')));
    await put('truncated-late.jsonl.gz', gzipSync(lines('late-0', 'late-1')));
    const mended = await backfill(place);
    expect({ code: mended.code, failures: mended.report.failures }).toEqual({ code: 0, failures: [] });
    expect(mended.report.objects).toEqual({ listed: 12, skipped: 8, committed: 4, failed: 0, archived: 0 });
    expect(await ids()).toEqual(
      ['good-1', 'good-2', 'good-3', 'cut-1', 'cut-2', 'cut-3', 'before', 'after', 'odd-key', 'changed-new', 'replaced-new', 'denied',
        'bomb', 'truncated-1', 'truncated-2', 'late-0', 'late-1'].sort(),
    ); // biome-ignore format: a list
    proxy.requests.length = 0;
    expect((await backfill(place)).report).toMatchObject({ objects: { skipped: 12 }, bytes: { read: 0, written: 0 } });
    expect(proxy.writes).toEqual([]);
  });

  test('a listing that is refused ends the run with its reason, and commits nothing', async () => {
    const usual = proxy.interfere;
    proxy.interfere = ({ query }) =>
      query.includes('list-type') && query.includes('prefix=logs') ? { status: 403, code: 'AccessDenied' } : undefined;
    const before = await contents(place);
    await expect(backfill(place)).rejects.toThrow(
      new RegExp(`ended with 1:[^]*cannot list objects .*s3:ListBucket.*: ${uri('')}`),
    );
    proxy.interfere = usual;
    expect(await contents(place)).toEqual(before);
  });
});
