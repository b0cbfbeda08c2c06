import {
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readObject, readWhole } from '../../src/store/read.ts';
import { S3Store, type S3StoreOptions } from '../../src/store/s3.ts';
import { isArchived, type ObjectInfo } from '../../src/store/store.ts';
import { storeContract } from '../contract/store.ts';
import { S3Proxy } from '../e2e/support/s3-proxy.ts';
import { collect } from '../support/collect.ts';
import { CuttingS3 } from '../support/cutting-s3.ts';
import { describeWith, rig } from '../support/rig.ts';

describeWith(['s3'], 'S3 store', () => {
  const stores: S3Store[] = [];
  const open = async (options: Pick<S3StoreOptions, 'multipartAbove' | 'partBytes'> = {}) => {
    const { endpoint, region, bucket } = await rig.s3();
    const store = new S3Store({ endpoint, region, forcePathStyle: true, ...options });
    stores.push(store);
    return { store, bucket, client: { endpoint, region, forcePathStyle: true } satisfies S3ClientConfig };
  };
  afterAll(() => {
    for (const store of stores) store.close();
  });

  // Parts of 5 MiB, the least that S3 takes, so that the suite's large object has several.
  storeContract(async () => {
    const { store, bucket } = await open({ multipartAbove: 5 << 20, partBytes: 5 << 20 });
    return { store, root: `s3://${bucket}/` };
  });

  test('a key may hold ".." and be anything but empty', async () => {
    const { store, bucket } = await open();
    const all = ['../up', 'a/../../b', '/', '//', './x'].map((key) => `s3://${bucket}/${key}`).sort();
    for (const uri of all) await store.put(uri, Buffer.from(uri));
    expect((await collect(store.list(`s3://${bucket}/`))).map(({ uri }) => uri)).toEqual(all);
    for (const uri of all) {
      const { chunks } = await store.get(uri);
      expect(Buffer.concat(await collect(chunks)).toString()).toBe(uri);
    }
  });

  test('a bucket that does not exist is named as what is missing', async () => {
    const { store } = await open();
    const missing = 's3://no-such-bucket-here/key';
    await expect(collect(store.list(missing))).rejects.toThrow(/there is no such bucket.*no-such-bucket-here/);
    await expect(store.put(missing, [])).rejects.toMatchObject({ code: 'not-found' });
    await expect(store.put(missing, [], { ifMatch: 'x' })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('a large upload that loses its condition leaves no parts behind', async () => {
    const { store, bucket, client } = await open({ multipartAbove: 5 << 20, partBytes: 5 << 20 });
    const uri = `s3://${bucket}/large`;
    const bytes = Buffer.alloc(11 << 20, 'x');
    const writes = Array.from({ length: 4 }, () => store.put(uri, bytes, { ifNoneMatch: '*' }));
    const outcomes = await Promise.allSettled(writes);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const sdk = new S3Client(client);
    const { Uploads } = await sdk.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    sdk.destroy();
    expect(Uploads ?? []).toEqual([]);
    expect(await store.head(uri)).toMatchObject({ size: bytes.length });
  });

  test.each([
    [{ type: 's3' }, { ServerSideEncryption: 'AES256' }],
    [{ type: 'kms' }, { ServerSideEncryption: 'aws:kms' }],
    [
      { type: 'kms', key: 'arn:aws:kms:us-east-1:123456789012:key/1234abcd', bucketKey: true },
      {
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'arn:aws:kms:us-east-1:123456789012:key/1234abcd',
        BucketKeyEnabled: true,
      },
    ],
  ] as const)('what is written as a whole and in parts is encrypted as %o', async (encryption, expected) => {
    const { endpoint, region, bucket } = await rig.s3();
    const proxy = new S3Proxy(endpoint);
    const client = { endpoint: await proxy.start(), region, forcePathStyle: true };
    const store = new S3Store({ ...client, multipartAbove: 5 << 20, partBytes: 5 << 20, encryption });
    const sdk = new S3Client(client);
    try {
      for (const [Key, size] of [
        ['small', 10],
        ['large', 11 << 20],
      ] as const) {
        const bytes = Buffer.alloc(size, 'x');
        await store.put(`s3://${bucket}/${Key}`, bytes);
        const { BucketKeyEnabled: _, ...kept } = expected as HeadObjectCommandOutput;
        expect(await sdk.send(new HeadObjectCommand({ Bucket: bucket, Key }))).toMatchObject(kept);
        const { chunks } = await store.get(`s3://${bucket}/${Key}`);
        expect(Buffer.concat(await collect(chunks)).equals(bytes)).toBe(true);
      }
      const asked = proxy.requests.filter(({ headers }) => 'x-amz-server-side-encryption' in headers);
      expect(asked.map(({ method, query }) => `${method} ${query.split('&')[0]}`)).toEqual([
        'PUT x-id=PutObject',
        'POST uploads=',
      ]);
      for (const { headers } of asked)
        expect(headers['x-amz-server-side-encryption-bucket-key-enabled']).toBe(
          'BucketKeyEnabled' in expected ? 'true' : undefined,
        );
    } finally {
      sdk.destroy();
      store.close();
      await proxy.stop();
    }
  });

  test('an archived object says so, in a listing and by itself; one of a usual class says nothing', async () => {
    const { store, bucket, client } = await open();
    const sdk = new S3Client(client);
    for (const [Key, StorageClass] of [
      ['a', 'DEEP_ARCHIVE'],
      ['b', 'STANDARD'],
      ['c', 'STANDARD_IA'],
    ] as const)
      await sdk.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'x', StorageClass }));
    sdk.destroy();
    const listed = await collect(store.list(`s3://${bucket}/`));
    expect(listed.map(({ storageClass }) => storageClass)).toEqual(['DEEP_ARCHIVE', undefined, 'STANDARD_IA']);
    expect(listed.map(isArchived)).toEqual([true, false, false]);
    expect(isArchived((await store.head(`s3://${bucket}/a`))!)).toBe(true);
    await expect(store.get(`s3://${bucket}/a`)).rejects.toThrow(/archived: restore it first/);
  });

  test('an object as others write it is read as it is', async () => {
    const { store, bucket, client } = await open();
    const sdk = new S3Client(client);
    await sdk.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'stored', ContentEncoding: 'gzip' }));
    sdk.destroy();
    const { chunks } = await store.get(`s3://${bucket}/k`);
    expect(Buffer.concat(await collect(chunks)).toString()).toBe('stored');
  });
});

describe('S3 store on a bad network', () => {
  const uri = 's3://bucket/object';
  let server: CuttingS3;
  let store: S3Store;
  const environment = { ...process.env };

  beforeAll(() => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' });
  });
  afterAll(() => {
    process.env = environment;
  });
  beforeEach(async () => {
    server = new CuttingS3();
    const endpoint = await server.start();
    server.content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    store = new S3Store({ endpoint, forcePathStyle: true, maxAttempts: 2, retryDelay: 1, socketTimeout: 300 });
  });
  afterEach(async () => {
    store.close();
    await server.stop();
  });

  const info = (): ObjectInfo => ({ uri, size: server.content.length, etag: server.etag, lastModified: 0 });
  const sleep = async () => {};
  const gets = () => server.requests.filter((request) => request.startsWith('GET'));

  test('a body cut off again and again is taken up where it broke, pinned to its version', async () => {
    server.faults.push({ cutAfter: 70_000 }, { cutAfter: 1 }, { cutAfter: 100_000 });
    const whole = await readWhole(store, info(), { sleep });
    expect(whole.equals(server.content)).toBe(true);
    expect(gets()).toEqual([
      `GET "${server.etag}"`,
      `GET bytes=70000-299999 "${server.etag}"`,
      `GET bytes=70001-299999 "${server.etag}"`,
      `GET bytes=170001-299999 "${server.etag}"`,
    ]);
  });

  test('a body that goes silent is given up and taken up again', async () => {
    server.faults.push({ stallAfter: 70_000 });
    expect((await readWhole(store, info(), { sleep })).equals(server.content)).toBe(true);
    expect(gets()).toHaveLength(2);
  });

  test('an object replaced, or deleted, while it was read is not mixed with its successor', async () => {
    const before = info();
    server.faults.push({ cutAfter: 70_000, afterwards: () => server.replace(Buffer.alloc(300_000, 'x')) });
    await expect(readWhole(store, before, { sleep })).rejects.toMatchObject({ code: 'precondition-failed', uri });
    server.faults.push({ cutAfter: 70_000, afterwards: () => server.remove() });
    await expect(readWhole(store, info(), { sleep })).rejects.toMatchObject({ code: 'not-found', uri });
  });

  test.each([
    ['at once', []],
    ['in the middle of it', [{ cutAfter: 70_000 }]],
  ])('another version given %s by a store that does not know conditions is found out', async (_, faults) => {
    const before = info();
    const successor = Buffer.alloc(300_000, 'x');
    for (const fault of faults) server.faults.push({ ...fault, afterwards: () => server.replace(successor) });
    if (faults.length === 0) server.replace(successor);
    server.faults.push({ ignoreCondition: true });
    await expect(readWhole(store, before, { sleep })).rejects.toMatchObject({ code: 'precondition-failed', uri });
    const range = [100, 100] as const;
    await expect(store.get(uri, { range, ifMatch: before.etag })).rejects.toMatchObject({
      code: 'precondition-failed',
    });
  });

  test('retries end, with the last cause and how far it came', async () => {
    server.faults.push(...Array.from({ length: 10 }, () => ({ cutAfter: 10 })));
    const reading = readWhole(store, info(), { sleep, retries: 3 });
    await expect(reading).rejects.toMatchObject({
      code: 'transient',
      message: expect.stringContaining('40 of 300000'),
    });
    expect(gets()).toHaveLength(4);
  });

  test('a reader that leaves early lets go of the connection', async () => {
    server.faults.push({ stallAfter: 70_000 });
    for await (const chunk of readObject(store, info(), { sleep })) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect((await store.head(uri))!.size).toBe(300_000);
  });

  test('a store that does not know ranges is found out instead of believed', async () => {
    server.faults.push({ cutAfter: 70_000 }, { ignoreRange: true });
    await expect(readWhole(store, info(), { sleep })).rejects.toThrow('answered bytes from 0 on when asked for 70000');
  });

  test('a conditional write whose answer was lost is known for its own', async () => {
    server.remove();
    server.faults.push({ drop: 'after' });
    const created = await store.put(uri, Buffer.from('mine'), { ifNoneMatch: '*' });
    expect(created.etag).toBe(server.etag);
    server.faults.push({ drop: 'after' }, { drop: 'after' });
    const replaced = await store.put(uri, Buffer.from('mine too'), { ifMatch: created.etag });
    expect(replaced.etag).toBe(server.etag);
    expect(server.content.toString()).toBe('mine too');
  });

  test('a conditional write that another one beat is not, even if both wrote the same', async () => {
    server.remove();
    server.faults.push({ drop: 'after' });
    await store.put(uri, Buffer.from('same'), { ifNoneMatch: '*' });
    server.faults.push({ drop: 'before' });
    const second = store.put(uri, Buffer.from('same'), { ifNoneMatch: '*' });
    await expect(second).rejects.toMatchObject({ code: 'precondition-failed' });
  });

  test('a conflict of conditional writes is tried again, and in the end reported', async () => {
    const conflict = { status: 409, code: 'ConditionalRequestConflict' };
    server.remove();
    // The second conflict is followed by a look at what is there.
    server.faults.push(conflict, conflict, {}, {});
    await store.put(uri, Buffer.from('mine'), { ifNoneMatch: '*' });
    expect(server.content.toString()).toBe('mine');
    server.remove();
    server.faults.splice(0, server.faults.length, ...Array(40).fill(conflict));
    await expect(store.put(uri, [], { ifNoneMatch: '*' })).rejects.toMatchObject({ code: 'transient' });
  });

  test('errors say what was being done, to which object, and what can be done', async () => {
    server.faults.push({ status: 403, code: 'AccessDenied' });
    await expect(store.get(uri)).rejects.toThrow(/cannot read the object \(AccessDenied, HTTP 403; grant s3:GetObject/);
    server.faults.push({ status: 403 });
    await expect(store.head(uri)).rejects.toMatchObject({ code: 'access-denied' });
    server.faults.push({ status: 503, code: 'SlowDown' }, { status: 503, code: 'SlowDown' });
    await expect(store.get(uri)).rejects.toMatchObject({ code: 'transient' });
    server.faults.push({ status: 500, code: 'InternalError' });
    expect((await store.get(uri)).info.size).toBe(300_000);
    server.faults.push({ status: 403, code: 'InvalidObjectState' });
    await expect(store.get(uri)).rejects.toThrow(/it is archived: restore it first/);
    await server.stop();
    await expect(store.put(uri, [])).rejects.toMatchObject({ code: 'transient', uri });
  });
});
