/**
 * Whole batches on several threads at a time: on those of a pool, and on this one. A thread has a store and a set of
 * columns of its own, made from the configuration and kept from batch to batch; what it tells while it works (objects
 * read, lines for the log) comes in order, before the end of its batch. Threads without one do not keep the process alive, and
 * start with the second batch at a time: to load what one needs takes longer than many a run does.
 *
 * What the configuration gives to the bodies and columns of the process is shared out among the threads.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { ingestBatch } from './ingest.ts';
import { Lane } from './lane.ts';
import type { IngestRequest, StagedBatch } from './request.ts';
import type { Ingester, IngestRuntime } from './runtime.ts';
import {
  type FromThread,
  type Preparation,
  receivedBatch,
  receivedError,
  sentError,
  type ThreadTask,
  type ToThread,
} from './thread-messages.ts';

/** At least two threads, this one among them. `entry` is the module of the others. */
export function ingestPool(config: Config, threads: number, entry: URL): Ingester {
  const share = shareOf(config, threads);
  const lane = new Lane(share.batch.downloadBytes);
  const others = Array.from({ length: threads - 1 }, () => new IngestThread(entry));
  const places = new Places(threads);
  return {
    threads,
    prepare: () => {
      for (const thread of others) thread.prepare({ config: share });
    },
    async ingest(runtime, request) {
      const place = await places.take();
      const watched = { ...request, onFetched: () => places.fetched(place) };
      try {
        if (place.thread === threads - 1) return await ingestBatch({ ...runtime, config: share, lane }, watched);
        return await ingestInThread(others[place.thread]!, share, runtime, watched);
      } finally {
        places.leave(place);
      }
    },
    close: async () => void (await Promise.all(others.map((thread) => thread.close()))),
  };
}

/** Runs from the first task on. Where it has ended, by a fault or for want of memory, the next task starts another one. */
class IngestThread {
  readonly #entry: URL;
  #running: Running | undefined;

  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** What it cannot load now it fails by when it has a batch. */
  prepare(task: Preparation): void {
    if (this.#running === undefined) this.send(task);
  }

  /** What becomes of the task is told by its port; `onEnd` says why the thread has ended, if it does. */
  send(task: ThreadTask | Preparation, transfer: readonly MessagePort[] = [], onEnd?: (reason: Error) => void): void {
    this.#running ??= this.#start();
    const { worker, watching } = this.#running;
    if (onEnd !== undefined) {
      watching.add(onEnd);
      worker.ref();
    }
    worker.postMessage(task, transfer);
  }

  leave(onEnd: (reason: Error) => void): void {
    if (this.#running === undefined) return;
    const { worker, watching } = this.#running;
    watching.delete(onEnd);
    if (watching.size === 0) worker.unref();
  }

  async close(): Promise<void> {
    const { worker } = this.#running ?? {};
    this.#running = undefined;
    await worker?.terminate();
  }

  #start(): Running {
    // As bin/audit-warehouse does for the main thread: V8 would let the nursery grow for as long as a run lasts.
    const worker = new Worker(this.#entry, { resourceLimits: { maxYoungGenerationSizeMb: 6 } });
    const running: Running = { worker, watching: new Set() };
    const end = (reason: Error): void => {
      if (this.#running === running) this.#running = undefined;
      for (const onEnd of running.watching) onEnd(reason);
    };
    worker.on('error', end);
    worker.on('exit', (code) => end(new Error(`it exited with code ${code}`)));
    // It keeps the process alive while it has a batch: how it ends has to be heard.
    worker.unref();
    return running;
  }
}

interface Running {
  readonly worker: Worker;
  /** Of the batches that it has. */
  readonly watching: Set<(reason: Error) => void>;
}

/** Read, and on its way up or down. */
const mostBatches = 2;

/** A batch on a thread, which takes no other one while bodies of it are still to be fetched. */
interface Place {
  readonly thread: number;
  isFetching: boolean;
}

/**
 * Hands threads out: of those that are free the one with the fewest batches, the lowest of several. A batch that is the only one
 * is given this thread, the highest.
 */
class Places {
  readonly #on: Set<Place>[];
  readonly #waiting: ((place: Place) => void)[] = [];

  constructor(threads: number) {
    this.#on = Array.from({ length: threads }, () => new Set());
  }

  take(): Promise<Place> {
    return new Promise((admitted) => {
      this.#waiting.push(admitted);
      this.#admit();
    });
  }

  fetched(place: Place): void {
    place.isFetching = false;
    this.#admit();
  }

  leave(place: Place): void {
    this.#on[place.thread]!.delete(place);
    this.#admit();
  }

  #admit(): void {
    while (this.#waiting.length > 0) {
      const free = this.#on.filter((on) => on.size < mostBatches && ![...on].some(({ isFetching }) => isFetching));
      if (free.length === 0) return;
      const isAlone = this.#waiting.length === 1 && this.#on.every(({ size }) => size === 0);
      const on = isAlone ? this.#on.at(-1)! : free.reduce((a, b) => (b.size < a.size ? b : a));
      const place = { thread: this.#on.indexOf(on), isFetching: true };
      on.add(place);
      this.#waiting.shift()!(place);
    }
  }
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
  thread: IngestThread,
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
    else if (message.kind === 'fetched') request.onFetched?.();
    else if (message.kind === 'throttled') runtime.throttling?.tell();
    else if (message.kind === 'log') runtime.log.error(message.fields, message.message);
    else if (message.kind === 'staged') resolve(receivedBatch(message.staged));
    else reject(receivedError(message.error));
  });
  const onEnd = (cause: Error): void => {
    const message = `the thread that ingested batch ${batch} ended: ${cause.message}. Nothing of the batch is committed; the next run takes it up`;
    reject(new IngestThreadEnded(message, { cause }));
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    thread.send(
      { port: theirs, config, source: source.config, batch, objects, reread, isAgain, tables },
      [theirs],
      onEnd,
    );
    return await promise;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    thread.leave(onEnd);
    port.close();
  }
}
