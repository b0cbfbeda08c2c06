import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { S3Store } from '../../src/store/s3.ts';
import { collect } from '../support/collect.ts';
import { listXml } from '../support/listing-s3.ts';

describe('what answers in the place of S3', () => {
  let answer: { readonly status: number; readonly body: string };
  let server: Server;
  let store: S3Store;
  let asked: string[];
  beforeEach(async () => {
    asked = [];
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    server = createServer((request, response) => {
      request.resume();
      asked.push(request.method ?? '');
      response.writeHead(answer.status, { 'content-type': 'text/html' });
      response.end(request.method === 'HEAD' ? undefined : answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    store = new S3Store({ endpoint: `http://127.0.0.1:${port}`, region: 'us-west-2', forcePathStyle: true });
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    store.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('a page of a proxy does not pass for a listing, an object or the receipt of a write', async () => {
    answer = { status: 200, body: '<html><body>Please sign in</body></html>' };
    const refused = /^the answer is not that of an S3 store \(see s3\.endpoint/;
    await expect(collect(store.list('s3://bucket/logs/'))).rejects.toThrow(refused);
    await expect(collect(store.listFolders('s3://bucket/logs/'))).rejects.toThrow(refused);
    await expect(store.head('s3://bucket/a')).rejects.toThrow(refused);
    await expect(store.get('s3://bucket/a')).rejects.toThrow(refused);
    await expect(store.get('s3://bucket/a', { into: new Uint8Array(1000) })).rejects.toThrow(refused);
    await expect(store.put('s3://bucket/a', new Uint8Array(10))).rejects.toThrow(refused);
    await expect(store.put('s3://bucket/a', new Uint8Array(10), { ifNoneMatch: '*' })).rejects.toThrow(refused);
  });

  test('a listing whose answer is cut off is asked for again, and in the end said to be no answer of S3', async () => {
    const whole = listXml([{ key: 'a', size: 1, etag: 'e', lastModified: 0 }], {});
    for (const length of [whole.length - 1, whole.length >> 1, 10]) {
      answer = {
        status: 200,
        get body() {
          return asked.length === 1 ? whole.slice(0, length) : whole;
        },
      };
      const listed = await collect(store.list('s3://bucket/'));
      expect(listed.map(({ uri }) => uri)).toEqual(['s3://bucket/a']);
      expect(asked.splice(0)).toHaveLength(2);
    }
    answer = { status: 200, body: '<html><br>' };
    await expect(collect(store.list('s3://bucket/'))).rejects.toThrow(
      /^the answer is cut off, or not that of an S3 store/,
    );
  }, 20_000);

  describe('an upload in parts', () => {
    const upload = async (): Promise<unknown> => {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const inParts = new S3Store({ endpoint, region: 'us-west-2', forcePathStyle: true, multipartAbove: 5 });
      return inParts.put('s3://bucket/a', new Uint8Array(10)).finally(() => inParts.close());
    };

    test('that never began deletes nothing', async () => {
      answer = { status: 200, body: '<html><body>Please sign in</body></html>' };
      await expect(upload()).rejects.toThrow(/not that of an S3 store/);
      expect(asked).toEqual(['POST']);
    });

    test('whose parts nobody has taken is aborted', async () => {
      answer = {
        status: 200,
        body: '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
      };
      await expect(upload()).rejects.toThrow(/not that of an S3 store/);
      expect(asked).toEqual(['POST', 'PUT', 'DELETE']);
    });
  });

  test('an error without a body is said by its status, with what it may be', async () => {
    answer = { status: 400, body: '' };
    await expect(store.head('s3://bucket/a')).rejects.toThrow(
      /^cannot look at the object \(HTTP 400; credentials that have expired/,
    );
    answer = { status: 403, body: '' };
    await expect(store.head('s3://bucket/a')).rejects.toThrow(/^cannot look at the object \(HTTP 403; grant /);
  });
});
