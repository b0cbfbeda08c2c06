/**
 * Intents of compaction: a unit that is staged and not committed yet, as `_compactions/<id>.json` below the warehouse. It
 * names the files that the unit replaces, which are live only until somebody has replaced them, and those that come
 * instead. The intent that was put first stands; its commit, or an overtaking by others, ends it.
 *
 * An intent holds until a given time. Later nobody commits it, and a grace period after that `expire` removes it with its files.
 */
import { type DataFile, type DataFileJson, dataFileFromJson, dataFileToJson } from '../../iceberg/data-file.ts';
import { stringifyJson } from '../../iceberg/json.ts';
import { isIntentUri, parseIntentJson } from '../../ledger/intent-json.ts';
import type { LedgerRuntime } from '../../ledger/runtime.ts';
import { readWhole } from '../../store/read.ts';
import { type ObjectInfo, StoreError } from '../../store/store.ts';
import type { ChangedDay, KnownFile } from '../compact/commit.ts';

export interface CompactionCounts {
  readonly files: { readonly before: number; readonly after: number };
  readonly bytes: { readonly before: number; readonly after: number };
  /** Before: rows that row-level deletes had taken, and duplicates, are among them. */
  readonly rows: number;
  readonly duplicates: number;
  readonly deleted: number;
}

export const nothingCompacted: CompactionCounts = {
  files: { before: 0, after: 0 },
  bytes: { before: 0, after: 0 },
  rows: 0,
  duplicates: 0,
  deleted: 0,
};

export const addCompacted = (a: CompactionCounts, b: CompactionCounts): CompactionCounts => ({
  files: { before: a.files.before + b.files.before, after: a.files.after + b.files.after },
  bytes: { before: a.bytes.before + b.bytes.before, after: a.bytes.after + b.bytes.after },
  rows: a.rows + b.rows,
  duplicates: a.duplicates + b.duplicates,
  deleted: a.deleted + b.deleted,
});

export interface CompactionIntent extends ChangedDay {
  readonly unit: string;
  readonly table: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly counts: CompactionCounts;
  /** Of a day that is cut: `plan` is that of the day, `files` and `duplicates` are those of the part. */
  readonly part?: CompactionPart;
}

export interface CompactionPart {
  readonly number: number;
  readonly of: number;
  /** The same for all parts of the day. */
  readonly group: string;
  /** Of all parts. */
  readonly rows: number;
}

type Place = Pick<LedgerRuntime, 'store' | 'config' | 'sleep'>;

export const compactionPrefix = (warehouse: string): string => `${warehouse}/_compactions/`;
const intentUri = ({ config }: Pick<Place, 'config'>, unit: string): string =>
  `${compactionPrefix(config.warehouse)}${unit}.json`;

/** An intent with the version of its object. */
export interface StandingIntent {
  readonly intent: CompactionIntent;
  readonly etag: string;
}

export async function readCompaction(place: Place, unit: string): Promise<StandingIntent | undefined> {
  const info = await place.store.head(intentUri(place, unit));
  return info && read(place, info);
}

/** All that stand, in the order of their ids. */
export async function* standingCompactions(place: Place): AsyncGenerator<StandingIntent> {
  for await (const info of place.store.list(compactionPrefix(place.config.warehouse))) {
    const standing = isIntentUri(info.uri) ? await read(place, info) : undefined;
    if (standing !== undefined) yield standing;
  }
}

/** The intent that stands: this one, or the one that was there before, but for `outdated`, which it takes the place of. */
export async function putCompaction(
  place: Place,
  intent: CompactionIntent,
  outdated: StandingIntent | undefined,
): Promise<CompactionIntent> {
  const condition = outdated === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: outdated.etag };
  const body = Buffer.from(serialize(intent));
  try {
    await place.store.put(intentUri(place, intent.unit), body, { ...condition, contentType: 'application/json' });
    return intent;
  } catch (error) {
    if (!(error instanceof StoreError) || !['precondition-failed', 'not-found'].includes(error.code)) throw error;
  }
  const standing = await readCompaction(place, intent.unit);
  if (standing === undefined)
    throw new Error(`unit ${intent.unit} was settled by another run while it was being staged; stage it again`);
  return standing.intent;
}

export const removeCompaction = (place: Pick<Place, 'store' | 'config'>, unit: string): Promise<void> =>
  place.store.delete(intentUri(place, unit));

/** undefined where its own commit has removed it since. */
async function read({ store, sleep }: Place, info: ObjectInfo): Promise<StandingIntent | undefined> {
  try {
    return { intent: parse(await readWhole(store, info, { sleep }), info.uri), etag: info.etag };
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'not-found' || error.code === 'precondition-failed')) return;
    throw error;
  }
}

/** Parts came with 2: a version that does not know of them must not take one for the day. */
const formatVersions = { day: 1, part: 2 };

interface IntentJson {
  readonly 'format-version': number;
  readonly unit: string;
  readonly table: string;
  readonly day: string;
  readonly until: number;
  readonly inputs: readonly FileJson[];
  readonly kept: readonly FileJson[];
  readonly files: readonly DataFileJson[];
  /** Rows dropped, by the object that they came from, and how many of these came from no object. */
  readonly duplicates: readonly { readonly uri: string; readonly rows: number; readonly copies: number }[];
  readonly counts: CompactionCounts;
  readonly part?: CompactionPart;
}

interface FileJson {
  readonly path: string;
  /** Keys of the row-level deletes that are known of. */
  readonly deletes: readonly string[];
}

const fileJson = ({ path, deletes }: KnownFile): FileJson => ({ path, deletes: deletes.map(({ key }) => key) });
const knownFile = ({ path, deletes }: FileJson): KnownFile => ({ path, deletes: deletes.map((key) => ({ key })) });

function serialize({ unit, table, until, plan, files, duplicates, counts, part }: CompactionIntent): string {
  const json: IntentJson = {
    'format-version': part === undefined ? formatVersions.day : formatVersions.part,
    unit,
    table,
    day: plan.day,
    until,
    inputs: plan.inputs.map(fileJson),
    kept: plan.kept.map(fileJson),
    files: files.map(dataFileToJson),
    duplicates: [...duplicates.byObject].map(([uri, rows]) => ({
      uri,
      rows,
      copies: duplicates.copies.get(uri) ?? 0,
    })),
    counts,
    ...(part && { part }),
  };
  return stringifyJson(json);
}

function parse(bytes: Buffer, uri: string): CompactionIntent {
  const json = parseIntentJson(bytes, uri, Object.values(formatVersions)) as IntentJson;
  const { unit, table, day, until, inputs, kept, files, duplicates, counts, part } = json;
  return {
    unit,
    table,
    until,
    plan: { day, inputs: inputs.map(knownFile), kept: kept.map(knownFile) },
    files: files.map((file): DataFile => dataFileFromJson(file)),
    duplicates: {
      count: duplicates.reduce((sum, { rows }) => sum + rows, 0),
      byObject: new Map(duplicates.map(({ uri: object, rows }) => [object, rows])),
      copies: new Map(duplicates.flatMap(({ uri: object, copies }) => (copies > 0 ? [[object, copies]] : []))),
    },
    counts,
    ...(part && { part }),
  };
}
