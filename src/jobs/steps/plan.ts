/**
 * `job plan`: claims what is new in the sources and cuts it into units, for `job stage` to read on any machine.
 *
 * The claims belong to the name of the job and not to this process, and hold until their deadline. So planning is
 * repeatable: a plan of the same name gives its units that are still open again, then new ones. Batches that a dead or
 * late run left behind become units as well.
 */
import { createLedger, openTables, sourceFinder, takeOverAbandoned } from '../../ingest/claimed-batch.ts';
import { expectOwnWarehouse } from '../../ingest/own-tables.ts';
import { newPlanCounters, type PlannedBatch, planBatches } from '../../ingest/plan.ts';
import { requireFolders } from '../../ingest/require-sources.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { selectSources } from '../../ingest/select-sources.ts';
import { parseRange } from '../../ingest/time-range.ts';
import { CommitQueue } from '../../ledger/commit-queue.ts';
import { type Claim, claimOf } from '../../ledger/ledger.ts';
import { jobOwner } from './owner.ts';
import { type IngestUnit, newUnit } from './unit.ts';

export interface PlanUnitsOptions {
  /** As of a backfill. */
  readonly sources?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string;
  readonly prefix?: string;
  /** Whose claims they are. */
  readonly name: string;
  /** How long they hold, in seconds. */
  readonly holdSeconds: number;
  /** Units of one manifest, at most. */
  readonly units: number;
  readonly signal?: AbortSignal;
}

/** Units that one snapshot of the ledger claims, at most. */
const claimedAtOnce = 32;

export async function* planUnits(runtime: Runtime, options: PlanUnitsOptions): AsyncGenerator<IngestUnit> {
  let count = 0;
  // A claim beyond those that are asked for would only keep others from its objects.
  for await (const claim of claims(runtime, options, () => Math.min(claimedAtOnce, options.units - count))) {
    const { source, batch, ymd, objects, claimedUntil } = claim;
    const bytes = objects.reduce((sum, { size }) => sum + size, 0);
    const until = new Date(claimedUntil).toISOString();
    yield newUnit({ unit: count++, source, batch, ymd, objects: objects.length, bytes, claimedUntil: until });
    if (count === options.units) return;
  }
}

async function* claims(runtime: Runtime, options: PlanUnitsOptions, atOnce: () => number): AsyncGenerator<Claim> {
  const { config, store, clock } = runtime;
  const range = parseRange(options, { now: clock() });
  const sources = selectSources(runtime, options.sources);
  const owner = jobOwner(options.name, runtime.owner);
  const batch = { ...config.batch, claimSeconds: options.holdSeconds };
  const held: Runtime = { ...runtime, owner, config: { ...config, batch } };
  const ledger = createLedger(held);
  const commits = new CommitQueue(held, ledger);
  await requireFolders(
    store,
    sources.map((source) => source.config),
  );
  await expectOwnWarehouse(runtime);
  await openTables(runtime, ledger, sources);

  const sourceOf = sourceFinder(sources);
  for (const entries of await ledger.openClaims()) {
    const [first] = entries;
    const isOurs = first?.owner === owner.id && sourceOf(first.source, first.object.uri) !== undefined;
    if (isOurs && !ledger.isAbandoned(first)) yield claimOf(entries);
  }
  for await (const { claim } of takeOverAbandoned(held, ledger, commits, sourceOf, { atOnce })) yield claim;

  const planOptions = {
    ...(options.prefix !== undefined && { prefix: options.prefix }),
    ...(options.signal && { signal: options.signal }),
    ...(range && { range }),
    warehouse: config.warehouse,
    batch: config.batch,
    threads: 1,
  };
  const claimAll = async (planned: readonly PlannedBatch[]): Promise<Claim[]> => {
    const claimed = planned.map(({ source, objects, sequence, changed }) =>
      commits.claim(source.config, objects, sequence, changed),
    );
    return (await Promise.all(claimed)).filter((claim) => claim !== undefined);
  };
  for (const source of sources) {
    let planned: PlannedBatch[] = [];
    for await (const next of planBatches(store, ledger, source, planOptions, newPlanCounters())) {
      planned.push(next);
      if (planned.length < atOnce()) continue;
      yield* await claimAll(planned);
      planned = [];
    }
    yield* await claimAll(planned);
  }
}
