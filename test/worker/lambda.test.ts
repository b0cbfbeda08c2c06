/** The Lambda handler with events as SQS sends them to functions. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { SQSEvent } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import { FileCatalog } from '../../src/catalog/file/catalog.ts';
import type { Runtime } from '../../src/ingest/runtime.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { StoreError } from '../../src/store/store.ts';
import { createSqsHandler } from '../../src/worker/lambda.ts';
import { decision, owner, rowsOf, testRuntime, warehouse } from '../support/warehouse.ts';

const file = (name: string): string => readFileSync(join(import.meta.dirname, 'events', `${name}.json`), 'utf8');
const key = 'prod/eopa=35945366-1d7c-4f0e/first_ts=1768472430/last_ts=1768472439/batch_id=0f0e.jsonl.gz';
const uri = `s3://acme-eopa/${key}`;

/** An invocation with these bodies; the ids of its messages are m0, m1, … */
function invocation(...bodies: string[]): SQSEvent {
  const { Records } = JSON.parse(file('lambda-sqs')) as SQSEvent;
  return { Records: bodies.map((body, n) => ({ ...Records[0]!, messageId: `m${n}`, body })) };
}

function world(hooks: ConstructorParameters<typeof MemoryStore>[0] = {}) {
  const store = new MemoryStore();
  const view = store.view(hooks);
  const now = Date.UTC(2026, 0, 15, 11);
  const runtime = (id = 'lambda'): Runtime => ({
    ...testRuntime({
      store: view,
      sources: [{ name: 'eopa', type: 'opa', location: 's3://acme-eopa/prod/', columns: {} }],
      owner: owner(id),
      clock: () => now,
    }),
    catalog: new FileCatalog(view, warehouse),
  });
  return {
    store,
    runtime,
    handler: createSqsHandler(async () => runtime()),
    put: (at: string, id: string) => store.put(at, gzipSync(decision({ id }))),
    rows: async () =>
      (await rowsOf({ store, catalog: new FileCatalog(store, warehouse) }, 'opa_decisions')).map(
        (row) => row.decision_id,
      ),
  };
}

const done = { batchItemFailures: [] };
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

describe('the Lambda handler', () => {
  test('commits what the messages speak of, once', async () => {
    const { handler, put, rows } = world();
    await put(uri, 'one');
    expect(await handler(invocation(file('s3-put'), file('s3-put'), file('s3-test'), file('s3-removed')))).toEqual(
      done,
    );
    expect(await rows()).toEqual(['one']);
    expect(await handler(invocation(file('s3-put')))).toEqual(done);
    expect(await rows()).toEqual(['one']);
  });

  test('names the messages that are to come again, and no others', async () => {
    const { handler, put, store, rows } = world();
    await put(uri, 'one');
    await store.put('s3://acme-eopa/prod/broken.gz', gzipSync('{}').subarray(0, 12));
    const broken = file('s3-put').replace(encodeURIComponent(key).replaceAll('%2F', '/'), 'prod/broken.gz');
    expect(broken).toContain('"prod/broken.gz"');
    expect(await handler(invocation(file('s3-put'), 'nonsense', broken))).toEqual(failed('m1', 'm2'));
    expect(await rows()).toEqual(['one']);
  });

  test('names all messages of a source that cannot be reached', async () => {
    let gone = true;
    const { handler, put, rows } = world({
      before: ({ uri, operation }) => {
        if (gone && uri.startsWith('s3://') && operation !== 'put') throw new StoreError('access-denied', uri, 'no');
      },
    });
    await put(uri, 'one');
    expect(await handler(invocation(file('s3-put'), file('s3-test')))).toEqual(failed('m0'));
    gone = false;
    expect(await handler(invocation(file('s3-put')))).toEqual(done);
    expect(await rows()).toEqual(['one']);
  });

  test('tries a cold start that failed again with the next event', async () => {
    const { runtime, put, rows } = world();
    await put(uri, 'one');
    let starts = 0;
    const handler = createSqsHandler(async () => {
      if (++starts === 1) throw new Error('no credentials yet');
      return runtime();
    });
    await expect(handler(invocation(file('s3-put')))).rejects.toThrow('no credentials yet');
    expect(await handler(invocation(file('s3-put')))).toEqual(done);
    expect(await handler(invocation(file('s3-put')))).toEqual(done);
    expect(starts).toBe(2);
    expect(await rows()).toEqual(['one']);
  });

  test('invocations at the same time share the work, and none says done before it is', async () => {
    const { runtime, put, rows } = world();
    await put(uri, 'one');
    const handlers = ['a', 'b', 'c'].map((id) => createSqsHandler(async () => runtime(id)));
    const answers = await Promise.all(handlers.map((handler) => handler(invocation(file('s3-put')))));
    expect(answers.some(({ batchItemFailures }) => batchItemFailures.length === 0)).toBe(true);
    expect(await rows()).toEqual(['one']);
    for (const handler of handlers) expect(await handler(invocation(file('s3-put')))).toEqual(done);
  });
});
