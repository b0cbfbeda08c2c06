/**
 * The worker as a function of AWS Lambda behind an SQS trigger: one invocation is one batch a source, and the answer names
 * the messages that are not done (`ReportBatchItemFailures` must be set on the trigger), which SQS then gives again and in
 * the end to the dead-letter queue. The trigger hides and deletes messages; everything else is as in the worker.
 */
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createLedger, openTables } from '../ingest/claimed-batch.ts';
import { expectOwnWarehouse } from '../ingest/own-tables.ts';
import type { ConfiguredSource } from '../ingest/plan.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { selectSources } from '../ingest/select-sources.ts';
import { LeftToDo } from '../ledger/left-to-do.ts';
import { embeddedMetrics } from '../telemetry/embedded-metrics.ts';
import { logEvent } from '../telemetry/events.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { Batches } from './batches.ts';
import { Health } from './health.ts';
import { Account } from './report.ts';
import { routeEvents } from './route.ts';

export type SqsHandler = (event: SQSEvent) => Promise<SQSBatchResponse>;

export interface SqsHandlerOptions {
  /** Told the metrics of each invocation, a line of CloudWatch's embedded format at a time. */
  readonly writeMetrics?: (line: string) => void;
}

/** Opens runtime and tables at the first event and keeps them for the next ones. */
export function createSqsHandler(
  openRuntime: () => Promise<Runtime>,
  { writeMetrics }: SqsHandlerOptions = {},
): SqsHandler {
  let opening: Promise<Opened> | undefined;
  return async (event) => {
    opening ??= open(openRuntime);
    // A cold start that failed is tried anew by the next event.
    opening.catch(() => {
      opening = undefined;
    });
    const opened = await opening;
    const answer = await handle(opened, event);
    // A function stands still between events.
    await opened.batches.idle();
    await opened.leftToDo.done();
    if (writeMetrics !== undefined) {
      opened.account.refresh();
      for (const line of await embeddedMetrics(opened.metrics, opened.runtime.clock())) writeMetrics(line);
    }
    return answer;
  };
}

interface Opened {
  readonly runtime: Runtime;
  readonly leftToDo: LeftToDo;
  readonly sources: readonly ConfiguredSource[];
  readonly batches: Batches;
  readonly account: Account;
  readonly metrics: Metrics;
}

async function open(openRuntime: () => Promise<Runtime>): Promise<Opened> {
  const leftToDo = new LeftToDo();
  const runtime = { ...(await openRuntime()), later: leftToDo.later };
  const { clock, log, config } = runtime;
  const sources = selectSources(runtime, undefined);
  const ledger = createLedger(runtime);
  const metrics = new Metrics();
  const account = new Account(log, metrics, clock);
  const stuckAfterMs = config.batch.claimSeconds * 1000;
  const health = new Health([], { clock, log, metrics, stuckAfterMs });
  // Nothing tells a function that its time is up: a batch that is cut off is taken over after batch.claim.
  const never = new AbortController().signal;
  const batches = new Batches({ runtime, ledger, sources, health, account, stop: never, abort: never });
  await expectOwnWarehouse(runtime);
  await openTables(runtime, ledger, sources);
  return { runtime, leftToDo, sources, batches, account, metrics };
}

async function handle({ runtime, sources, batches, account }: Opened, event: SQSEvent): Promise<SQSBatchResponse> {
  const { log, config } = runtime;
  const failed = new Set<string>();
  const bySource = new Map<ConfiguredSource, Map<string, { etag: string | undefined; messages: string[] }>>();
  for (const { messageId, body } of event.Records) {
    const routed = routeEvents(body, sources, config.warehouse);
    if (routed.kind === 'malformed') {
      logEvent(log, 'message-malformed', { message: messageId, reason: routed.reason });
      failed.add(messageId);
      continue;
    }
    if (routed.foreign !== undefined) logEvent(log, 'event-foreign', { uri: routed.foreign });
    for (const { source, uri, etag } of routed.objects) {
      const objects = bySource.get(source) ?? new Map<string, { etag: string | undefined; messages: string[] }>();
      bySource.set(source, objects);
      const known = objects.get(uri);
      objects.set(uri, {
        etag: known === undefined || known.etag === etag ? etag : undefined,
        messages: [...(known?.messages ?? []), messageId],
      });
    }
  }
  for (const [source, objects] of bySource) {
    const named = [...objects].map(([uri, { etag }]) => ({ uri, etag }));
    const done = new Set<string>();
    try {
      for (const [uri, { kind }] of await batches.takeNamed(source, named)) {
        if (kind === 'known' || kind === 'gone' || kind === 'failed') account.object(source.config.name, kind, uri);
        if (kind === 'committed' || kind === 'known' || kind === 'gone') done.add(uri);
      }
    } catch (error) {
      logEvent(log, 'source-failed', { source: source.config.name, err: error });
    }
    for (const [uri, { messages }] of objects) if (!done.has(uri)) for (const id of messages) failed.add(id);
  }
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}
