/** Layout on worker threads: the arrays of a batch are moved to the worker, not copied, and the files are moved back. */
import { Piscina } from 'piscina';
import { buffersOf } from '../columns/batch.ts';
import type { DayFile, Layout } from './layout.ts';

// Compiled for places without TypeScript (deploy/lambda), the modules have another extension.
const worker = new URL(import.meta.url.replace(/pool(\.[jt]s)$/, 'worker$1'));

/** `threads` at least 1. The workers start with the first request and do not keep the process alive. */
export function layoutPool(threads: number): Layout {
  const pool = new Piscina<unknown, DayFile[]>({
    filename: worker.href,
    minThreads: 0,
    maxThreads: threads,
    // Longer than any lull of a run: a new worker has to be loaded and warmed up again.
    idleTimeout: 60_000,
    resourceLimits: { maxYoungGenerationSizeMb: 24 },
  });
  return (request) => pool.run(request, { transferList: [...buffersOf(request.batch)] });
}
