/** Every object that a run writes to S3 is asked to be encrypted as the configuration says, whatever part of the program writes it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { configure, start } from '../support/binary.ts';
import { describeWith, rig } from '../support/rig.ts';
import { decisionLogs } from './support/logs.ts';
import { S3Proxy } from './support/s3-proxy.ts';

const key = 'arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555';

describeWith(['s3'], 'encryption', () => {
  let folder: string;
  let proxy: S3Proxy;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aw-encryption-'));
  });
  afterEach(async () => {
    await proxy?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('goes with every write of backfill, compaction, erasure and doctor, and with no read', async () => {
    const s3 = await rig.s3();
    proxy = new S3Proxy(s3.endpoint);
    const endpoint = await proxy.start();
    const { bucket, region } = s3;
    const store = new S3Store({ endpoint: s3.endpoint, region, forcePathStyle: true });
    for (const { key: name, body } of decisionLogs(8, 20)) await store.put(`s3://${bucket}/logs/${name}`, body);
    store.close();
    const place = configure(
      folder,
      {
        warehouse: `s3://${bucket}/lake`,
        s3: { endpoint, region, forcePathStyle: true, encryption: { type: 'kms', key, bucket_key: true } },
        sources: [{ name: 'eopa', type: 'opa', location: `s3://${bucket}/logs/` }],
        batch: { objects: 2 },
        compact: { memory: '1MiB', spill: `s3://${bucket}/spill` },
      },
      s3.env,
    );
    for (const args of [
      ['backfill'],
      ['compact'],
      ['erase', '--subject', 'user-3'],
      ['verify', '--deep'],
      ['doctor'],
    ]) {
      const { code, stdout, stderr } = await start(args, place).done;
      expect([args[0], code, code === 0 ? '' : stdout + stderr]).toEqual([args[0], 0, '']);
    }
    const asked = (headers: object) => Object.entries(headers).filter(([name]) => name.startsWith('x-amz-server-side'));
    const writes = proxy.requests.filter(({ method }) => method === 'PUT');
    expect(writes.length).toBeGreaterThan(20);
    for (const { path, headers } of writes)
      expect([path, Object.fromEntries(asked(headers))]).toEqual([
        path,
        {
          'x-amz-server-side-encryption': 'aws:kms',
          'x-amz-server-side-encryption-aws-kms-key-id': key,
          'x-amz-server-side-encryption-bucket-key-enabled': 'true',
        },
      ]);
    const others = proxy.requests.filter(({ method }) => method !== 'PUT');
    expect(others.flatMap(({ headers }) => asked(headers))).toEqual([]);

    const sdk = new S3Client({ endpoint: s3.endpoint, region, forcePathStyle: true });
    const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'lake/' }));
    expect(Contents.length).toBeGreaterThan(20);
    for (const { Key } of Contents)
      expect(await sdk.send(new HeadObjectCommand({ Bucket: bucket, Key }))).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: key,
        BucketKeyEnabled: true,
      });
    sdk.destroy();
  });
});
