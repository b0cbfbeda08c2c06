/** The S3 that the benchmark measures against is one: what holds of a store holds of it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DistantS3 } from '../../scripts/bench/lib/distant-s3.ts';
import { S3Store } from '../../src/store/s3.ts';
import { storeContract } from '../contract/store.ts';
import { collect } from '../support/collect.ts';

describe('the S3 of the benchmark', () => {
  const folder = mkdtempSync(join(tmpdir(), 'audit-warehouse-distant-'));
  const pageKeys = 100;
  const server = new DistantS3(folder, 0, pageKeys);
  const environment = { ...process.env };
  let store: S3Store;

  beforeAll(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_REGION: 'us-east-1' });
    const options = { forcePathStyle: true, multipartAbove: 5 << 20, partBytes: 5 << 20 };
    store = new S3Store({ endpoint: `http://127.0.0.1:${await server.listen()}`, ...options });
  });
  afterAll(async () => {
    store.close();
    await server.close();
    await rm(folder, { recursive: true });
    process.env = environment;
  });

  storeContract(async () => ({ store, root: 's3://written/' }), pageKeys);

  test('serves a folder, counts what it is asked, and forgets all that was written', async () => {
    writeFileSync(join(folder, 'a b.jsonl'), 'logged');
    const other = new DistantS3(folder, 0);
    const reader = new S3Store({ endpoint: `http://127.0.0.1:${await other.listen()}`, forcePathStyle: true });
    try {
      const [object] = await collect(reader.list('s3://raw/'));
      expect(object).toMatchObject({ uri: 's3://raw/a b.jsonl', size: 6 });
      expect(Buffer.concat(await collect((await reader.get(object!.uri)).chunks)).toString()).toBe('logged');
      await reader.put('s3://written/x', Buffer.from('x'));
      expect(other.asked).toMatchObject({ requests: { LIST: 1, GET: 1, PUT: 1 }, bytesSent: 6, mostInFlight: 1 });
      other.reset();
      expect(await reader.head('s3://written/x')).toBeUndefined();
      expect(other.asked.requests).toEqual({ HEAD: 1 });
    } finally {
      reader.close();
      await other.close();
    }
  });
});
