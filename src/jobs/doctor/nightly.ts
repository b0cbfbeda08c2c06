/** Whether the jobs of the night still run and end well. */
import type { Runtime } from '../../ingest/runtime.ts';
import { formatSeconds } from '../../text/humanize.ts';
import { type LastRun, nightlyJobs, readLastRun } from '../last-runs.ts';
import { type Finding, ok, warning } from './check.ts';

const lateAfterMs = 36 * 3_600_000;

export async function checkNightly(runtime: Runtime): Promise<Finding> {
  const now = runtime.clock();
  // A warehouse that was made a moment ago needs no night yet.
  if ((await runtime.catalog.listTables()).length === 0) return ok('no table yet');
  const runs = await Promise.all(nightlyJobs.map(async (job) => ({ job, run: await readLastRun(runtime, job) })));
  const found = runs.map(({ job, run }) => `${job} ${describe(run, now)}`).join(', ');
  const late = runs.filter(({ run }) => !run?.succeededAt || now - Date.parse(run.succeededAt) > lateAfterMs);
  if (late.length === 0) return ok(found);
  return warning(found, 'run compact, expire and verify every night (deploy/nightly does), and look at what they say');
}

function describe(run: LastRun | undefined, now: number): string {
  if (run === undefined) return 'never ran to its end';
  const ago = (time: string): string => `${formatSeconds((now - Date.parse(time)) / 1000)} ago`;
  if (run.ok) return `ended well ${ago(run.finishedAt)}`;
  const before = run.succeededAt === null ? 'never well' : `well ${ago(run.succeededAt)}`;
  return `failed ${ago(run.finishedAt)}, ${before}`;
}
