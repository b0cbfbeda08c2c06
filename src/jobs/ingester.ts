/**
 * Who ingests the batches of a process: this thread, one batch after another, or a pool of others (ingest-pool.ts).
 * Both make the same files of the same batch. Claims and commits are no part of it: they stay where the ledger is.
 */
import { type IngestRequest, ingestBatch, type Staged } from './ingest.ts';
import type { Runtime } from './runtime.ts';

/** What ingesting needs of the world. */
export interface IngestRuntime extends Pick<Runtime, 'config' | 'store' | 'layOut' | 'sleep' | 'owner'> {
  readonly log: { error(fields: object, message: string): void };
}

export interface Ingester {
  /** Batches that may be in work at a time: the callers keep to it. */
  readonly threads: number;
  /** Batches are about to come. */
  prepare(): void;
  /** A pool works with a store of its own, made from the configuration. */
  ingest(runtime: IngestRuntime, request: IngestRequest): Promise<Staged>;
}

export const ingestHere: Ingester = { threads: 1, prepare: () => {}, ingest: ingestBatch };
