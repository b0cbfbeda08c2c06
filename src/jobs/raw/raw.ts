/**
 * Records as they stand in their source objects, found by the offsets that rows and quarantined records carry. An object is read
 * only if it lies in a source of the configuration: a table that somebody has written to must not make this read any file.
 */
import { UsageError } from '../../config/errors.ts';
import type { QueryEngine } from '../../engines/engine.ts';
import { expectNotLost } from '../../iceberg/ensure.ts';
import { fetchObjects } from '../../ingest/fetch.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import type { Frame } from '../../records/frame/frame.ts';
import { frameRecords } from '../../records/frame/index.ts';
import { compareText } from '../../text/order.ts';
import { dayOf, type OpenRange } from '../../text/time.ts';

/** Where a record stands: the offset is of its first byte in the decompressed object. */
export interface RecordPlace {
  readonly uri: string;
  readonly offset: number;
}

export interface RawRecord extends RecordPlace {
  /** The bytes of the record; only the first of them where it is larger than `limits.record_bytes`. */
  readonly bytes: Uint8Array;
  readonly isCut: boolean;
}

export interface MissingRecord extends RecordPlace {
  readonly problem: string;
}

/** By which column a record of each table is known. */
export const idColumns: Readonly<Record<string, string>> = {
  opa_decisions: 'decision_id',
  okera_audit_logs: 'request_id',
};
const mostPlaces = 100;

/** `s3://bucket/key#1234`, as `source_uri` and `source_offset` of a row; undefined for anything else. */
export function parsePlace(text: string): RecordPlace | undefined {
  const match = /^([a-z][a-z\d]*:\/\/[\s\S]+)#(\d{1,15})$/.exec(text);
  return match ? { uri: match[1]!, offset: Number(match[2]) } : undefined;
}

/** Where the records with an id are; at most 100, in the order of their places. */
export async function placesOf(
  { store, catalog }: Pick<Runtime, 'store' | 'catalog'>,
  engine: QueryEngine,
  id: string,
  range: OpenRange,
): Promise<RecordPlace[]> {
  const existing = await catalog.listTables();
  const days = {
    ...(range.from !== undefined && { from: dayOf(range.from) }),
    ...(range.to !== undefined && { to: dayOf(range.to) }),
  };
  const places: RecordPlace[] = [];
  for (const [table, column] of Object.entries(idColumns)) {
    if (!existing.includes(table)) {
      await expectNotLost({ store, catalog }, table);
      continue;
    }
    const conditions = [
      `${column} = $id`,
      ...(days.from === undefined ? [] : ['ymd >= $from']),
      ...(days.to === undefined ? [] : ['ymd <= $to']),
    ];
    const answer = await engine.query({
      sql: `SELECT source_uri, source_offset FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY 1, 2 LIMIT ${mostPlaces}`,
      parameters: { id, ...days },
      prune: { [table]: { ymd: days, bounds: [{ column, from: id, to: id }] } },
    });
    for await (const rows of answer.chunks)
      for (const [uri, offset] of rows) places.push({ uri: String(uri), offset: Number(offset) });
  }
  return places;
}

/** In the order of the places. What cannot be found is told of, and never thrown. */
export async function readRaw(
  runtime: Runtime,
  places: readonly RecordPlace[],
): Promise<(RawRecord | MissingRecord)[]> {
  const found: (RawRecord | MissingRecord)[] = [];
  const byUri = Map.groupBy(places, ({ uri }) => uri);
  for (const [uri, mine] of [...byUri].sort(([a], [b]) => compareText(a, b))) {
    const wanted = new Set(mine.map(({ offset }) => offset));
    try {
      const records = await readObject(runtime, uri, wanted);
      for (const offset of [...wanted].sort((a, b) => a - b)) {
        const record = records.get(offset);
        found.push(record ?? { uri, offset, problem: 'the object has no record at this offset any more' });
      }
    } catch (error) {
      for (const offset of wanted) found.push({ uri, offset, problem: (error as Error).message });
    }
  }
  return found;
}

async function readObject(
  runtime: Runtime,
  uri: string,
  wanted: ReadonlySet<number>,
): Promise<ReadonlyMap<number, RawRecord>> {
  const { store, config, sleep } = runtime;
  const { source } = sourceOf(runtime, uri);
  const object = await store.head(uri);
  if (object === undefined) throw new Error('the object is not there any more');
  const { limits } = config;
  const { downloads, downloadBytes } = config.batch;
  const records = new Map<number, RawRecord>();
  const take = ({ bytes, offset, tooLarge }: Frame): void => {
    // The object's memory is given back once it has been read.
    if (wanted.has(offset) && !records.has(offset))
      records.set(offset, { uri, offset, bytes: Buffer.from(bytes), isCut: tooLarge !== undefined });
  };
  for await (const { body } of fetchObjects(store, [object], { downloads, downloadBytes, limits, sleep })) {
    if ('error' in body) throw body.error;
    const reader = source.openObject(uri, source.describeObject(uri));
    for await (const frames of frameRecords(body, limits)) {
      for (const frame of frames) {
        take(frame);
        // What a log shipper has put around records is a frame; the records are in it.
        reader.read(frame, (_, origin) => take(origin));
      }
      if (records.size === wanted.size) return records;
    }
    reader.end((_, origin) => take(origin));
  }
  return records;
}

/** Throws UsageError for an object that is in no source. */
function sourceOf(runtime: Pick<Runtime, 'config'>, uri: string): ConfiguredSource {
  const source = selectSources(runtime, undefined).find(({ config: { location } }) => isBelow(uri, location));
  if (source === undefined) throw new UsageError('no source of the configuration has this object, so it is not read');
  return source;
}

const isBelow = (uri: string, location: string): boolean =>
  (uri === location || uri.startsWith(location.endsWith('/') ? location : `${location}/`)) &&
  !uri.split('/').includes('..');
