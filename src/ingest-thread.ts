/** The entry point of the threads of ingest/thread-pool.ts. Loads no more than ingesting needs: each thread loads it anew. */
import { parentPort } from 'node:worker_threads';
import { ingestBatch } from './ingest/ingest.ts';
import { Lane } from './ingest/lane.ts';
import {
  type FromThread,
  type Preparation,
  receivedError,
  sentBatch,
  sentError,
  type ThreadTask,
  type ToThread,
} from './ingest/thread-messages.ts';
import { configuredSource } from './sources/index.ts';
import type { Source } from './sources/source.ts';
import { atMostEvery } from './telemetry/at-most-every.ts';
import { createIngestRuntime } from './wire.ts';

/** A pool has one configuration, so the first one is that of all batches. */
let runtime: ReturnType<typeof createIngestRuntime> | undefined;
let lane: Lane | undefined;
/** By name, which one configuration gives once. */
const sources = new Map<string, Source>();

/** Often enough to tell a batch that moves from one that stands still. */
const movedEveryMs = 1000;

parentPort!.on('message', (task: ThreadTask | Preparation) => {
  if ('port' in task) return void ingest(task);
  runtime ??= createIngestRuntime(task.config);
  // The first batch fails by it.
  runtime.catch(() => {});
});

/** Never rejects: what becomes of the batch is told by the port. */
async function ingest({ port, config, source: named, ...request }: ThreadTask): Promise<void> {
  const tell = (message: FromThread): void => port.postMessage(message);
  const stop = new AbortController();
  let leave = (): void => {};
  port.on('message', ({ reason }: ToThread) => stop.abort(receivedError(reason)));
  try {
    runtime ??= createIngestRuntime(config);
    lane ??= new Lane(config.batch.downloadBytes);
    const source = sources.get(named.name) ?? configuredSource(named, config.limits);
    sources.set(named.name, source);
    const log = { error: (fields: object, message: string) => tell({ kind: 'log', fields: { ...fields }, message }) };
    const own = await runtime;
    leave = own.throttling.listen(() => tell({ kind: 'throttled' }));
    const staged = await ingestBatch(
      { ...own, log, lane },
      {
        ...request,
        source: { config: named, source },
        signal: stop.signal,
        onFetched: () => tell({ kind: 'fetched' }),
        onObject: (object, rows) => tell({ kind: 'object', object, rows }),
        onMove: atMostEvery(movedEveryMs, () => tell({ kind: 'moved' })),
      },
    );
    tell({ kind: 'staged', staged: sentBatch(staged) });
  } catch (error) {
    tell({ kind: 'failed', error: sentError(error) });
  } finally {
    leave();
    port.close();
  }
}
