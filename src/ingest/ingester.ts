/**
 * Who ingests the batches of a process: this thread, one batch after another, or a pool of others (ingest-pool.ts).
 * Both make the same files of the same batch. Claims and commits are not part of it: they stay where the ledger is.
 */
import { ingestBatch } from './ingest.ts';
import type { Ingester } from './runtime.ts';

export const ingestHere: Ingester = { threads: 1, prepare: () => {}, ingest: ingestBatch, close: async () => {} };
