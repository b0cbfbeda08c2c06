/** The entry point of the threads of jobs/ingest-pool.ts. Loads no more than ingesting needs: each thread loads it anew. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from './config/config.ts';
import { ingestBatch } from './jobs/ingest.ts';
import { type FromThread, receivedError, sentError, type ToThread } from './jobs/ingest-messages.ts';
import { createSource } from './sources/index.ts';
import type { Source } from './sources/source.ts';
import { createIngestRuntime } from './wire.ts';

const config = workerData as Config;
const port = parentPort!;
const tell = (message: FromThread): void => port.postMessage(message);

const runtime = {
  ...(await createIngestRuntime(config)),
  log: { error: (fields: object, message: string) => tell({ kind: 'log', fields: { ...fields }, message }) },
};
/** By name, which one configuration gives once. */
const sources = new Map<string, Source>();
let stop = new AbortController();

port.on('message', async (message: ToThread) => {
  if (message.kind === 'abort') {
    stop.abort(receivedError(message.reason));
    return;
  }
  const { batch, objects, reread, tables, source: named } = message;
  stop = new AbortController();
  try {
    const source = sources.get(named.name) ?? createSource(named.type, named.columns, config.limits);
    sources.set(named.name, source);
    const staged = await ingestBatch(runtime, {
      ...{ batch, objects, reread, tables, signal: stop.signal },
      source: { config: named, source },
      onObject: (object, rows) => tell({ kind: 'object', object, rows }),
    });
    tell({ kind: 'staged', staged });
  } catch (error) {
    tell({ kind: 'failed', error: sentError(error) });
  }
});
