/**
 * Whole batches on several threads at a time: on those of a pool, and on this one. A thread has a store and a set of
 * columns of its own, made from the configuration and kept from batch to batch; what it tells while it works (objects
 * read, lines for the log) comes in order, before the end of its batch. The threads do not keep the process alive.
 *
 * What the configuration gives to the bodies and columns of the process is shared out among the threads.
 */
import { MessageChannel } from 'node:worker_threads';
import pLimit from 'p-limit';
import { Piscina } from 'piscina';
import type { Config } from '../config/config.ts';
import { ingestBatch } from './ingest.ts';
import type { IngestRequest, StagedBatch } from './request.ts';
import type { Ingester, IngestRuntime } from './runtime.ts';
import {
  type FromThread,
  type Preparation,
  receivedError,
  sentError,
  type ThreadTask,
  type ToThread,
} from './thread-messages.ts';

/** At least two threads, this one among them. `entry` is the module of the others. */
export function ingestPool(config: Config, threads: number, entry: URL): Ingester {
  const share = shareOf(config, threads);
  const limit = pLimit(threads);
  let pool: Piscina<ThreadTask | Preparation, void> | undefined;
  const others = (): Piscina<ThreadTask | Preparation, void> => {
    pool ??= new Piscina({
      filename: entry.href,
      minThreads: threads - 1,
      maxThreads: threads - 1,
      // As bin/audit-warehouse does for the main thread: V8 would let the nursery grow for as long as a run lasts.
      resourceLimits: { maxYoungGenerationSizeMb: 6 },
    });
    return pool;
  };
  let inOthers = 0;
  return {
    threads,
    prepare: () => {
      const threads = others();
      // What a thread cannot load now it fails by when it has a batch.
      for (const _ of threads.threads) threads.run({ config: share }).catch(() => {});
    },
    ingest: (runtime, request) =>
      limit(async () => {
        if (inOthers === threads - 1) return ingestBatch({ ...runtime, config: share }, request);
        inOthers++;
        try {
          return await ingestInThread(others(), share, runtime, request);
        } finally {
          inOthers--;
        }
      }),
    close: async () => pool?.destroy(),
  };
}

const leastBytes = 1 << 20;

export function shareOf(config: Config, threads: number): Config {
  const { batch } = config;
  const share = (bytes: number): number => Math.max(leastBytes, Math.floor(bytes / threads));
  return {
    ...config,
    batch: {
      ...batch,
      downloads: Math.ceil(batch.downloads / threads),
      downloadBytes: share(batch.downloadBytes),
      columnBytes: share(batch.columnBytes),
      identityBytes: share(batch.identityBytes),
    },
  };
}

/** The thread of a batch is gone: it ran out of memory, or something ended it. Nothing of the batch is committed. */
export class IngestThreadEnded extends Error {
  override readonly name = 'IngestThreadEnded';
  readonly code = 'thread-ended';
}

async function ingestInThread(
  pool: Piscina<ThreadTask | Preparation, void>,
  config: Config,
  runtime: IngestRuntime,
  request: IngestRequest,
): Promise<StagedBatch> {
  const { batch, source, objects, reread, isAgain = false, tables, signal } = request;
  signal?.throwIfAborted();
  const { port1: port, port2: theirs } = new MessageChannel();
  const send = (message: ToThread): void => port.postMessage(message);
  const abort = (): void => send({ kind: 'abort', reason: sentError(signal?.reason) });
  const { promise, resolve, reject } = Promise.withResolvers<StagedBatch>();
  port.on('message', (message: FromThread) => {
    if (message.kind === 'object') request.onObject?.(message.object, message.rows);
    else if (message.kind === 'moved') request.onMove?.();
    else if (message.kind === 'throttled') runtime.throttling?.tell();
    else if (message.kind === 'log') runtime.log.error(message.fields, message.message);
    else if (message.kind === 'staged') resolve(message.staged);
    else reject(receivedError(message.error));
  });
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const task = { port: theirs, config, source: source.config, ...{ batch, objects, reread, isAgain, tables } };
    // What becomes of the batch comes by the port, behind all that was told of it: the pool only says if a thread ends.
    pool.run(task, { transferList: [theirs] }).catch((error: Error) => {
      const message = `the thread that ingested batch ${batch} ended: ${error.message}. Nothing of the batch is committed; the next run takes it up`;
      reject(new IngestThreadEnded(message, { cause: error }));
    });
    return await promise;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    port.close();
  }
}
