/** The library face: what the binary does, for programs. */
/// <reference types="node" preserve="true" />

export type { Progress, ProgressSink } from './ingest/runtime.ts';
export { backfill } from './jobs/backfill/backfill.ts';
export type { BackfillOptions, BackfillReport } from './jobs/backfill/report.ts';
export { describeTables, type TableReport } from './jobs/tables/describe.ts';
export { createRuntime, createWorker, type Runtime, type WorkerHandle } from './wire.ts';
export type { WorkerOptions, WorkerReport } from './worker/worker.ts';
