/** What the pool and its threads say to each other: all of it plain data, since it is copied on the way. */
import type { MessagePort } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { type PackedDataFile, packDataFile, unpackDataFile } from '../iceberg/data-file.ts';
import type { Intent } from '../ledger/batch-intent.ts';
import type { SourceConfig } from '../sources/config.ts';
import { type ObjectInfo, StoreError } from '../store/store.ts';
import { AccountingError } from './object-counts.ts';
import type { IngestRequest, StagedBatch } from './request.ts';

/** No batch yet: what all of them need is loaded. */
export interface Preparation {
  readonly config: Config;
}

/** One batch; the port is for what is told of it, and to stop it. */
export interface ThreadTask extends Pick<IngestRequest, 'batch' | 'objects' | 'reread' | 'isAgain' | 'tables'> {
  readonly port: MessagePort;
  readonly config: Config;
  readonly source: SourceConfig;
}

export interface ToThread {
  readonly kind: 'abort';
  readonly reason: SentError;
}

/** Of one batch, in order; the last one is its end. */
export type FromThread =
  | { readonly kind: 'object'; readonly object: ObjectInfo; readonly rows: number }
  | { readonly kind: 'moved' }
  | { readonly kind: 'fetched' }
  | { readonly kind: 'throttled' }
  | { readonly kind: 'log'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }
  | { readonly kind: 'staged'; readonly staged: SentBatch }
  | { readonly kind: 'failed'; readonly error: SentError };

/** A structured clone keeps no classes, and so not the maps of data files. */
export interface SentBatch extends Omit<StagedBatch, 'intent'> {
  readonly intent: Omit<Intent, 'files'> & { readonly files: ReadonlyMap<string, readonly PackedDataFile[]> };
}

export const sentBatch = ({ intent, ...rest }: StagedBatch): SentBatch => ({
  ...rest,
  intent: { ...intent, files: mapped(intent.files, packDataFile) },
});

export const receivedBatch = ({ intent, ...rest }: SentBatch): StagedBatch => ({
  ...rest,
  intent: { ...intent, files: mapped(intent.files, unpackDataFile) },
});

const mapped = <T, R>(files: ReadonlyMap<string, readonly T[]>, map: (file: T) => R): Map<string, R[]> =>
  new Map([...files].map(([table, some]) => [table, some.map(map)]));

/** A structured clone keeps neither the class of an error nor its code. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** code, uri and the like. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: SentError;
}

/** Those that callers tell from others by their class. */
const classes: Readonly<Record<string, new (...given: never[]) => Error>> = { AccountingError, StoreError };

export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: undefined, fields: {} };
  const { name, message, stack, cause } = error;
  const fields = Object.entries(error).filter(
    ([key, value]) => !['name', 'cause'].includes(key) && (value === null || !/object|function/.test(typeof value)),
  );
  return {
    name,
    message,
    stack,
    fields: Object.fromEntries(fields),
    ...(cause !== undefined && { cause: sentError(cause) }),
  };
}

export function receivedError({ name, message, stack, fields, cause }: SentError): Error {
  const error = new Error(message, cause && { cause: receivedError(cause) });
  Object.setPrototypeOf(error, classes[name]?.prototype ?? Error.prototype);
  const hidden = { configurable: true, writable: true };
  Object.defineProperties(error, { name: { ...hidden, value: name }, stack: { ...hidden, value: stack } });
  return Object.assign(error, fields);
}
