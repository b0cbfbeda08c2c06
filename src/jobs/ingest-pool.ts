/**
 * Whole batches on worker threads, several at a time. A thread has a store and a set of columns of its own, made from the
 * configuration and kept from batch to batch; what it tells while it works (objects read, lines for the log) comes in
 * order, before the end of its batch. The threads do not keep the process alive.
 *
 * What the configuration gives to the bodies and columns of the process is shared out among the threads.
 */
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import type { Config } from '../config/config.ts';
import type { IngestRequest, Staged } from './ingest.ts';
import { type FromThread, receivedError, sentError, type ToThread } from './ingest-messages.ts';
import type { Ingester, IngestRuntime } from './ingester.ts';

/** `entry` is the module of the threads; it finds its configuration as their workerData. */
export function ingestPool(config: Config, threads: number, entry: URL): Ingester {
  const share = shareOf(config, threads);
  const limit = pLimit(threads);
  const idle: IngestThread[] = [];
  return {
    threads,
    prepare() {
      const missing = threads - limit.activeCount - idle.length;
      for (let i = 0; i < missing; i++) idle.push(new IngestThread(entry, share));
    },
    ingest: (runtime, request) =>
      limit(async () => {
        let thread = idle.pop();
        while (thread?.hasEnded) thread = idle.pop();
        thread ??= new IngestThread(entry, share);
        try {
          return await thread.ingest(runtime, request);
        } finally {
          if (!thread.hasEnded) idle.push(thread);
        }
      }),
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
    },
  };
}

/** The thread of a batch is gone: it ran out of memory, or something ended it. Nothing of the batch is committed. */
export class IngestThreadEnded extends Error {
  override readonly name = 'IngestThreadEnded';
  readonly code = 'thread-ended';
}

interface InWork {
  readonly runtime: IngestRuntime;
  readonly request: IngestRequest;
  readonly resolve: (staged: Staged) => void;
  readonly reject: (error: unknown) => void;
}

/** One batch at a time. */
class IngestThread {
  readonly #worker: Worker;
  #work: InWork | undefined;
  #fault: unknown;
  hasEnded = false;

  constructor(entry: URL, config: Config) {
    // As bin/audit-warehouse does for the main thread: V8 would let the nursery grow for as long as a run lasts.
    const resourceLimits = { maxYoungGenerationSizeMb: 24 };
    this.#worker = new Worker(entry, { workerData: config, resourceLimits });
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('messageerror', (error) => this.#end(error));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', (code) => this.#end(`exit code ${code}`));
    // After the listeners: hearing messages would keep the process alive again.
    this.#worker.unref();
  }

  async ingest(runtime: IngestRuntime, request: IngestRequest): Promise<Staged> {
    const { batch, source, objects, reread, tables, signal } = request;
    signal?.throwIfAborted();
    const abort = (): void => this.#send({ kind: 'abort', reason: sentError(signal?.reason) });
    const { promise, resolve, reject } = Promise.withResolvers<Staged>();
    this.#work = { runtime, request, resolve, reject };
    this.#worker.ref();
    try {
      this.#send({ kind: 'ingest', batch, source: source.config, objects, reread, tables });
      signal?.addEventListener('abort', abort, { once: true });
      return await promise;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#work = undefined;
      this.#worker.unref();
    }
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromThread): void {
    const { runtime, request, resolve, reject } = this.#work!;
    if (message.kind === 'object') request.onObject?.(message.object, message.rows);
    else if (message.kind === 'log') runtime.log.error(message.fields, message.message);
    else if (message.kind === 'staged') resolve(message.staged);
    else reject(receivedError(message.error));
  }

  /** `exit` comes after `error`, which knows more. */
  #end(fault: unknown): void {
    this.hasEnded = true;
    this.#fault ??= fault;
    if (this.#work === undefined) return;
    const { batch } = this.#work.request;
    const [why, cause] = this.#fault instanceof Error ? [this.#fault.message, this.#fault] : [this.#fault, undefined];
    this.#work.reject(
      new IngestThreadEnded(
        `the thread that ingested batch ${batch} ended: ${why}. Nothing of the batch is committed; the next run takes it up`,
        { cause },
      ),
    );
  }
}
