import type { Logger } from 'pino';
import type { LedgerRuntime } from '../ledger/runtime.ts';
import type { Throttling } from '../store/throttling.ts';
import type { Lane } from './lane.ts';
import type { IngestRequest, StagedBatch } from './request.ts';

/** Everything that a job needs of the world. `wire.ts` makes the real one; tests make theirs. */
export interface Runtime extends LedgerRuntime {
  /** May run on other threads. */
  readonly ingester: Ingester;
  readonly log: Logger;
  /** Of the store, on all threads; absent where the store never says so. */
  readonly throttling?: Throttling;
}

/** What ingesting needs of the world. */
export interface IngestRuntime
  extends Pick<Runtime, 'config' | 'store' | 'encoder' | 'sleep' | 'owner' | 'throttling'> {
  readonly log: { error(fields: object, message: string): void };
  /** Of this thread, where several batches may be on it. */
  readonly lane?: Lane;
}

export interface Ingester {
  /** Batches that may be in work at a time: the callers keep to it. */
  readonly threads: number;
  /** Several batches at a time are about to come. May be said again. */
  prepare(): void;
  /** A pool works with a store of its own, made from the configuration. */
  ingest(runtime: IngestRuntime, request: IngestRequest): Promise<StagedBatch>;
  /** Ends its threads; batches in work fail. */
  close(): Promise<void>;
}

/** What a job tells about itself while it runs; totals are null while the listing still goes on. */
export interface Progress {
  readonly phase: 'listing' | 'ingesting' | 'waiting' | 'done';
  readonly objectsDone: number;
  readonly objectsTotal: number | null;
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
  readonly rows: number;
  readonly message?: string;
}

export interface ProgressSink {
  update(progress: Progress): void;
}
