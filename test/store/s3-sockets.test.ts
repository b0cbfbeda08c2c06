/** Whole objects are read from the socket into place, whatever way the answer comes, and never anything else into it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startChecksum } from '../../src/store/checksum.ts';
import { readWhole } from '../../src/store/read.ts';
import { S3Store } from '../../src/store/s3.ts';
import { authorize, SigningKeys } from '../../src/store/s3-signature.ts';
import { collect } from '../support/collect.ts';

const uri = 's3://bucket/object';
const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) % 251));
const info = { uri, size: bytes.length, etag: 'e', lastModified: 0 };
const sleep = async () => {};

/** What the server says to each request in turn; the last one again and again. */
type Say = (socket: Socket, request: string) => void;

const environment = { ...process.env };
const closing: (() => unknown)[] = [];
let connections = 0;
let requests: string[] = [];

beforeEach(() => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' });
  connections = 0;
  requests = [];
});

afterEach(async () => {
  process.env = { ...environment };
  for (const close of closing.splice(0).reverse()) await close();
});

async function storeOn(
  says: Say[],
  options: { readonly socketTimeout?: number; readonly onThrottled?: () => void; readonly tls?: object } = {},
): Promise<S3Store> {
  const { tls, ...given } = options;
  const serve = (socket: Socket): void => {
    connections++;
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!text.endsWith('\r\n\r\n')) return;
      requests.push(text.slice(0, text.indexOf('\r\n')));
      const request = text;
      text = '';
      (says.length > 1 ? says.shift()! : says[0]!)(socket, request);
    });
  };
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  const open = new Set<Socket>();
  server.on('connection', (socket) => open.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of open) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  const endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const store = new S3Store({ endpoint, forcePathStyle: true, maxAttempts: 2, ...given });
  closing.push(() => store.close());
  return store;
}

const head = (...lines: string[]): string => `HTTP/1.1 200 OK\r\nETag: "e"\r\n${lines.join('\r\n')}\r\n\r\n`;
const length = `Content-Length: ${bytes.length}`;
const whole: Say = (socket) => void socket.write(Buffer.concat([Buffer.from(head(length)), bytes]));
const checksum = (body: Buffer): string => {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return `x-amz-checksum-crc32: ${crc.toString('base64')}`;
};

test('bytes go into the memory that is there for them, and connections are used again', async () => {
  const store = await storeOn([whole]);
  for (let n = 0; n < 5; n++) {
    const into = Buffer.alloc(bytes.length);
    const { chunks } = await store.get(uri, { into });
    for (const chunk of await collect(chunks)) expect(chunk.buffer).toBe(into.buffer);
    expect(into.equals(bytes)).toBe(true);
  }
  expect(connections).toBe(1);
});

test('over TLS as well', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'audit-warehouse-tls-'));
  closing.push(() => rm(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', [...request, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const store = await storeOn([whole], { tls: { key: readFileSync(key), cert: readFileSync(cert) } });
  // A certificate that nobody vouches for is refused.
  await expect(readWhole(store, info, { sleep, retries: 0 })).rejects.toThrow(/self-signed certificate/);
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  for (let n = 0; n < 3; n++) expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
});

test('however the answer is cut into packets, and whatever was said before it', async () => {
  const answer = Buffer.concat([Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${head(length)}`), bytes]);
  const inPieces: Say = async (socket) => {
    for (const [start, end] of [
      [0, 5],
      [5, 26],
      [26, 60],
      [60, 61],
      [61, 200_000],
      [200_000, answer.length],
    ]) {
      socket.write(answer.subarray(start, end));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const store = await storeOn([inPieces]);
  for (let n = 0; n < 2; n++) expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
  expect(connections).toBe(1);
});

test.each<[string, Say]>([
  [
    'in chunks',
    (socket) => {
      socket.write(head('Transfer-Encoding: chunked'));
      for (const part of [bytes.subarray(0, 99_999), bytes.subarray(99_999)])
        socket.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
      socket.write('0\r\n\r\n');
    },
  ],
])('an answer %s is read by Node, to the same bytes', async (_, say) => {
  const store = await storeOn([say]);
  for (let n = 0; n < 5; n++) expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
});

test('a connection that the store wants to end, or has ended, is not used again', async () => {
  const last: Say = (socket) => void socket.end(Buffer.concat([Buffer.from(head(length, 'Connection: close')), bytes]));
  const store = await storeOn([last]);
  for (let n = 0; n < 3; n++) expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
  expect(connections).toBe(3);
});

test('a body that breaks off is taken up again where it stopped', async () => {
  const broken: Say = (socket) => void socket.end(Buffer.concat([Buffer.from(head(length)), bytes.subarray(0, 1000)]));
  const rest: Say = (socket, request) => {
    expect(request).toMatch(/range: bytes=1000-/i);
    const lines = [`Content-Length: ${bytes.length - 1000}`, `Content-Range: bytes 1000-299999/300000`];
    socket.write(Buffer.concat([Buffer.from(head(...lines).replace('200 OK', '206 Partial')), bytes.subarray(1000)]));
  };
  const store = await storeOn([broken, rest]);
  expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
});

test('an error is told as it is, in chunks or not', async () => {
  const text = '<Error><Code>PreconditionFailed</Code></Error>';
  const refusal = 'HTTP/1.1 412 Precondition Failed\r\nContent-Type: application/xml\r\n';
  const plain: Say = (socket) => void socket.write(`${refusal}Content-Length: ${text.length}\r\n\r\n${text}`);
  const chunked: Say = (socket) =>
    void socket.write(
      `${refusal}Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`,
    );
  const store = await storeOn([plain, chunked]);
  for (let n = 0; n < 2; n++)
    await expect(readWhole(store, info, { sleep })).rejects.toMatchObject({ code: 'precondition-failed' });
});

test('a store that is asked too much is told so, and asked again', async () => {
  const slow: Say = (socket) => {
    const text = '<Error><Code>SlowDown</Code></Error>';
    socket.write(`HTTP/1.1 503 Slow Down\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  };
  let throttled = 0;
  const store = await storeOn([slow, whole], { onThrottled: () => void throttled++ });
  expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
  expect(throttled).toBe(1);
});

test('more than was asked for is not taken, and nothing is written past its place', async () => {
  const store = await storeOn([whole]);
  const memory = Buffer.alloc(2000, 'x');
  const reading = readWhole(store, { ...info, size: 1000 }, { sleep, into: memory.subarray(0, 1000) });
  await expect(reading).rejects.toThrow(/more than the 1000 bytes/);
  expect(memory.subarray(1000).equals(Buffer.alloc(1000, 'x'))).toBe(true);
});

test('a reader that stops ends the connection, and the next one gets another', async () => {
  const stop = new AbortController();
  const silent: Say = (socket) => {
    socket.write(head(length));
    setTimeout(() => stop.abort(new Error('enough')), 20);
  };
  const store = await storeOn([silent, whole]);
  const reading = readWhole(store, info, { sleep, signal: stop.signal });
  await expect(reading).rejects.toThrow('enough');
  expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
  expect(connections).toBeGreaterThan(1);
});

test('a store that falls silent is given up after the time that is set', async () => {
  const silent: Say = (socket) => void socket.write(head(length));
  const store = await storeOn([silent], { socketTimeout: 100 });
  await expect(readWhole(store, info, { sleep, retries: 0 })).rejects.toMatchObject({ code: 'transient' });
});

test('bytes that do not match their checksum are read again, and never used', async () => {
  const flipped = Buffer.from(bytes);
  flipped[123_456]! ^= 4;
  const damaged: Say = (socket) =>
    void socket.write(Buffer.concat([Buffer.from(head(length, checksum(bytes))), flipped]));
  const right: Say = (socket) => void socket.write(Buffer.concat([Buffer.from(head(length, checksum(bytes))), bytes]));
  const mended = await storeOn([damaged, right]);
  expect((await readWhole(mended, info, { sleep })).equals(bytes)).toBe(true);
  const store = await storeOn([damaged]);
  await expect(readWhole(store, info, { sleep })).rejects.toThrow(/do not match the checksum/);
});

test.each(['crc32c', 'crc64nvme'] as const)('the checksum %s is compared as well', async (algorithm) => {
  const running = startChecksum(algorithm);
  running.update(bytes);
  const name = `x-amz-checksum-${algorithm}: ${running.value()}`;
  const flipped = Buffer.from(bytes);
  flipped[200_000]! ^= 1;
  const answer =
    (body: Buffer): Say =>
    (socket) =>
      void socket.write(Buffer.concat([Buffer.from(head(length, name)), body]));
  const store = await storeOn([answer(flipped), answer(bytes)]);
  expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
  expect(requests).toHaveLength(2);
});

test('checksums of parts are not taken for one of the whole', async () => {
  const composed = `${checksum(bytes)}-3`;
  const store = await storeOn([
    (socket) => void socket.write(Buffer.concat([Buffer.from(head(length, composed)), bytes])),
  ]);
  expect((await readWhole(store, info, { sleep })).equals(bytes)).toBe(true);
});

test('what is signed here is signed as the SDK does it', async () => {
  const said: string[] = [];
  const record: Say = (socket, request) => {
    said.push(request);
    whole(socket, request);
  };
  const store = await storeOn([record]);
  process.env.AWS_SESSION_TOKEN = 'a token';
  const odd = "s3://bucket/a b/(c)=d'!*+é/../e";
  for (let n = 0; n < 3; n++)
    expect((await readWhole(store, { ...info, uri: odd }, { sleep })).equals(bytes)).toBe(true);
  const [bySdk, ...byUs] = said;
  for (const request of [bySdk!, ...byUs]) {
    const [first, ...lines] = request.trimEnd().split('\r\n');
    const [, target] = first!.split(' ');
    const headers = Object.fromEntries(
      lines.map((line) => [line.split(':', 1)[0]!, line.slice(line.indexOf(':') + 2)]),
    );
    const names = /SignedHeaders=([^,]*)/.exec(headers.authorization!)![1]!.split(';');
    const [path, query = ''] = target!.split('?');
    const signable = {
      method: 'GET',
      path: path!,
      query,
      headers: Object.fromEntries(names.map((name) => [name, headers[name]!])),
      payload: headers['x-amz-content-sha256']!,
    };
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    expect(authorize(signable, 'us-east-1', credentials, new SigningKeys())).toBe(headers.authorization);
    expect(path).toBe(bySdk!.split(/[ ?]/)[1]);
  }
  expect(bySdk).toMatch(/amz-sdk-request/);
  for (const request of byUs) {
    expect(request).not.toMatch(/amz-sdk-request/);
    expect(request).toMatch(/if-match: "e"\r\n/);
    expect(request).toMatch(/x-amz-checksum-mode: ENABLED\r\n/);
  }
});
