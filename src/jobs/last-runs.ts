/**
 * When the jobs of the night ran last, and when they last ended well: one small object each below the warehouse, so that a worker can
 * tell Prometheus, and `doctor` an operator, that the night has stopped working. The records decide nothing, and a job that cannot
 * write one goes on.
 */
import type { Runtime } from '../ingest/runtime.ts';
import { readWhole } from '../store/read.ts';
import { StoreError } from '../store/store.ts';
import { logEvent } from '../telemetry/events.ts';
import type { CompactReport } from './compact/compact.ts';
import type { ExpireReport } from './expire/expire.ts';
import type { VerifyReport } from './verify/verify.ts';

export const nightlyJobs = ['compact', 'expire', 'verify'] as const;
export type NightlyJob = (typeof nightlyJobs)[number];

interface Reports {
  readonly compact: Pick<CompactReport, 'refused' | 'overtaken' | 'stopped'>;
  readonly expire: Pick<ExpireReport, 'refused'>;
  readonly verify: Pick<VerifyReport, 'ok' | 'differencesTotal'>;
}

export interface LastRun {
  /** RFC 3339. */
  readonly finishedAt: string;
  readonly ok: boolean;
  /** When a run last ended well; null where none has. RFC 3339. */
  readonly succeededAt: string | null;
  /** Of verify. */
  readonly differences?: number;
}

/** Whether a run did all that it was there for: what its exit code says. */
export const endedWell: { readonly [Job in NightlyJob]: (report: Reports[Job]) => boolean } = {
  compact: ({ refused, overtaken, stopped = false }) =>
    !stopped && overtaken.length === 0 && !refused.some(({ fault }) => fault === true),
  expire: ({ refused }) => refused.length === 0,
  verify: ({ ok }) => ok,
};

/** Below the warehouse; nothing of it is a table. */
export const lastRunsPrefix = (warehouse: string): string => `${warehouse}/_last_runs/`;
const uriOf = (warehouse: string, job: NightlyJob): string => `${lastRunsPrefix(warehouse)}${job}.json`;
const mostBytes = 4096;

type Place = Pick<Runtime, 'store' | 'config' | 'sleep'>;

/** To be called at the end of a run over the whole warehouse that has changed what it found. Never throws. */
export async function recordRun<Job extends NightlyJob>(
  runtime: Place & Pick<Runtime, 'clock' | 'log'>,
  job: Job,
  report: Reports[Job],
): Promise<void> {
  const { store, config, clock, log } = runtime;
  const finishedAt = new Date(clock()).toISOString();
  const ok = endedWell[job](report);
  try {
    const succeededAt = ok ? finishedAt : ((await readLastRun(runtime, job))?.succeededAt ?? null);
    const differences = 'differencesTotal' in report ? { differences: report.differencesTotal } : {};
    const record: LastRun = { finishedAt, ok, succeededAt, ...differences };
    await store.put(uriOf(config.warehouse, job), Buffer.from(JSON.stringify(record)), {
      contentType: 'application/json',
    });
  } catch (error) {
    logEvent(log, 'run-not-recorded', { job, err: error });
  }
}

/** undefined where the job never ran, or something else wrote there. */
export async function readLastRun({ store, config, sleep }: Place, job: NightlyJob): Promise<LastRun | undefined> {
  const info = await store.head(uriOf(config.warehouse, job));
  if (info === undefined || info.size > mostBytes) return undefined;
  try {
    return parse((await readWhole(store, info, { sleep })).toString());
  } catch (error) {
    if (error instanceof StoreError && error.code === 'precondition-failed') return undefined;
    throw error;
  }
}

function parse(text: string): LastRun | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { finishedAt, ok, succeededAt, differences } = (value ?? {}) as Record<string, unknown>;
  const isTime = (time: unknown): time is string => typeof time === 'string' && !Number.isNaN(Date.parse(time));
  if (!isTime(finishedAt) || typeof ok !== 'boolean' || (succeededAt !== null && !isTime(succeededAt)))
    return undefined;
  return { finishedAt, ok, succeededAt, ...(typeof differences === 'number' && { differences }) };
}
