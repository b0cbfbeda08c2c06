import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { compareText } from '../text/order.ts';
import { type Checksum, crc32Of } from './checksum.ts';
import { RequestGate } from './request-gate.ts';
import { retried } from './retry.ts';
import { type Encryption, type EncryptionHeaders, encryptionHeaders } from './s3-encryption.ts';
import { breakOffError, cutOff, httpStatus, isRetriedFailure, notOfS3, s3Error } from './s3-errors.ts';
import { uploadInParts } from './s3-multipart.ts';
import { type RequestOptions, S3Requests } from './s3-requests.ts';
import { addressOf, type BucketAddress, SigningKeys, signedGet } from './s3-signature.ts';
import { type Answer, BodyInPlace, type SignedRequest, SocketPool } from './s3-sockets.ts';
import {
  type GetOptions,
  type ListOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
  StoreError,
} from './store.ts';
import { parseObjectUri, parseUri } from './uri.ts';

/**
 * Objects of S3 and of stores that speak its protocol: `s3://bucket/key`. Credentials come by the SDK's default chain.
 * Reads and writes that fail for a while are retried by the SDK; what it cannot know is dealt with here: conflicts of
 * conditional writes, and a conditional write that held although its answer was lost.
 */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #requests: S3Requests;
  /** Where GETs that are signed here go, by bucket; null where the SDK has to sign them. */
  readonly #addresses = new Map<string, BucketAddress | null>();
  readonly #keys = new SigningKeys();
  readonly #multipartAbove: number;
  readonly #partBytes: number;
  readonly #conflictDelay: number;
  readonly #encryption: EncryptionHeaders;

  constructor(options: S3StoreOptions = {}) {
    const { client, requests } = connect(options);
    this.#client = client;
    this.#requests = requests;
    this.#multipartAbove = options.multipartAbove ?? 64 << 20;
    this.#partBytes = options.partBytes ?? 16 << 20;
    this.#conflictDelay = options.retryDelay ?? 100;
    this.#encryption = encryptionHeaders(options.encryption);
  }

  async *list(prefix: string, { startAfter }: ListOptions = {}): AsyncIterable<ObjectInfo> {
    const { authority: Bucket, key } = locate(prefix, parseUri(prefix));
    const isDirectory = isDirectoryBucket(Bucket);
    const request: ListObjectsV2CommandInput = {
      Bucket,
      // Directory buckets take whole folders for a prefix, and know no place to start.
      Prefix: isDirectory ? key.slice(0, key.lastIndexOf('/') + 1) : key,
      ...(startAfter !== undefined && !isDirectory && { StartAfter: parseUri(startAfter).key }),
      ...(!isDirectory && { OptionalObjectAttributes: ['RestoreStatus'] }),
    };
    for await (const page of this.#pages(prefix, request)) {
      for (const { Key, Size, ETag, LastModified, StorageClass, RestoreStatus } of page.Contents ?? []) {
        if (Key === undefined) continue;
        const uri = `s3://${Bucket}/${page.EncodingType === 'url' ? decodeKey(Key) : Key}`;
        if (!uri.startsWith(prefix) || (startAfter !== undefined && compareText(uri, startAfter) <= 0)) continue;
        yield {
          uri,
          size: Size ?? 0,
          etag: unquoted(ETag),
          lastModified: LastModified?.getTime() ?? 0,
          ...storageOf(StorageClass, RestoreStatus?.RestoreExpiryDate !== undefined),
        };
      }
    }
  }

  async *listFolders(prefix: string): AsyncIterable<string> {
    const { authority: Bucket, key: Prefix } = locate(prefix, parseUri(prefix));
    const found = new Set<string>();
    for await (const page of this.#pages(prefix, { Bucket, Prefix, Delimiter: '/' })) {
      for (const { Prefix: folder } of page.CommonPrefixes ?? []) {
        if (folder !== undefined) found.add(page.EncodingType === 'url' ? decodeKey(folder) : folder);
      }
    }
    for (const folder of found) yield `s3://${Bucket}/${folder}`;
  }

  async *#pages(prefix: string, request: ListObjectsV2CommandInput): AsyncGenerator<ListObjectsV2CommandOutput> {
    let ContinuationToken: string | undefined;
    for (;;) {
      const command = new ListObjectsV2Command({ ...request, ContinuationToken, EncodingType: 'url' });
      // A listing cannot be taken up again from outside where the store knows no order.
      const page = await retried(
        () =>
          this.#client.send(command).catch((error) => {
            throw httpStatus(error) === 200 ? cutOff(error, prefix) : s3Error(error, prefix, 'cannot list objects');
          }),
        { sleep },
      );
      // A listing says whether it goes on; what does not would be taken for one without objects.
      if (page.IsTruncated === undefined) throw notOfS3(prefix);
      yield page;
      if (!page.IsTruncated) return;
      // A listing that ends early, or goes in a circle, would be taken for a whole one.
      if (page.NextContinuationToken === undefined || page.NextContinuationToken === ContinuationToken) {
        throw new StoreError('other', prefix, 'the store says that the listing goes on, and not where');
      }
      ContinuationToken = page.NextContinuationToken;
    }
  }

  async head(uri: string): Promise<ObjectInfo | undefined> {
    return (await this.#look(uri))?.info;
  }

  async get(uri: string, options: GetOptions = {}): Promise<ObjectBody> {
    const { authority: Bucket, key: Key } = locate(uri, parseObjectUri(uri));
    const { range, ifMatch, signal, into } = options;
    signal?.throwIfAborted();
    if (range !== undefined && range[0] >= range[1]) return this.#empty(uri, ifMatch);
    let output: GetOutput;
    try {
      output =
        (into && (await this.#getInPlace(Bucket, Key, { ...options, into }))) ??
        (await this.#client.send(
          new GetObjectCommand({
            Bucket,
            Key,
            ...(range && { Range: rangeOf(range) }),
            ...(ifMatch !== undefined && { IfMatch: `"${ifMatch}"` }),
          }),
          {
            ...(signal && { abortSignal: signal }),
            ...(into && { into, onInPlace: (request) => this.#learn(Bucket, Key, request) }),
          } satisfies RequestOptions,
        ));
    } catch (error) {
      signal?.throwIfAborted();
      if (httpStatus(error) === 416) return this.#empty(uri, ifMatch);
      throw s3Error(error, uri, 'cannot read the object');
    }
    const body = output.Body as unknown as NodeJS.ReadableStream & { destroy(error?: Error): void };
    const [start, size] = extentOf(output);
    if (!output.ETag) {
      body.destroy();
      throw notOfS3(uri);
    }
    const info = infoOf(uri, output, size);
    // Stores that do not know ranges or conditions give the whole object, or another one, with status 200.
    if (range !== undefined && start !== range[0]) {
      body.destroy();
      throw new StoreError('other', uri, `the store answered bytes from ${start} on when asked for ${range[0]} on`);
    }
    if (ifMatch !== undefined && info.etag !== ifMatch) {
      body.destroy();
      throw new StoreError('precondition-failed', uri, `cannot read version ${ifMatch}, the object changed`);
    }
    const checksum = range === undefined ? checksumOf(output) : undefined;
    return { info, chunks: chunksOf(body, uri, signal), ...(checksum && { checksum }) };
  }

  #learn(bucket: string, key: string, request: SignedRequest): void {
    if (!this.#addresses.has(bucket)) this.#addresses.set(bucket, addressOf(request, key) ?? null);
  }

  /** undefined where that is not the way, or did not work: the SDK asks then, and knows what an answer means. */
  async #getInPlace(
    bucket: string,
    key: string,
    { range, ifMatch, signal, into }: GetOptions & { readonly into: Uint8Array },
  ): Promise<GetOutput | undefined> {
    const address = this.#addresses.get(bucket);
    if (address === undefined || address === null) return undefined;
    const headers = {
      'x-amz-checksum-mode': 'ENABLED',
      ...(range && { range: rangeOf(range) }),
      ...(ifMatch !== undefined && { 'if-match': `"${ifMatch}"` }),
    };
    const now = new Date(Date.now() + this.#client.config.systemClockOffset);
    const request = signedGet(address, key, headers, await this.#client.config.credentials(), now, this.#keys);
    const answer = await this.#requests.getInPlace(request, into, signal);
    return answer && outputOf(answer);
  }

  async put(
    uri: string,
    body: Uint8Array | readonly Uint8Array[],
    options: PutOptions = {},
  ): Promise<{ readonly etag: string }> {
    const { authority: Bucket, key: Key } = locate(uri, parseObjectUri(uri));
    const chunks = body instanceof Uint8Array ? [body] : body;
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const condition = {
      ...(options.ifNoneMatch !== undefined && { IfNoneMatch: options.ifNoneMatch }),
      ...(options.ifMatch !== undefined && { IfMatch: `"${options.ifMatch}"` }),
    };
    const conditional = Object.keys(condition).length > 0;
    // Tells this very write from all others, for when its answer is lost.
    const writeId = randomUUID();
    const target = {
      Bucket,
      Key,
      ...this.#encryption,
      ...(options.contentType !== undefined && { ContentType: options.contentType }),
      ...(conditional && { Metadata: { [writeIdKey]: writeId } }),
    };
    for (let attempt = 1; ; attempt++) {
      try {
        if (size > this.#multipartAbove) {
          const etag = await uploadInParts(this.#client, {
            target,
            condition,
            chunks,
            size,
            partBytes: this.#partBytes,
          });
          return { etag: etagOf(uri, etag) };
        }
        const Body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
        const { ETag } = await this.#client.send(
          new PutObjectCommand({
            ...target,
            ...condition,
            Body,
            ContentLength: size,
            ChecksumCRC32: crc32Of([Body]),
          }),
        );
        return { etag: etagOf(uri, ETag) };
      } catch (error) {
        const status = httpStatus(error);
        if (conditional && (isRetriedFailure(error) || attempt > 1)) {
          const current = await this.#look(uri).catch(() => undefined);
          if (current?.writeId === writeId) return { etag: current.info.etag };
        }
        // 409 ConditionalRequestConflict: another conditional write of this key was under way.
        if (status === 409 && attempt < conflictAttempts) {
          await sleep(this.#conflictDelay * 2 ** (attempt - 1) * (0.5 + Math.random()));
          continue;
        }
        // Where there is nothing to match, S3 answers If-Match with 404 NoSuchKey.
        if (options.ifMatch !== undefined && (error as Error).name === 'NoSuchKey') {
          throw new StoreError('precondition-failed', uri, 'cannot replace an object that is gone', { cause: error });
        }
        throw s3Error(error, uri, 'cannot write the object');
      }
    }
  }

  async delete(uri: string): Promise<void> {
    const { authority: Bucket, key: Key } = locate(uri, parseObjectUri(uri));
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket, Key }));
    } catch (error) {
      if ((error as Error).name !== 'NoSuchKey') throw s3Error(error, uri, 'cannot delete the object');
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#client.destroy();
  }

  async #look(uri: string): Promise<{ readonly info: ObjectInfo; readonly writeId: string | undefined } | undefined> {
    const { authority: Bucket, key: Key } = locate(uri, parseObjectUri(uri));
    try {
      const output = await this.#client.send(new HeadObjectCommand({ Bucket, Key }));
      const checksum = checksumOf(output);
      const storage = storageOf(output.ArchiveStatus ?? output.StorageClass, isRestoredNow.test(output.Restore ?? ''));
      const info = {
        ...infoOf(uri, output, output.ContentLength ?? 0),
        ...storage,
        ...(checksum && { checksum }),
      };
      return { info, writeId: output.Metadata?.[writeIdKey] };
    } catch (error) {
      if (httpStatus(error) === 404) return undefined;
      throw s3Error(error, uri, 'cannot look at the object');
    }
  }

  /** HTTP has no way to ask for no bytes, nor for those past the end. */
  async #empty(uri: string, ifMatch: string | undefined): Promise<ObjectBody> {
    const info = await this.head(uri);
    if (info === undefined) throw new StoreError('not-found', uri, 'cannot read an object that does not exist');
    if (ifMatch !== undefined && info.etag !== ifMatch) {
      throw new StoreError('precondition-failed', uri, `cannot read version ${ifMatch}, the object changed`);
    }
    return { info, chunks: (async function* () {})() };
  }
}

export interface S3StoreOptions {
  /** Of another store than AWS's. */
  readonly endpoint?: string;
  readonly region?: string;
  /** https://endpoint/bucket/key instead of https://bucket.endpoint/key. */
  readonly forcePathStyle?: boolean;
  /** Of what is written; without it as the bucket says. */
  readonly encryption?: Encryption;
  /** Requests at once, to all buckets together. Default 128. */
  readonly sockets?: number;
  /** Told of every answer that says that the store is asked too much (503 SlowDown, 429); fewer requests follow. */
  readonly onThrottled?: () => void;
  /** Milliseconds without a byte after which a connection is given up. Default 60 s. */
  readonly socketTimeout?: number;
  /** Tries of one request. Default 5. */
  readonly maxAttempts?: number;
  /** Milliseconds before a conflict of conditional writes is tried again for the first time. Default 100. */
  readonly retryDelay?: number;
  /** Bytes above which an object is uploaded in parts, and the bytes of a part (at least 5 MiB on AWS). */
  readonly multipartAbove?: number;
  readonly partBytes?: number;
}

const writeIdKey = 'write-id';
const conflictAttempts = 6;

function connect(options: S3StoreOptions): { readonly client: S3Client; readonly requests: S3Requests } {
  const client = new S3Client(clientConfig(options));
  const sockets = new SocketPool(timeouts(options));
  const gate = new RequestGate(options.sockets ?? defaultSockets);
  const requests = new S3Requests(client.config.requestHandler, sockets, gate, options.onThrottled ?? (() => {}));
  client.config.requestHandler = requests as unknown as typeof client.config.requestHandler;
  // Asked for by the parameter of GetObject, the SDK would check the body itself, by code that is slow.
  client.middlewareStack.add(
    (next, { commandName }) =>
      (given) => {
        if (commandName === 'GetObjectCommand' || commandName === 'HeadObjectCommand')
          (given.request as { headers: Record<string, string> }).headers['x-amz-checksum-mode'] = 'ENABLED';
        return next(given);
      },
    { step: 'build', name: 'askForChecksum' },
  );
  return { client, requests };
}

type ChecksumHeaders = Pick<
  GetObjectCommandOutput,
  'ChecksumCRC32' | 'ChecksumCRC32C' | 'ChecksumCRC64NVME' | 'ChecksumSHA1' | 'ChecksumSHA256' | 'ChecksumType'
>;

/** What is used of the SDK's. */
type GetOutput = Pick<GetObjectCommandOutput, 'ETag' | 'LastModified' | 'ContentLength' | 'ContentRange'> &
  ChecksumHeaders & { readonly Body?: unknown };

function outputOf({ headers, body }: Answer): GetOutput {
  return {
    Body: body,
    ETag: headers.etag,
    LastModified: headers['last-modified'] === undefined ? undefined : new Date(headers['last-modified']),
    ContentLength: Number(headers['content-length']),
    ContentRange: headers['content-range'],
    ChecksumCRC32: headers['x-amz-checksum-crc32'],
    ChecksumCRC32C: headers['x-amz-checksum-crc32c'],
    ChecksumCRC64NVME: headers['x-amz-checksum-crc64nvme'],
    ChecksumSHA1: headers['x-amz-checksum-sha1'],
    ChecksumSHA256: headers['x-amz-checksum-sha256'],
    ChecksumType: checksumTypes.find((type) => type === headers['x-amz-checksum-type']),
  };
}

const checksumTypes = ['COMPOSITE', 'FULL_OBJECT'] as const;

const rangeOf = ([start, end]: readonly [number, number]): string => `bytes=${start}-${end - 1}`;

const defaultSockets = 128;

const timeouts = ({ socketTimeout = 60_000 }: S3StoreOptions) => ({ connectionTimeout: 10_000, socketTimeout });

function clientConfig(options: S3StoreOptions): S3ClientConfig {
  const agent = { keepAlive: true, maxSockets: options.sockets ?? defaultSockets };
  return {
    ...(options.endpoint !== undefined && { endpoint: options.endpoint }),
    ...(options.region !== undefined && { region: options.region }),
    forcePathStyle: options.forcePathStyle ?? false,
    // Buckets of other regions are found without being told.
    followRegionRedirects: true,
    maxAttempts: options.maxAttempts ?? 5,
    retryMode: 'standard',
    // Stores other than AWS's know neither the trailing checksums nor the headers that the SDK sends by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      ...timeouts(options),
      httpAgent: agent,
      httpsAgent: agent,
    },
  };
}

function locate<T extends { readonly scheme: string; readonly authority: string }>(uri: string, parsed: T): T {
  if (parsed.scheme !== 's3' || parsed.authority === '') {
    throw new StoreError('invalid-uri', uri, 'an object of S3 is written s3://bucket/key');
  }
  return parsed;
}

/** Listings are asked for with URL-encoded keys, since XML cannot hold all characters that keys can. */
function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

/** Buckets of S3 Express One Zone are named so, and only they may be. */
const isDirectoryBucket = (bucket: string): boolean => bucket.endsWith('--x-s3');

const unquoted = (etag: string | undefined): string => (etag ?? '').replace(/^"(.*)"$/, '$1');

/** The header x-amz-restore of an object with a copy that can be read. */
const isRestoredNow = /ongoing-request="false"/;

const storageOf = (storageClass: string | undefined, isRestored: boolean): Partial<ObjectInfo> => ({
  ...(storageClass !== undefined && storageClass !== 'STANDARD' && { storageClass }),
  ...(isRestored && { isRestored: true }),
});

/** Answers about an object have it always. */
function etagOf(uri: string, etag: string | undefined): string {
  if (!etag) throw notOfS3(uri);
  return unquoted(etag);
}

const infoOf = (uri: string, output: { ETag?: string | undefined; LastModified?: Date | undefined }, size: number) => ({
  uri,
  size,
  etag: etagOf(uri, output.ETag),
  lastModified: output.LastModified?.getTime() ?? 0,
});

/** First byte of the answer and size of the whole object. */
function extentOf(output: GetOutput): [start: number, size: number] {
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(output.ContentRange ?? '');
  return match === null ? [0, output.ContentLength ?? 0] : [Number(match[1]), Number(match[2])];
}

/**
 * Of the whole object; what is composed of the checksums of its parts says nothing of its bytes alone. Of an object that came in parts, which its
 * ETag tells, some stores send what is composed without saying so: there only what is said to be of the whole counts.
 */
function checksumOf(output: ChecksumHeaders & Pick<GetOutput, 'ETag'>): Checksum | undefined {
  const { ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256 } = output;
  const whole = (value: string | undefined): value is string => value !== undefined && !value.includes('-');
  const isInParts = /-\d+"?$/.test(output.ETag ?? '');
  if (output.ChecksumType === 'COMPOSITE' || (isInParts && output.ChecksumType !== 'FULL_OBJECT')) return undefined;
  if (whole(ChecksumCRC32)) return { algorithm: 'crc32', value: ChecksumCRC32 };
  if (whole(ChecksumCRC32C)) return { algorithm: 'crc32c', value: ChecksumCRC32C };
  if (whole(ChecksumCRC64NVME)) return { algorithm: 'crc64nvme', value: ChecksumCRC64NVME };
  if (whole(ChecksumSHA256)) return { algorithm: 'sha256', value: ChecksumSHA256 };
  if (whole(ChecksumSHA1)) return { algorithm: 'sha1', value: ChecksumSHA1 };
  return undefined;
}

async function* chunksOf(
  body: NodeJS.ReadableStream & { destroy(error?: Error): void },
  uri: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const leave = () => body.destroy(signal?.reason instanceof Error ? signal.reason : undefined);
  signal?.addEventListener('abort', leave, { once: true });
  try {
    signal?.throwIfAborted();
    if (body instanceof BodyInPlace) yield* body.pieces();
    else for await (const chunk of body) yield chunk as unknown as Uint8Array;
  } catch (error) {
    signal?.throwIfAborted();
    throw breakOffError(error, uri);
  } finally {
    signal?.removeEventListener('abort', leave);
    body.destroy();
  }
}
