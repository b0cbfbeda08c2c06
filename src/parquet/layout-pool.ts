/** Layout on worker threads: the arrays of a batch are moved to the worker, not copied, and the files are moved back. */
import { Piscina } from 'piscina';
import type { ColumnBatch, ColumnData } from '../columns/batch.ts';
import type { DayFile, Layout } from './layout.ts';

/** `threads` at least 1. The workers start with the first request and do not keep the process alive. */
export function layoutPool(threads: number): Layout {
  const pool = new Piscina<unknown, DayFile[]>({
    filename: new URL('./layout-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 1000,
  });
  return (request) => pool.run(request, { transferList: buffersOf(request.batch) });
}

/** Each buffer once, since arrays of a batch may share them. */
function buffersOf(batch: ColumnBatch): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const add = (array: { readonly buffer: ArrayBufferLike } | null): void => {
    if (array !== null && array.buffer instanceof ArrayBuffer) buffers.add(array.buffer);
  };
  const visit = (data: ColumnData): void => {
    add(data.valid);
    switch (data.kind) {
      case 'fixed':
        add(data.values);
        break;
      case 'string':
        add(data.codes);
        add(data.offsets);
        add(data.bytes);
        break;
      case 'list':
        add(data.offsets);
        visit(data.elements);
        break;
      case 'map':
        add(data.offsets);
        visit(data.keys);
        visit(data.values);
    }
  };
  for (const column of batch.columns) visit(column.data);
  return [...buffers];
}
