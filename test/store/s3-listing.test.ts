import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import type { ListOptions } from '../../src/store/store.ts';
import { collect } from '../support/collect.ts';
import { type ListedPage, listingS3 } from '../support/listing-s3.ts';

describe('listings of S3 stores that differ from AWS', () => {
  let pageOf: (query: URLSearchParams) => ListedPage;
  let server: Awaited<ReturnType<typeof listingS3>>;
  let store: S3Store;
  const before = { id: process.env.AWS_ACCESS_KEY_ID, secret: process.env.AWS_SECRET_ACCESS_KEY };
  beforeEach(async () => {
    process.env.AWS_ACCESS_KEY_ID = 'test';
    process.env.AWS_SECRET_ACCESS_KEY = 'test';
    server = await listingS3((query) => pageOf(query));
    store = new S3Store({ endpoint: server.endpoint, region: 'us-west-2', forcePathStyle: true });
  });
  afterEach(async () => {
    store.close();
    await server.stop();
    process.env.AWS_ACCESS_KEY_ID = before.id;
    process.env.AWS_SECRET_ACCESS_KEY = before.secret;
  });
  const keys = async (prefix: string, options?: ListOptions) =>
    (await collect(store.list(prefix, options))).map(({ uri }) => uri.slice(uri.indexOf('/', 5) + 1));

  test('a directory bucket is asked for whole folders and from the start, and gives what was asked for', async () => {
    pageOf = () => ({ keys: ['logs/b', 'logs/other', 'logs/c', 'logs/a', 'logs/bb'] });
    const root = 's3://logs--usw2-az1--x-s3';
    expect(await keys(`${root}/logs/b`)).toEqual(['logs/b', 'logs/bb']);
    expect(await keys(`${root}/logs/`, { startAfter: `${root}/logs/b` })).toEqual(['logs/other', 'logs/c', 'logs/bb']);
    expect(server.asked.map((query) => [query.get('prefix'), query.get('start-after')])).toEqual([
      ['logs/', null],
      ['logs/', null],
    ]);
  });

  test('other buckets are asked for the prefix and the start, and held to both', async () => {
    pageOf = () => ({ keys: ['logs/a', 'logs/b', 'logs/c', 'other/x'] });
    expect(await keys('s3://bucket/logs/', { startAfter: 's3://bucket/logs/a' })).toEqual(['logs/b', 'logs/c']);
    expect(server.asked.map((query) => [query.get('prefix'), query.get('start-after')])).toEqual([['logs/', 'logs/a']]);
  });

  test.each<[string, ListedPage]>([
    ['says that there is more and not where', { keys: ['a'], isTruncated: true }],
    ['goes in a circle', { keys: ['a'], isTruncated: true, next: 'again' }],
  ])('a listing that %s is an error, and never taken for a whole one', async (_, page) => {
    pageOf = () => page;
    await expect(keys('s3://bucket/')).rejects.toThrow(/the listing goes on, and not where: s3:\/\/bucket\//);
  });
});
