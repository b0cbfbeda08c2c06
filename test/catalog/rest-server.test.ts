/** What the reference server cannot be asked to do: lose answers, be slow to let in, page, and set its clients up. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { RestCatalog } from '../../src/catalog/rest/catalog.ts';
import { settingsOf } from '../../src/catalog/rest/client.ts';
import type { RestAuth } from '../../src/config/catalogs.ts';
import { Secret } from '../../src/config/secret.ts';
import { CommitConflict, CommitStateUnknown } from '../../src/iceberg/catalog.ts';
import { parseJson, stringifyJson } from '../../src/iceberg/json.ts';
import type { TableMetadata } from '../../src/iceberg/metadata.ts';
import { newTableMetadata } from '../../src/iceberg/schema.ts';
import { signed } from '../../src/store/aws-request.ts';
import { SigningKeys } from '../../src/store/s3-signature.ts';
import { events } from '../iceberg/fixture.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}
type Answer = (asked: Asked, response: ServerResponse) => void;

/** A server of its own; `answer` is not asked for the configuration. */
async function serve(answer: Answer, config: unknown = {}): Promise<{ uri: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const one = { method, url, headers, text: Buffer.concat(chunks).toString() };
    asked.push(one);
    if (url.startsWith('/v1/config')) response.end(JSON.stringify(config));
    else answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const open = (uri: string, auth?: RestAuth, serverWarehouse?: string) =>
  new RestCatalog({ uri, namespace: ['a', 'b c'], warehouse: 'memory://warehouse', auth, serverWarehouse });

const base = newTableMetadata({ uuid: 'u', location: 'memory://warehouse/events', declaration: events, nowMs: 1 });
const loaded = { metadataLocation: 'memory://m/1', metadata: base, version: 'memory://m/1' };
const blue: TableMetadata = { ...base, properties: { ...base.properties, colour: 'blue' } };
const result = (metadata: TableMetadata, location: string) =>
  stringifyJson({ 'metadata-location': location, metadata, config: {} });
const refuse = (response: ServerResponse, status: number, message = 'no', type = 'SomeException') => {
  response.statusCode = status;
  response.end(JSON.stringify({ error: { message, type, code: status } }));
};

describe('a commit', () => {
  /** Commits are answered by `commit`; the table is read as `current`. */
  const committing = async (commit: Answer, current: () => string) => {
    const { uri } = await serve((asked, response) =>
      asked.method === 'POST' ? commit(asked, response) : response.end(current()),
    );
    return open(uri).commitTable('events', loaded, blue);
  };

  test('whose answer was lost, and which took effect, is found in the table', async () => {
    const committed = await committing(
      (_, response) => response.destroy(),
      () => result(blue, 'memory://m/2'),
    );
    expect(committed.version).toBe('memory://m/2');
    expect(committed.metadata.properties.colour).toBe('blue');
  });

  test.each([500, 502, 503, 504])('that ends with %i is unknown while it may still take effect', async (status) => {
    const committed = committing(
      (_, response) => refuse(response, status),
      () => result(base, 'memory://m/1'),
    );
    await expect(committed).rejects.toBeInstanceOf(CommitStateUnknown);
  });

  test('that ends with 500 is a conflict once what it rests on has changed', async () => {
    const other = {
      ...base,
      'current-schema-id': 1,
      schemas: [...base.schemas, { ...base.schemas[0]!, 'schema-id': 1 }],
    };
    const committed = committing(
      (_, response) => refuse(response, 500),
      () => result(other, 'memory://m/2'),
    );
    await expect(committed).rejects.toBeInstanceOf(CommitConflict);
  });

  test('that is refused with 409 is a conflict', async () => {
    const committed = committing(
      (_, response) => refuse(response, 409),
      () => result(base, 'memory://m/1'),
    );
    await expect(committed).rejects.toBeInstanceOf(CommitConflict);
  });

  test('that is refused for another reason is a conflict only where the table has moved on', async () => {
    const moved = committing(
      (_, response) => refuse(response, 400),
      () => result(base, 'memory://m/2'),
    );
    await expect(moved).rejects.toBeInstanceOf(CommitConflict);
    const standing = committing(
      (_, response) => refuse(response, 403, 'not yours\u001b[2J', 'ForbiddenException'),
      () => result(base, 'memory://m/1'),
    );
    await expect(standing).rejects.toThrow(/HTTP 403, ForbiddenException: not yours\\u\{1b\}\[2J; .*catalog\.auth/);
  });

  test('sends snapshot ids of 63 bits as they are', async () => {
    const id = 9_007_199_254_740_993n;
    const snapshot = { 'snapshot-id': id, 'sequence-number': 1, 'timestamp-ms': 2, summary: {}, 'manifest-list': 'm' };
    const next: TableMetadata = {
      ...base,
      snapshots: [snapshot],
      refs: { main: { 'snapshot-id': id, type: 'branch' } },
      'current-snapshot-id': id,
    };
    const { uri, asked } = await serve((_, response) => response.end(result(next, 'memory://m/2')));
    const committed = await open(uri).commitTable('events', loaded, next);
    expect(committed.metadata['current-snapshot-id']).toBe(id);
    expect(asked.at(-1)!.text).toContain('"snapshot-id":9007199254740993,');
    expect(parseJson(asked.at(-1)!.text)).toMatchObject({ identifier: { namespace: ['a', 'b c'], name: 'events' } });
  });
});

describe('reading', () => {
  test('asks only whether there is something newer where the server has ETags', async () => {
    const { uri, asked } = await serve(({ headers }, response) => {
      response.setHeader('etag', '"one"');
      if (headers['if-none-match'] === '"one"') response.statusCode = 304;
      response.end(response.statusCode === 304 ? undefined : result(base, 'memory://m/1'));
    });
    const catalog = open(uri);
    const first = await catalog.loadTable('events');
    expect((await catalog.loadTable('events'))?.metadata).toBe(first?.metadata);
    expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, undefined, '"one"']);
  });

  test('goes through all pages of a list, and ends where the server does not', async () => {
    const page = (name: string, next: string | null) =>
      JSON.stringify({ identifiers: [{ namespace: ['a'], name }], 'next-page-token': next });
    const { uri } = await serve(({ url }, response) =>
      response.end(url.includes('pageToken=p%262') ? page('a', null) : page('b', 'p&2')),
    );
    expect(await open(uri).listTables()).toEqual(['a', 'b']);
  });

  test('is tried again where the server is not well, and then said to fail', async () => {
    let failures = 0;
    const { uri } = await serve((_, response) =>
      ++failures <= 2 ? refuse(response, 503) : response.end(result(base, 'memory://m/1')),
    );
    expect((await open(uri).loadTable('events'))?.version).toBe('memory://m/1');
    const { uri: page } = await serve((_, response) => response.end('<html>'));
    await expect(open(page).loadTable('events')).rejects.toThrow('the answer is not JSON');
  });

  test('of a server that has no configuration is an error, not an empty catalog', async () => {
    const { uri } = await serve((_, response) => refuse(response, 404));
    const catalog = open(`${uri}/elsewhere`);
    const doing = /configuration of the catalog at .*elsewhere: HTTP 404/;
    await expect(catalog.loadTable('events')).rejects.toThrow(doing);
    await expect(catalog.listTables()).rejects.toThrow(doing);
    await expect(catalog.ensureNamespace()).rejects.toThrow(doing);
    await expect(catalog.registerViews([])).rejects.toThrow(doing);
  });

  test('does not follow a redirect, which would take the token along', async () => {
    const { uri: elsewhere, asked } = await serve((_, response) => response.end('{}'));
    const { uri } = await serve((_, response) => {
      response.writeHead(307, { location: `${elsewhere}/v1/x` });
      response.end();
    });
    const token: RestAuth = { type: 'token', token: new Secret('t') };
    await expect(open(uri, token).loadTable('events')).rejects.toThrow('HTTP 307');
    expect(asked).toEqual([]);
  });
});

describe('the server says', () => {
  test('where its resources are: prefix, overriding the default, and separator of levels', async () => {
    const config = { defaults: { prefix: 'x' }, overrides: { prefix: 'arn%3Aaws', 'namespace-separator': '%2E' } };
    const { uri, asked } = await serve((_, response) => refuse(response, 404), config);
    expect(await open(`${uri}/`, undefined, 'w 1').loadTable('events')).toBeUndefined();
    expect(asked.map(({ url }) => url)).toEqual([
      '/v1/config?warehouse=w+1',
      '/v1/arn%3Aaws/namespaces/a%2Eb%20c/tables/events',
    ]);
  });

  test.each(['../admin', 'a/../b', '.', 'a?b', 'a#b', 'a\\b', 'a b'])('a prefix %j, and is not believed', (prefix) => {
    expect(() => settingsOf('http://x', { overrides: { prefix } })).toThrow('prefix');
  });

  test('nothing else of what a client does', () => {
    const overrides = { uri: 'http://evil', token: 't', 'oauth2-server-uri': 'http://evil/tokens' };
    expect(settingsOf('http://x', { overrides })).toEqual({ root: 'http://x/v1', separator: '%1F' });
    expect(settingsOf('http://x', 'no object')).toEqual({ root: 'http://x/v1', separator: '%1F' });
  });

  test('no views, and none are registered', async () => {
    const { uri, asked } = await serve((_, response) => refuse(response, 500), {
      endpoints: ['GET /v1/{prefix}/namespaces'],
    });
    expect(await open(uri).registerViews([])).toEqual({ created: [], updated: [], foreign: [] });
    expect(asked).toHaveLength(1);
  });
});

describe('signing in', () => {
  const oauth2: RestAuth = { type: 'oauth2', clientId: 'c', clientSecret: new Secret('s&1') };
  /** Tokens are numbered; what they open is for `lets` to say. */
  const withTokens = async (lets: (token: string) => boolean, life = 3600) => {
    let issued = 0;
    return serve(({ url, headers }, response) => {
      if (url === '/v1/oauth/tokens') response.end(JSON.stringify({ access_token: `t${++issued}`, expires_in: life }));
      else if (lets(headers.authorization ?? '')) response.end(result(base, 'memory://m/1'));
      else refuse(response, 401);
    });
  };

  test('by OAuth2 takes one token for all requests, side by side', async () => {
    const { uri, asked } = await withTokens((token) => token === 'Bearer t1');
    const catalog = open(uri, oauth2);
    await Promise.all([catalog.loadTable('events'), catalog.loadTable('events'), catalog.loadTable('others')]);
    const issuing = asked.filter(({ url }) => url === '/v1/oauth/tokens');
    expect(issuing.map(({ text }) => text)).toEqual([
      'grant_type=client_credentials&client_id=c&client_secret=s%261&scope=catalog',
    ]);
  });

  test('by OAuth2 asks for another token where one has been revoked, once', async () => {
    const { uri } = await withTokens((token) => token === 'Bearer t2');
    expect((await open(uri, oauth2).loadTable('events'))?.version).toBe('memory://m/1');
    const { uri: closed } = await withTokens(() => false);
    await expect(open(closed, oauth2).loadTable('events')).rejects.toThrow(/HTTP 401, .*catalog\.auth/);
  });

  test('by OAuth2 renews a token whose life is over', async () => {
    const { uri, asked } = await withTokens(() => true, 1e-9);
    const catalog = open(uri, oauth2);
    await catalog.loadTable('events');
    await catalog.loadTable('events');
    expect(asked.filter(({ url }) => url === '/v1/oauth/tokens').length).toBeGreaterThan(1);
  });

  test.each([429, 500, 503])('by OAuth2 is tried again where no token is issued for a while: %i', async (status) => {
    let asked = 0;
    const { uri } = await serve(({ url }, response) => {
      if (url !== '/v1/oauth/tokens') response.end(result(base, 'memory://m/1'));
      else if (++asked <= 2) refuse(response, status);
      else response.end(JSON.stringify({ access_token: 't' }));
    });
    expect((await open(uri, oauth2).loadTable('events'))?.version).toBe('memory://m/1');
  });

  test('that fails says nothing of tables, and nothing has been sent', async () => {
    let status = 200;
    const sent: string[] = [];
    const { uri } = await serve(({ method, url }, response) => {
      if (url !== '/v1/oauth/tokens') {
        sent.push(method);
        response.end(result(base, 'memory://m/1'));
      } else if (status !== 200) refuse(response, status);
      else response.end(JSON.stringify({ access_token: 't', expires_in: 1e-9 }));
    });
    const catalog = open(uri, oauth2);
    await catalog.loadTable('events');
    sent.length = 0;
    for (status of [404, 409]) {
      const said = new RegExp(`OAuth2 token for client c: HTTP ${status}`);
      await expect(catalog.loadTable('events')).rejects.toThrow(said);
      await expect(catalog.listTables()).rejects.toThrow(said);
      await expect(catalog.ensureNamespace()).rejects.toThrow(said);
      await expect(catalog.createTable('events', base)).rejects.toThrow(said);
      await expect(catalog.commitTable('events', loaded, blue)).rejects.toThrow(said);
    }
    expect(sent).toEqual([]);
  });

  test('that is refused shows no secret', async () => {
    const { uri } = await serve((_, response) => {
      response.statusCode = 401;
      response.end(JSON.stringify({ error: 'invalid_client', error_description: 'who is that' }));
    });
    const failure = await open(uri, oauth2)
      .loadTable('events')
      .catch((error: Error) => error);
    expect(String(failure)).toMatch(/client c: HTTP 401, invalid_client: who is that/);
    expect(JSON.stringify(failure) + String((failure as Error).stack)).not.toContain('s&1');
  });

  test('by a token that no header can hold is an error that does not show it', async () => {
    const { uri } = await serve((_, response) => response.end(JSON.stringify({ access_token: 'abc\ndef' })));
    const failure = await open(uri, oauth2)
      .loadTable('events')
      .catch((error: Error) => error);
    expect(String(failure)).toContain('the answer has no token');
    expect(String((failure as Error).stack)).not.toContain('abc');
  });

  test('by a token sends it', async () => {
    const { uri, asked } = await serve((_, response) => response.end(result(base, 'memory://m/1')));
    await open(uri, { type: 'token', token: new Secret('abc') }).loadTable('events');
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer abc', 'Bearer abc']);
  });

  test('by AWS signs as its SDK does', async () => {
    const { SignatureV4 } = await import('@smithy/signature-v4');
    const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'session' };
    const url = new URL(
      'https://glue.eu-west-1.amazonaws.com/iceberg/v1/a%3Ab/namespaces/x%1Fy/tables?pageToken=a%20b%26&z=1',
    );
    const request = { method: 'POST' as const, url, headers: { accept: 'application/json' }, body: '{"a":"ü"}' };
    const now = new Date('2026-01-02T03:04:05Z');
    const ours = signed(request, 'glue', 'eu-west-1', credentials, now, new SigningKeys());
    const { createHash, createHmac } = await import('node:crypto');
    class Sha256 {
      readonly #hash;
      constructor(secret?: string | Uint8Array) {
        this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
      }
      update(data: Uint8Array | string): void {
        this.#hash.update(data);
      }
      async digest(): Promise<Uint8Array> {
        return this.#hash.digest();
      }
      reset(): void {}
    }
    const signer = new SignatureV4({ service: 'glue', region: 'eu-west-1', credentials, sha256: Sha256 as never });
    const theirs = await signer.sign(
      {
        method: 'POST',
        protocol: 'https:',
        hostname: url.hostname,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { accept: 'application/json', host: url.host },
        body: request.body,
      },
      { signingDate: now },
    );
    expect(ours.headers.authorization).toBe(theirs.headers.authorization);
    expect(ours.headers).toEqual(theirs.headers);
  });
});
