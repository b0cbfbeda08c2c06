/**
 * The intent of a batch: everything that its commits will do, written once (put-if-absent) after all data files are
 * up and before the first commit. From then on the outcome of the batch is fixed, no matter who finishes it: this worker,
 * one that takes the claim over, or both at once, commits what the intent says and reads no input again, even where
 * the input has changed since. Kept until `expire` removes it, so that a worker that wakes up late still meets it.
 */
import { giveBack } from '../columns/give-back.ts';
import { type DataFile, dataFileFromJson, dataFileToJson } from '../iceberg/data-file.ts';
import { readVersion } from '../iceberg/files.ts';
import { stringifyJson } from '../iceberg/json.ts';
import { type ObjectStore, StoreError } from '../store/store.ts';
import type { ObjectCounts } from './entry.ts';
import { parseIntentJson } from './intent-json.ts';

export interface Intent {
  readonly batch: string;
  readonly source: string;
  /** When its objects were claimed, in milliseconds since the epoch. Not in intents of older versions. */
  readonly claimedAt?: number;
  /** Sequence number of each table when the batch was staged, before which it cannot have taken it. Likewise. */
  readonly bases?: ReadonlyMap<string, number>;
  readonly files: ReadonlyMap<string, readonly DataFile[]>;
  /** By uri; objects of the claim that are missing here failed and are free again. */
  readonly objects: ReadonlyMap<string, ObjectCounts>;
  /**
   * The objects were read again: their rows, quarantined records and ledger entries go when those of the batch come.
   * `kept`, by uri: what `files` hold of earlier versions besides, which the object does not give any more.
   */
  readonly again?: { readonly kept: ReadonlyMap<string, KeptCounts> };
}

/** Rows and quarantined records of an earlier version of an object, which stay. */
export interface KeptCounts {
  readonly rows: number;
  readonly quarantined: number;
}

/** What an intent commits, in figures. */
export interface IntentCounts {
  readonly objects: number;
  readonly records: {
    readonly read: number;
    readonly rows: number;
    readonly quarantined: number;
    readonly skipped: number;
    readonly duplicates: number;
  };
  readonly files: number;
  readonly bytes: { readonly decompressed: number; readonly written: number };
}

export const noCounts: IntentCounts = {
  objects: 0,
  records: { read: 0, rows: 0, quarantined: 0, skipped: 0, duplicates: 0 },
  files: 0,
  bytes: { decompressed: 0, written: 0 },
};

export function countsOf({ objects, files }: Intent): IntentCounts {
  const counts = [...objects.values()];
  const sum = (of: (object: ObjectCounts) => number): number => counts.reduce((total, one) => total + of(one), 0);
  const written = [...files.values()].flat();
  return {
    objects: counts.length,
    records: {
      read: sum(({ records }) => records),
      rows: sum(({ rows }) => rows),
      quarantined: sum(({ quarantined }) => quarantined),
      skipped: sum(({ skipped }) => skipped),
      duplicates: sum(({ duplicates }) => duplicates),
    },
    files: written.length,
    bytes: {
      decompressed: sum(({ bytesDecompressed }) => bytesDecompressed),
      written: written.reduce((total, { fileSize }) => total + fileSize, 0),
    },
  };
}

export const addCounts = (a: IntentCounts, b: IntentCounts): IntentCounts => ({
  objects: a.objects + b.objects,
  records: sums(a.records, b.records),
  files: a.files + b.files,
  bytes: sums(a.bytes, b.bytes),
});

const sums = <T extends Readonly<Record<keyof T, number>>>(a: T, b: T): T =>
  Object.fromEntries((Object.keys(a) as (keyof T)[]).map((key) => [key, a[key] + b[key]])) as T;

/** The intent that stands: this one, or the one that was there before, unless that was the very version `instead`. */
export async function settleIntent(
  store: ObjectStore,
  warehouse: string,
  intent: Intent,
  instead?: Pick<StandingIntent, 'etag'>,
): Promise<Intent> {
  const uri = intentUri(warehouse, intent.batch);
  const pieces = serialize(intent);
  const condition = instead === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: instead.etag };
  const isFirst = await store.put(uri, pieces, { ...condition, contentType: 'application/json' }).then(
    () => true,
    (error: unknown) => {
      // A request that was given up may still be sending the pieces.
      if (!(error instanceof StoreError) || error.code !== 'precondition-failed') throw error;
      return false;
    },
  );
  for (const piece of pieces) giveBack(piece);
  if (isFirst) return intent;
  const standing = await readIntent(store, warehouse, intent.batch);
  if (standing === undefined)
    throw new StoreError('other', uri, 'the intent was there and is gone: do not delete intents of open batches');
  return standing;
}

/** An intent in the version that the store has of it. */
export interface StandingIntent {
  readonly intent: Intent;
  readonly etag: string;
}

export async function readStanding(
  store: ObjectStore,
  warehouse: string,
  batch: string,
): Promise<StandingIntent | undefined> {
  try {
    const { info, bytes } = await readVersion(store, intentUri(warehouse, batch));
    return { intent: parse(bytes, info.uri), etag: info.etag };
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not-found') return undefined;
    throw error;
  }
}

export async function readIntent(...args: Parameters<typeof readStanding>): Promise<Intent | undefined> {
  return (await readStanding(...args))?.intent;
}

/** Where the intents of a warehouse are. */
export const intentPrefix = (warehouse: string): string => `${warehouse}/_batches/`;
export const intentUri = (warehouse: string, batch: string): string => `${intentPrefix(warehouse)}${batch}.json`;

/** 2: its batch may share a snapshot with others, where a version that knows only 1 would not find it. */
const formatVersion = 2;
/** Of objects that were read again: a version that knows nothing of it must not append the files. */
const againVersion = 3;

/** In pieces: as one text, thousands of files take several times the memory of its bytes. */
function serialize(intent: Intent): Buffer[] {
  const pieces: Buffer[] = [];
  let text = '';
  const add = (more: string): void => {
    text += more;
    if (text.length < pieceLength) return;
    pieces.push(Buffer.from(text));
    text = '';
  };
  const head = stringifyJson({
    'format-version': intent.again === undefined ? formatVersion : againVersion,
    ...(intent.again && { kept: [...intent.again.kept].map(([uri, counts]) => ({ uri, ...counts })) }),
    batch: intent.batch,
    source: intent.source,
    claimedAt: intent.claimedAt,
    bases: intent.bases && Object.fromEntries(intent.bases),
  });
  add(`${head.slice(0, -1)},"files":{`);
  for (const [i, [table, files]] of [...intent.files].entries()) {
    add(`${i === 0 ? '' : ','}${JSON.stringify(table)}:[`);
    for (const [at, file] of files.entries()) add(`${at === 0 ? '' : ','}${stringifyJson(dataFileToJson(file))}`);
    add(']');
  }
  add('},"objects":[');
  for (const [i, [uri, counts]] of [...intent.objects].entries()) {
    const minEventTime = counts.minEventTime?.toString() ?? null;
    const maxEventTime = counts.maxEventTime?.toString() ?? null;
    add(`${i === 0 ? '' : ','}${stringifyJson({ uri, ...counts, minEventTime, maxEventTime })}`);
  }
  add(']}');
  return [...pieces, Buffer.from(text)];
}

const pieceLength = 256 << 10;

interface IntentJson {
  readonly 'format-version': number;
  readonly batch: string;
  readonly source: string;
  readonly claimedAt?: number;
  readonly bases?: Record<string, number>;
  /** Where the objects were read again, if it is empty too. */
  readonly kept?: readonly ({ readonly uri: string } & KeptCounts)[];
  readonly files: Record<string, Parameters<typeof dataFileFromJson>[0][]>;
  readonly objects: (Omit<
    ObjectCounts,
    'mapping' | 'requestLines' | 'responseLines' | 'minEventTime' | 'maxEventTime'
  > & {
    uri: string;
    /** Not in intents of older versions. */
    mapping?: string | null;
    requestLines?: number;
    responseLines?: number;
    minEventTime: string | null;
    maxEventTime: string | null;
  })[];
}

function parse(bytes: Buffer, uri: string): Intent {
  const json = parseIntentJson(bytes, uri, [1, formatVersion, againVersion]) as IntentJson;
  return {
    batch: json.batch,
    source: json.source,
    ...(json.claimedAt !== undefined && { claimedAt: json.claimedAt }),
    ...(json.bases !== undefined && { bases: new Map(Object.entries(json.bases)) }),
    ...(json.kept !== undefined && { again: { kept: new Map(json.kept.map(({ uri, ...counts }) => [uri, counts])) } }),
    files: new Map(Object.entries(json.files).map(([table, files]) => [table, files.map(dataFileFromJson)])),
    objects: new Map(
      json.objects.map(({ uri, minEventTime, maxEventTime, ...counts }) => [
        uri,
        {
          mapping: null,
          requestLines: 0,
          responseLines: 0,
          ...counts,
          minEventTime: toBigInt(minEventTime),
          maxEventTime: toBigInt(maxEventTime),
        },
      ]),
    ),
  };
}

const toBigInt = (text: string | null): bigint | null => (text === null ? null : BigInt(text));
