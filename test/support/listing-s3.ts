/** An S3 on loopback that only lists, page by page as told, and remembers what it was asked. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ObjectInfo } from '../../src/store/store.ts';

export interface ListedObject extends Omit<ObjectInfo, 'uri'> {
  readonly key: string;
}

export interface ListedPage {
  readonly keys: readonly string[];
  /** What is said about there being more. */
  readonly isTruncated?: boolean;
  readonly next?: string;
}

export async function listingS3(pageOf: (query: URLSearchParams) => ListedPage) {
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
    response.writeHead(200, { 'content-type': 'application/xml' });
    if (query.has('session')) return void response.end(session);
    asked.push(query);
    const { keys, ...more } = pageOf(query);
    response.end(
      listXml(
        keys.map((key) => ({ key, size: 1, etag: 'e', lastModified: 0 })),
        more,
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async stop(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The answer to ListObjectsV2, with URL-encoded keys. */
export function listXml(objects: readonly ListedObject[], more: Omit<ListedPage, 'keys'>): string {
  const contents = objects.map(
    ({ key, size, etag, lastModified }) =>
      `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${size}</Size><ETag>&quot;${etag}&quot;</ETag><LastModified>${new Date(lastModified).toISOString()}</LastModified></Contents>`,
  );
  const next = more.next === undefined ? '' : `<NextContinuationToken>${more.next}</NextContinuationToken>`;
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more.isTruncated === true}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
}

const session =
  '<?xml version="1.0" encoding="UTF-8"?><CreateSessionResult><Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>';
