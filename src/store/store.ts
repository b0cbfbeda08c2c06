import { printable } from '../text/printable.ts';
import type { Checksum } from './checksum.ts';

/**
 * The object store port. Objects are named by URI: `s3://bucket/key`, `file:///absolute/path`, `memory://name/key`;
 * an adapter serves one scheme, and `router.ts` picks the adapter by scheme. Keys in URIs are raw, not percent-encoded
 * (an S3 key `a b=1` is `s3://bucket/a b=1`).
 *
 * Contract of every adapter, held by test/contract/store.ts:
 * - an object is seen whole or not at all; `put` is durable when it resolves;
 * - `list` yields each object that existed during the whole listing, in any order: S3 lists by key bytes, its directory
 *   buckets and some other stores do not. An adapter may yield an object twice; the store of the runtime (router.ts)
 *   does not;
 * - an ETag names the content: two reads under one ETag give the same bytes;
 * - conditional writes are atomic against every other writer.
 */
export interface ObjectStore {
  /** Objects whose URI starts with `prefix` (plain text prefix, no delimiter), in any order. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /** URIs, ending in a slash, of the folders right below `prefix`, which ends in a slash; in any order, each once. */
  listFolders(prefix: string): AsyncIterable<string>;
  /** undefined where there is no such object. */
  head(uri: string): Promise<ObjectInfo | undefined>;
  /**
   * Opens an object. `range` is [start, end) in bytes, `end` may pass the end of the object.
   * Throws StoreError: not-found, access-denied, precondition-failed (ifMatch), transient (retries used up).
   */
  get(uri: string, options?: GetOptions): Promise<ObjectBody>;
  /**
   * Writes an object whole. `ifNoneMatch: '*'`: only where there is none; `ifMatch`: only over this ETag.
   * Throws StoreError precondition-failed where the condition does not hold.
   */
  put(uri: string, body: Uint8Array | readonly Uint8Array[], options?: PutOptions): Promise<{ readonly etag: string }>;
  /** No error where there is none. */
  delete(uri: string): Promise<void>;
  /** What writes that were cut off have left below `prefix`, and `list` does not show; of stores where there is such. To be deleted only. */
  leftovers?(prefix: string): AsyncIterable<ObjectInfo>;
}

export interface ObjectInfo {
  readonly uri: string;
  readonly size: number;
  /** Opaque, without quotes. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
  /** As the store names it (`GLACIER`), where it says so and it is not the usual one. */
  readonly storageClass?: string;
  /** Of an archived object: there is a copy for the time being that can be read. */
  readonly isRestored?: true;
  /** Of all its bytes: told by `head` alone, where the store keeps one. */
  readonly checksum?: Checksum;
}

/** Classes whose objects have to be restored, which takes hours and costs money, before they can be read. */
const archiveClasses: ReadonlySet<string> = new Set([
  'GLACIER',
  'DEEP_ARCHIVE',
  // The tiers of INTELLIGENT_TIERING, which are told when an object is asked for and not by a listing.
  'ARCHIVE_ACCESS',
  'DEEP_ARCHIVE_ACCESS',
]);

/** Whether reading the object could only fail. */
export const isArchived = ({ storageClass, isRestored }: ObjectInfo): boolean =>
  storageClass !== undefined && archiveClasses.has(storageClass) && isRestored !== true;

export interface ListOptions {
  /** Only objects whose URI is greater (text/order.ts). An adapter uses it to list less. */
  readonly startAfter?: string;
  /**
   * A folder that must be there: where it is not, the listing throws StoreError not-found instead of being empty. In a
   * store that has no folders this is the bucket, which must be there in any case.
   */
  readonly root?: string;
  /** Told, once each, of what a listing is not to be relied on for. By the store of the runtime only. */
  readonly onOddity?: (oddity: ListingOddity) => void;
}

/** Keys came in another order than that of their bytes; a key came twice. */
export type ListingOddity = 'unordered' | 'repeated';

export interface GetOptions {
  readonly range?: readonly [start: number, end: number];
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
  /**
   * Memory for all of the range. A store that reads into memory of its own may read here instead, byte n of the range
   * to place n, and give its chunks as views of it.
   */
  readonly into?: Uint8Array;
  /** Memory for the next chunk; its lender decides when it is used again. For stores that read as with `into`. */
  readonly memory?: () => Uint8Array;
  /** Not to be taken up again by the store of the runtime: the caller does that. */
  readonly once?: boolean;
}

export interface ObjectBody {
  readonly info: ObjectInfo;
  /** An adapter's may break off with an error at any chunk; that of the store of the runtime is taken up again (read.ts). */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Of the whole object, where the store sends it; a reader of all of it compares (read.ts). */
  readonly checksum?: Checksum;
}

export interface PutOptions {
  readonly ifNoneMatch?: '*';
  readonly ifMatch?: string;
  readonly contentType?: string;
}

export type StoreErrorCode =
  | 'not-found'
  | 'access-denied'
  | 'precondition-failed'
  | 'transient'
  | 'invalid-uri'
  | 'other';

/** What failed, on which object, whose name the message shows in one line. `cause` keeps the adapter's own error. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly uri: string;
  constructor(code: StoreErrorCode, uri: string, message: string, options?: { cause?: unknown }) {
    super(`${message}: ${printable(uri)}`, options);
    this.code = code;
    this.uri = uri;
  }
}

/** An object is not what it is known to be: it has more bytes or fewer, or other ones. */
export class DamagedObject extends StoreError {
  constructor(uri: string, message: string) {
    super('other', uri, message);
  }
}

/** The bytes that came in are not those that the store keeps a checksum of: damaged on the way, or in the store. */
export class ChecksumMismatch extends DamagedObject {
  constructor(uri: string) {
    super(uri, 'the bytes that came in do not match the checksum that the store keeps of the object');
  }
}
