/**
 * An S3 on loopback with the latency of a real one, for measuring what a local endpoint hides. Path style, any credentials.
 * A folder is served as the bucket `raw`; all other buckets are in memory and can be written. Every request waits its
 * latency, times 0.6 to 1.4, before it is answered, PUT and LIST half as long again; conditional writes are S3's.
 *
 * Run on its own it prints its port: node distant-s3.ts FOLDER LATENCY_MS. POST /_reset forgets what was asked and
 * written, GET /_asked says what was: requests by kind, bytes sent, and the most requests in flight; GET /_log has a line for each
 * request: milliseconds from the reset to its arrival and to the end of its answer, its kind, and what it asked for.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a server was asked since it was last reset. */
export interface Asked {
  /** By kind: GET, HEAD, LIST, PUT, DELETE, and the calls of uploads in parts: CREATE, PART, COMPLETE. */
  readonly requests: Readonly<Record<string, number>>;
  readonly bytesSent: number;
  readonly mostInFlight: number;
  /** Numbered metadata files after the first of each table: those created, and those that another writer had created before. */
  readonly commits: { readonly made: number; readonly lost: number };
}

interface Stored {
  readonly size: number;
  readonly etag: string;
  readonly modified: Date;
  readonly read: () => Buffer;
}

/** Of the folder's content, kept in memory, so that the server takes as little as it can of the CPUs that are measured. */
const keptBytes = 1 << 30;

export class DistantS3 {
  readonly #latency: number;
  readonly #pageKeys: number;
  readonly #input = new Map<string, Stored>();
  /** Keys of the bucket `raw`, in the order of a listing. */
  readonly #inputKeys: readonly string[];
  #written = new Map<string, Stored>();
  #uploads = new Map<string, Map<number, Buffer>>();
  #requests: Record<string, number> = {};
  #bytesSent = 0;
  #inFlight = 0;
  #mostInFlight = 0;
  #commits = { made: 0, lost: 0 };
  #nextUpload = 0;
  #nextEtag = 0;
  #log: string[] = [];
  #resetAt = performance.now();
  readonly #server = createServer(
    { keepAliveTimeout: 60_000 },
    (request, response) => void this.#serve(request, response),
  );

  /** `pageKeys` are those of a listing at most, as many as S3 gives by default. */
  constructor(folder: string, latency: number, pageKeys = 1000) {
    this.#latency = latency;
    this.#pageKeys = pageKeys;
    let room = keptBytes;
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const { size, mtime } = statSync(path);
      const etag = createHash('md5').update(`${path} ${size} ${mtime.getTime()}`).digest('hex');
      room -= size;
      const kept = room >= 0 ? readFileSync(path) : undefined;
      this.#input.set(`raw/${path.slice(folder.replace(/\/*$/, '/').length)}`, {
        size,
        etag,
        modified: inSeconds(mtime.getTime()),
        read: () => kept ?? readFileSync(path),
      });
    }
    this.#inputKeys = [...this.#input.keys()].sort(byBytes);
  }

  /** Resolves with the port. */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get asked(): Asked {
    return {
      requests: this.#requests,
      bytesSent: this.#bytesSent,
      mostInFlight: this.#mostInFlight,
      commits: this.#commits,
    };
  }

  reset(): void {
    this.#written = new Map();
    this.#uploads = new Map();
    this.#requests = {};
    this.#bytesSent = 0;
    this.#mostInFlight = 0;
    this.#commits = { made: 0, lost: 0 };
    this.#log = [];
    this.#resetAt = performance.now();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url!, 'http://s3');
    if (url.pathname === '/_asked') {
      response.end(JSON.stringify(this.asked));
      return;
    }
    if (url.pathname === '/_log') {
      response.end(this.#log.map((line) => `${line}\n`).join(''));
      return;
    }
    if (url.pathname === '/_reset') {
      this.reset();
      response.end();
      return;
    }
    const path = decodeURIComponent(url.pathname.slice(1));
    const [bucket, key] = [path.split('/', 1)[0]!, path.slice(path.indexOf('/') + 1)];
    const isBucket = !path.includes('/') || key === '';
    const kind = kindOf(request.method!, isBucket, url.searchParams);
    this.#requests[kind] = (this.#requests[kind] ?? 0) + 1;
    this.#mostInFlight = Math.max(this.#mostInFlight, ++this.#inFlight);
    const begun = performance.now();
    const what = isBucket
      ? `${bucket}/${url.searchParams.get('prefix') ?? ''}`
      : `${path} ${request.headers.range ?? ''}`;
    response.once('close', () => {
      const [from, to] = [begun, performance.now()].map((at) => (at - this.#resetAt).toFixed(1));
      this.#log.push(`${from} ${to} ${kind} ${what}`);
    });
    await sleep(this.#latency * (0.6 + 0.8 * Math.random()) * (kind === 'PUT' || kind === 'LIST' ? 1.5 : 1));
    try {
      if (isBucket) this.#aboutBucket(kind, bucket, url.searchParams, Buffer.concat(chunks), response);
      else
        this.#aboutObject(
          kind,
          `${bucket}/${key}`,
          url.searchParams,
          request,
          bodyOf(request, Buffer.concat(chunks)),
          response,
        );
    } finally {
      this.#inFlight--;
    }
  }

  #aboutBucket(
    kind: string,
    bucket: string,
    query: URLSearchParams,
    body: Buffer,
    response: ServerResponse,
  ): ServerResponse {
    if (kind === 'LIST') return answerXml(response, 200, this.#page(bucket, query));
    if (kind === 'DELETE')
      for (const [, key] of body.toString().matchAll(/<Key>(.*?)<\/Key>/g)) this.#written.delete(`${bucket}/${key}`);
    return answerXml(response, 200, '<DeleteResult/>');
  }

  #page(bucket: string, query: URLSearchParams): string {
    const keys = bucket === 'raw' ? this.#inputKeys : [...this.#written.keys()].sort(byBytes);
    const within = `${bucket}/${query.get('prefix') ?? ''}`;
    const after = `${bucket}/${query.get('continuation-token') ?? query.get('start-after') ?? ''}`;
    const delimiter = query.get('delimiter');
    const folders = new Set<string>();
    const contents: string[] = [];
    let last = '';
    let isTruncated = false;
    for (let at = firstFrom(keys, within); at < keys.length && keys[at]!.startsWith(within); at++) {
      const key = keys[at]!;
      if (byBytes(key, after) <= 0) continue;
      const end = delimiter === null || delimiter === '' ? -1 : key.indexOf(delimiter, within.length);
      const folder = end < 0 ? undefined : key.slice(0, end + 1);
      if (folder === undefined || !folders.has(folder)) {
        isTruncated = contents.length + folders.size === this.#pageKeys;
        if (isTruncated) break;
      }
      last = key;
      if (folder !== undefined) folders.add(folder);
      else {
        const { size, etag, modified } = this.#stored(key)!;
        contents.push(
          `<Contents><Key>${xml(key.slice(bucket.length + 1))}</Key><LastModified>${modified.toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size></Contents>`,
        );
      }
    }
    const next = isTruncated
      ? `<NextContinuationToken>${xml(last.slice(bucket.length + 1))}</NextContinuationToken>`
      : '';
    const common = [...folders].map(
      (folder) => `<CommonPrefixes><Prefix>${xml(folder.slice(bucket.length + 1))}</Prefix></CommonPrefixes>`,
    );
    return `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}${common.join('')}</ListBucketResult>`;
  }

  #aboutObject(
    kind: string,
    id: string,
    query: URLSearchParams,
    { headers }: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): ServerResponse {
    const stored = this.#stored(id);
    const upload = query.get('uploadId') ?? '';
    if (kind === 'GET' || kind === 'HEAD') return this.#give(kind, stored, headers, response);
    if (kind === 'DELETE') {
      if (!this.#uploads.delete(upload)) this.#written.delete(id);
      return response.writeHead(204).end();
    }
    if (kind === 'CREATE') {
      const name = String(this.#nextUpload++);
      this.#uploads.set(name, new Map());
      return answerXml(
        response,
        200,
        `<InitiateMultipartUploadResult><UploadId>${name}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (kind === 'PART') {
      this.#uploads.get(upload)!.set(Number(query.get('partNumber')), body);
      return response.writeHead(200, { etag: `"${this.#etag()}"` }).end();
    }
    const [none, match] = [headers['if-none-match'], headers['if-match']];
    if (none === '*' && /\/metadata\/v(?!1\.)\d+\.metadata\.json$/.test(id))
      this.#commits[stored === undefined ? 'made' : 'lost']++;
    if ((none === '*' && stored !== undefined) || (match !== undefined && match !== `"${stored?.etag}"`))
      return refuse(response, match !== undefined && stored === undefined ? 404 : 412);
    const parts = [...(this.#uploads.get(upload) ?? [])].sort(([a], [b]) => a - b).map(([, part]) => part);
    const bytes = kind === 'COMPLETE' ? Buffer.concat(parts) : body;
    const etag = this.#etag();
    this.#written.set(id, { size: bytes.length, etag, modified: inSeconds(Date.now()), read: () => bytes });
    if (kind === 'PUT') return response.writeHead(200, { etag: `"${etag}"` }).end();
    this.#uploads.delete(upload);
    return answerXml(
      response,
      200,
      `<CompleteMultipartUploadResult><ETag>&quot;${etag}&quot;</ETag></CompleteMultipartUploadResult>`,
    );
  }

  #give(
    kind: string,
    stored: Stored | undefined,
    headers: IncomingMessage['headers'],
    response: ServerResponse,
  ): ServerResponse {
    if (stored === undefined) return kind === 'HEAD' ? response.writeHead(404).end() : refuse(response, 404);
    const match = headers['if-match'];
    if (match !== undefined && match !== `"${stored.etag}"`) return refuse(response, 412);
    const { size, etag, modified } = stored;
    const about = { etag: `"${etag}"`, 'last-modified': modified.toUTCString(), 'accept-ranges': 'bytes' };
    if (kind === 'HEAD') return response.writeHead(200, { ...about, 'content-length': size }).end();
    const range = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '');
    const start = range === null ? 0 : range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
    const end = range === null || range[1] === '' || range[2] === '' ? size : Math.min(size, Number(range[2]) + 1);
    if (range !== null && start >= size) return refuse(response, 416);
    this.#bytesSent += end - start;
    response.writeHead(range === null ? 200 : 206, {
      ...about,
      'content-length': end - start,
      ...(range !== null && { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    });
    return response.end(stored.read().subarray(start, end));
  }

  /** Another one each time, as of encrypted objects: a digest of all that is written would take of the CPUs that are measured. */
  #etag(): string {
    return (this.#nextEtag++).toString(16).padStart(32, '0');
  }

  #stored(id: string): Stored | undefined {
    return this.#input.get(id) ?? this.#written.get(id);
  }
}

function kindOf(method: string, isBucket: boolean, query: URLSearchParams): string {
  if (isBucket) return method === 'GET' ? 'LIST' : method === 'POST' ? 'DELETE' : method;
  if (query.has('uploads')) return 'CREATE';
  if (query.has('partNumber')) return 'PART';
  return method === 'POST' ? 'COMPLETE' : method;
}

/** Without the frames of the SDK's chunked signing. */
function bodyOf({ headers }: IncomingMessage, body: Buffer): Buffer {
  if (!String(headers['content-encoding'] ?? '').includes('aws-chunked')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}

/** Index of the first key that is not below `from`. */
function firstFrom(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byBytes(keys[middle]!, from) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As headers say it. */
const inSeconds = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const faults: Readonly<Record<number, string>> = { 404: 'NoSuchKey', 412: 'PreconditionFailed', 416: 'InvalidRange' };
const refuse = (response: ServerResponse, status: number): ServerResponse =>
  answerXml(response, status, `<Error><Code>${faults[status]}</Code><Message>${faults[status]}</Message></Error>`);

function answerXml(response: ServerResponse, status: number, body: string): ServerResponse {
  return response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${body}`);
}

if (import.meta.main) {
  const [folder, latency] = process.argv.slice(2);
  process.stdout.write(`${await new DistantS3(folder!, Number(latency)).listen()}\n`);
}
