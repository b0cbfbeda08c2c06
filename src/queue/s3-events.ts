/**
 * What a queue message says about objects of S3, in the shapes that AWS sends: an S3 event notification (Amazon S3 user
 * guide, "Event message structure"), the same or an EventBridge event inside an SNS notification, an EventBridge event
 * ("Object Created"), and S3's test event. Keys of notifications are form-encoded; those of EventBridge are not.
 *
 * Pure, and made for text that an outsider may have written: everything has a cap, nothing is believed but the names,
 * and what is not such a message is said to be malformed, never guessed at. Sizes and ETags are only hints; S3 is asked.
 */

export interface ObjectCreated {
  readonly bucket: string;
  /** As S3 has it, decoded. */
  readonly key: string;
  /** Stored bytes, where the event says; used for nothing but closing a batch in time. */
  readonly size: number;
  /** Without quotes; undefined where the event has none. Tells a repeated event, so that S3 is not asked again. */
  readonly etag: string | undefined;
  /** Milliseconds since the epoch; undefined where the event has no time. */
  readonly time: number | undefined;
}

export type ParsedMessage =
  | {
      readonly kind: 'objects';
      readonly objects: readonly ObjectCreated[];
      /** Events that ask for nothing: removals, taggings, restores. */
      readonly ignored: number;
    }
  /** S3 writes one when notifications are set up. */
  | { readonly kind: 'test' }
  | { readonly kind: 'malformed'; readonly reason: string };

/** The largest message that SQS takes (1 MiB), in UTF-16 units here. */
const maxBody = 1 << 20;
const maxEvents = 10_000;
const maxKeyBytes = 1024;
const bucketName = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;

export function parseMessage(body: string): ParsedMessage {
  if (body.length > maxBody) return malformed('is larger than a message can be');
  const outer = parseObject(body);
  if (outer === undefined) return malformed('is not a JSON object');
  if (outer.Type !== 'Notification' || typeof outer.Message !== 'string') return parseEvent(outer);
  const inner = parseObject(outer.Message);
  return inner === undefined ? malformed('is an SNS notification without a JSON object inside') : parseEvent(inner);
}

function parseEvent(event: Json): ParsedMessage {
  if (event.Event === 's3:TestEvent') return { kind: 'test' };
  if (Array.isArray(event.Records)) return parseNotification(event.Records);
  if (event.source === 'aws.s3' && typeof event['detail-type'] === 'string') return parseEventBridge(event);
  return malformed('is not an event of S3');
}

function parseNotification(records: readonly unknown[]): ParsedMessage {
  if (records.length > maxEvents) return malformed(`has more than ${maxEvents} events`);
  const objects: ObjectCreated[] = [];
  let ignored = 0;
  for (const record of records) {
    if (!isObject(record) || record.eventSource !== 'aws:s3' || typeof record.eventName !== 'string')
      return malformed('has a record that is not an event of S3');
    // Some services that speak this protocol keep the prefix.
    if (!record.eventName.replace(/^s3:/, '').startsWith('ObjectCreated:')) {
      ignored++;
      continue;
    }
    const { bucket, object } = isObject(record.s3) ? record.s3 : {};
    const key = isObject(object) ? decodeKey(object.key) : undefined;
    const created = toObject(bucket, key, isObject(object) ? object : {}, 'eTag', record.eventTime);
    if (typeof created === 'string') return malformed(created);
    objects.push(created);
  }
  return { kind: 'objects', objects, ignored };
}

function parseEventBridge(event: Json): ParsedMessage {
  if (event['detail-type'] !== 'Object Created') return { kind: 'objects', objects: [], ignored: 1 };
  const { bucket, object } = isObject(event.detail) ? event.detail : {};
  const created = isObject(object)
    ? toObject(bucket, object.key, object, 'etag', event.time)
    : 'has no object in its detail';
  return typeof created === 'string' ? malformed(created) : { kind: 'objects', objects: [created], ignored: 0 };
}

/** The object, or what is wrong with it. */
function toObject(
  bucket: unknown,
  key: unknown,
  object: Json,
  etagName: string,
  time: unknown,
): ObjectCreated | string {
  const name = isObject(bucket) ? bucket.name : undefined;
  if (typeof name !== 'string' || !bucketName.test(name)) return 'names no bucket';
  if (typeof key !== 'string' || key === '') return 'has no key, or one that is not encoded as S3 does';
  if (Buffer.byteLength(key) > maxKeyBytes || key.includes('\0') || !key.isWellFormed())
    return 'has a key that S3 cannot hold';
  const { size } = object;
  const etag = object[etagName];
  const at = typeof time === 'string' && time.length <= 64 ? Date.parse(time) : Number.NaN;
  return {
    bucket: name,
    key,
    size: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0,
    etag: typeof etag === 'string' && /^[^"\s]{1,256}$/.test(etag) ? etag : undefined,
    time: Number.isNaN(at) ? undefined : at,
  };
}

/** application/x-www-form-urlencoded: a space is `+`, everything else beyond letters and digits may be %XX. */
function decodeKey(key: unknown): string | undefined {
  if (typeof key !== 'string' || key.length > 3 * maxKeyBytes) return undefined;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

type Json = Readonly<Record<string, unknown>>;

const malformed = (reason: string): ParsedMessage => ({ kind: 'malformed', reason });
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
