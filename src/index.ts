/** The library face: what the binary does, for programs. */

export { type BackfillOptions, type BackfillReport, backfill } from './jobs/backfill.ts';
export type { Progress, ProgressSink } from './jobs/progress.ts';
export { describeTables, type TableReport } from './jobs/tables.ts';
export { createRuntime, createWorker, type Runtime, type WorkerHandle } from './wire.ts';
export type { WorkerOptions, WorkerReport } from './worker/worker.ts';
