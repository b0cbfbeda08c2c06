/**
 * `job commit`: carries out every intent that stands, for an open claim or a rewritten day, no matter who made it, many in a
 * snapshot. What has no intent yet is left to be staged. Safe to repeat, and to run beside stages, other commits and every other command.
 */
import { createLedger } from '../../ingest/claimed-batch.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { addCounts, countsOf, type IntentCounts, noCounts } from '../../ledger/batch-intent.ts';
import { CommitQueue } from '../../ledger/commit-queue.ts';
import { intactAmong, readyIntents } from '../../ledger/ready.ts';
import { type CompactionsReport, commitCompactions } from './compaction-commit.ts';

export interface CommitReport {
  readonly units: {
    readonly committed: number;
    /** Nothing of these was committed; all of their objects are free again. */
    readonly givenBack: number;
    /** Claimed, and not staged yet, or staged in files that are gone. */
    readonly open: number;
  };
  readonly objects: {
    /** Their claims are free again: they could not be read, or their units were given back. */
    readonly failed: number;
  };
  readonly counts: IntentCounts;
  readonly compactions: CompactionsReport;
  readonly seconds: number;
}

export async function commitUnits(runtime: Runtime): Promise<CommitReport> {
  const { clock } = runtime;
  const begun = clock();
  await expectOwnWarehouse(runtime);
  const ledger = createLedger(runtime);
  const { ready: staged, open } = await readyIntents(runtime, ledger);
  const ready = await intactAmong(runtime, ledger, staged);
  const done = new Map(ready.map((one) => [one.intent.batch, one]));
  // What is staged meanwhile may be committed along.
  const commits = new CommitQueue(runtime, ledger, (others) => {
    for (const one of others) done.set(one.intent.batch, one);
  });
  await Promise.all(ready.map(({ intent }) => commits.finish(intent)));
  const compactions = await commitCompactions(runtime);
  const committed = [...done.values()];
  const givenBack = committed.filter(({ intent }) => intent.objects.size === 0).length;
  return {
    units: {
      committed: committed.length - givenBack,
      givenBack,
      open: [...open, ...staged.map(({ intent }) => intent)].filter(({ batch }) => !done.has(batch)).length,
    },
    objects: { failed: committed.reduce((sum, { intent, claimed }) => sum + claimed - intent.objects.size, 0) },
    counts: committed.map(({ intent }) => countsOf(intent)).reduce(addCounts, noCounts),
    compactions,
    seconds: (clock() - begun) / 1000,
  };
}
