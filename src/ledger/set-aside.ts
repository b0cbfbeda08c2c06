/**
 * Objects that a worker tries no more, since each has failed so many times over. They are written below the warehouse, one
 * small object each, so that others can tell of them. These records decide nothing: a worker that
 * starts tries again, as does every backfill, and what the ledger has committed since is no longer set aside, whatever
 * a record says.
 */
import { createHash } from 'node:crypto';
import { readWhole } from '../store/read.ts';
import { StoreError } from '../store/store.ts';
import { compareText } from '../text/order.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerRuntime } from './runtime.ts';

export interface SetAsideObject {
  readonly source: string;
  readonly uri: string;
  /** null where it could not even be asked for. */
  readonly etag: string | null;
  /** Why it failed the last time. */
  readonly code: string;
  readonly message: string;
  readonly tries: number;
  /** When it was set aside, RFC 3339. */
  readonly since: string;
}

/** Below the warehouse; nothing of it is a table. */
export const setAsidePrefix = (warehouse: string): string => `${warehouse}/_set_aside/`;

const recordUri = (warehouse: string, uri: string): string =>
  `${setAsidePrefix(warehouse)}${createHash('sha256').update(uri).digest('hex').slice(0, 32)}.json`;

/** More are in the metrics and the log only: filling a bucket with broken objects must not fill the warehouse. */
export const mostRecords = 1000;
const mostRecordBytes = 64 << 10;
const mostMessage = 4096;

type Place = Pick<LedgerRuntime, 'store' | 'config'>;

export async function writeSetAside({ store, config }: Place, object: SetAsideObject): Promise<void> {
  const body = JSON.stringify({ ...object, message: object.message.slice(0, mostMessage) });
  await store.put(recordUri(config.warehouse, object.uri), Buffer.from(body), { contentType: 'application/json' });
}

export const removeSetAside = ({ store, config }: Place, uri: string): Promise<void> =>
  store.delete(recordUri(config.warehouse, uri));

/** Those that nothing has committed since, in the order of their names. */
export async function readSetAside(
  runtime: Pick<LedgerRuntime, 'store' | 'config' | 'sleep'>,
  ledger: Pick<Ledger, 'lookup'>,
): Promise<{ readonly standing: SetAsideObject[]; readonly settled: SetAsideObject[] }> {
  const { store, config, sleep } = runtime;
  const records: SetAsideObject[] = [];
  for await (const info of store.list(setAsidePrefix(config.warehouse))) {
    if (records.length === mostRecords) break;
    if (info.size > mostRecordBytes) continue;
    const record = parse(await readWhole(store, info, { sleep }).catch(missing));
    if (record !== undefined) records.push(record);
  }
  records.sort((a, b) => compareText(a.uri, b.uri));
  if (records.length === 0) return { standing: [], settled: [] };
  const { entries } = await ledger.lookup(records.map(({ uri }) => uri));
  const isSettled = ({ uri, etag, since }: SetAsideObject): boolean =>
    entries
      .get(uri)
      ?.some(
        ({ state, object, committedAt }) =>
          state === 'committed' && (object.etag === etag || (committedAt ?? 0) >= Date.parse(since)),
      ) === true;
  return { standing: records.filter((record) => !isSettled(record)), settled: records.filter(isSettled) };
}

/** Removes the records of what has been committed since. */
export async function clearSetAside(
  runtime: Pick<LedgerRuntime, 'store' | 'config' | 'sleep'>,
  ledger: Pick<Ledger, 'lookup'>,
): Promise<SetAsideObject[]> {
  const { standing, settled } = await readSetAside(runtime, ledger);
  for (const { uri } of settled) await removeSetAside(runtime, uri);
  return standing;
}

/** Gone since it was listed. */
function missing(error: unknown): undefined {
  if (error instanceof StoreError && (error.code === 'not-found' || error.code === 'precondition-failed')) return;
  throw error;
}

/** undefined for what no worker wrote. */
function parse(bytes: Buffer | undefined): SetAsideObject | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { source, uri, etag, code, message, tries, since } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    const isText = [source, uri, code, message, since].every((value) => typeof value === 'string');
    if (!isText || typeof tries !== 'number' || Number.isNaN(Date.parse(String(since)))) return undefined;
    return {
      source: String(source),
      uri: String(uri),
      etag: typeof etag === 'string' ? etag : null,
      code: String(code),
      message: String(message),
      tries,
      since: String(since),
    };
  } catch {
    return undefined;
  }
}
