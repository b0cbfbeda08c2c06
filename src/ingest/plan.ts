/**
 * What a backfill has to do: lists the objects of each source, leaves out what the range, the keys and the ledger say
 * is not needed, and groups the rest into batches, as many as there are threads at a time. Reads no body and writes
 * nothing; holds one page of the listing and the objects of those batches, whatever the size of the source.
 *
 * A page is looked up in the ledger by the range of its keys, so pages of a store that lists in order read a part of the
 * ledger each. Of a store that does not, each page may read all of it: pages are larger then, and sorted.
 */
import type { BatchConfig } from '../config/config.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import { hasOtherVersion, isRead, type Ledger } from '../ledger/ledger.ts';
import type { LeftOut } from '../records/object-facts.ts';
import type { SourceConfig } from '../sources/config.ts';
import type { Source } from '../sources/source.ts';
import { isArchived, type ObjectInfo, type ObjectStore, StoreError } from '../store/store.ts';
import { compareText } from '../text/order.ts';
import { equalParts, PartMeter } from './batch-sizes.ts';
import type { TimeRange } from './time-range.ts';

export interface ConfiguredSource {
  readonly config: SourceConfig;
  readonly source: Source;
}

export interface PlannedBatch {
  readonly source: ConfiguredSource;
  readonly objects: readonly ObjectInfo[];
  readonly bytes: number;
  /** State of the ledger that the plan rests on. */
  readonly sequence: number;
  /** Those of `objects` that an earlier version was ingested of, as that state has it. */
  readonly changed: ReadonlySet<string>;
  /** What the ledger has of `objects`, where they are read again. */
  readonly known: KnownCounts;
}

export interface KnownCounts {
  readonly objects: number;
  readonly rows: number;
  readonly quarantined: number;
}

export interface PlanCounters {
  listed: number;
  /** Not read: of no interest, outside of the range, or committed before. */
  skipped: number;
  /** Those of `skipped` that are not logs of the source, by reason. */
  readonly leftOut: Record<LeftOut, number>;
  /** Claimed by another run when they were looked at. */
  claimedElsewhere: number;
  /** Wanted, and not to be read before somebody restores them. */
  archived: number;
}

export const newPlanCounters = (): PlanCounters => ({
  listed: 0,
  skipped: 0,
  leftOut: { leftover: 0, excluded: 0 },
  claimedElsewhere: 0,
  archived: 0,
});

export interface PlanOptions {
  readonly prefix?: string;
  readonly range?: TimeRange;
  /** Only objects of these URIs. */
  readonly objects?: ReadonlySet<string>;
  /** Objects under this URI are ours and never input. */
  readonly warehouse: string;
  readonly batch: Pick<BatchConfig, 'bytes' | 'objects'>;
  /** Batches that will be worked on at a time. */
  readonly threads: number;
  /** The run of `backfill --again` that the plan is for: what is committed is wanted unless that run has read it. */
  readonly again?: string;
  readonly signal?: AbortSignal;
  /** The listing of the source where it has begun already, as `objectsAt` gives it. */
  readonly listing?: AsyncIterable<ObjectInfo>;
}

/**
 * The times in Enterprise OPA's keys are those of the first and last record by arrival, not the least and greatest
 * (input facts 1.2), so objects this far outside of the range are read as well.
 */
export const rangeMarginMs = 60 * 60 * 1000;

const pageObjects = 5000;
const unorderedPageObjects = 50_000;

export async function* planBatches(
  store: ObjectStore,
  ledger: Pick<Ledger, 'lookup'>,
  configured: ConfiguredSource,
  options: PlanOptions,
  counters: PlanCounters,
): AsyncGenerator<PlannedBatch> {
  const { batch, threads, again } = options;
  let wanted: WantedObject[] = [];
  let meter = new PartMeter(batch);
  const close = (): PlannedBatch[] => {
    const planned = equalParts(wanted, batch, threads).map((part) => toBatch(configured, part));
    wanted = [];
    meter = new PartMeter(batch);
    return planned;
  };
  for await (const page of pages(candidates(store, configured, options, counters))) {
    const lookup = await ledger.lookup(page.map((object) => object.uri));
    for (const object of page) {
      const entries = lookup.entries.get(object.uri) ?? [];
      if (!isWanted(object, entries, again, counters)) continue;
      if (meter.parts === threads && meter.wouldOpen(object)) yield* close();
      meter.opens(object);
      const isChanged = hasOtherVersion(object, entries);
      wanted.push({ object, size: object.size, sequence: lookup.sequence, isChanged, known: knownCounts(entries) });
    }
  }
  if (wanted.length > 0) yield* close();
}

interface WantedObject {
  readonly object: ObjectInfo;
  readonly size: number;
  readonly sequence: number;
  readonly isChanged: boolean;
  readonly known: KnownCounts;
}

function knownCounts(entries: readonly LedgerEntry[]): KnownCounts {
  const counts = entries.flatMap((entry) => entry.counts ?? []);
  return {
    objects: counts.length > 0 ? 1 : 0,
    rows: counts.reduce((sum, { rows }) => sum + rows, 0),
    quarantined: counts.reduce((sum, { quarantined }) => sum + quarantined, 0),
  };
}

function toBatch(source: ConfiguredSource, wanted: readonly WantedObject[]): PlannedBatch {
  return {
    source,
    objects: wanted.map(({ object }) => object),
    bytes: wanted.reduce((sum, { size }) => sum + size, 0),
    // A batch that spans two pages rests on what the earlier of them saw.
    sequence: wanted[0]!.sequence,
    changed: new Set(wanted.filter(({ isChanged }) => isChanged).map(({ object }) => object.uri)),
    known: {
      objects: wanted.reduce((sum, { known }) => sum + known.objects, 0),
      rows: wanted.reduce((sum, { known }) => sum + known.rows, 0),
      quarantined: wanted.reduce((sum, { known }) => sum + known.quarantined, 0),
    },
  };
}

async function* candidates(
  store: ObjectStore,
  { config, source }: ConfiguredSource,
  { prefix = '', range, objects, warehouse, signal, listing }: PlanOptions,
  counters: PlanCounters,
): AsyncGenerator<ObjectInfo> {
  for await (const object of listing ?? objectsAt(store, config.location, prefix)) {
    signal?.throwIfAborted();
    if (object.uri.startsWith(`${warehouse}/`)) continue;
    counters.listed++;
    const facts = source.describeObject(object.uri);
    if (facts.relevant && isInRange(facts.range, range) && (objects?.has(object.uri) ?? true)) {
      yield object;
      continue;
    }
    counters.skipped++;
    if (facts.leftOut !== undefined) counters.leftOut[facts.leftOut]++;
  }
}

/**
 * A location names a folder, or one object; `prefix` is relative to it, or a URI. Throws StoreError not-found where the
 * bucket, or the folder or file of this machine, is not there: that is not an empty source.
 */
export async function* objectsAt(store: ObjectStore, location: string, prefix = ''): AsyncGenerator<ObjectInfo> {
  const isFolder = location.endsWith('/');
  const folder = isFolder ? location : `${location}/`;
  let any = false;
  const within = isFolder ? { root: location } : {};
  for await (const object of store.list(prefix.startsWith(folder) ? prefix : folder + prefix, within)) {
    any = true;
    yield object;
  }
  if (any || prefix !== '' || isFolder) return;
  const single = await store.head(location);
  if (single !== undefined) yield single;
  else if (location.startsWith('file:')) throw new StoreError('not-found', location, 'there is no such file');
}

function isInRange(promised: readonly [number, number] | undefined, range: TimeRange | undefined): boolean {
  if (promised === undefined || range === undefined) return true;
  const first = Math.min(...promised);
  const last = Math.max(...promised);
  return last + rangeMarginMs >= range.from && first - rangeMarginMs <= range.to;
}

function isWanted(
  object: ObjectInfo,
  entries: readonly LedgerEntry[],
  again: string | undefined,
  counters: PlanCounters,
): boolean {
  if (entries.some((entry) => isRead(entry, object, again))) {
    counters.skipped++;
    return false;
  }
  if (entries.some((entry) => entry.state === 'claimed')) {
    counters.claimedElsewhere++;
    return false;
  }
  if (isArchived(object)) {
    counters.archived++;
    return false;
  }
  return true;
}

async function* pages(objects: AsyncIterable<ObjectInfo>): AsyncGenerator<ObjectInfo[]> {
  let page: ObjectInfo[] = [];
  let isOrdered = true;
  let last = '';
  const close = (): ObjectInfo[] => (isOrdered ? page : page.sort((a, b) => compareText(a.uri, b.uri)));
  for await (const object of objects) {
    if (compareText(object.uri, last) < 0) isOrdered = false;
    last = object.uri;
    page.push(object);
    if (page.length >= (isOrdered ? pageObjects : unorderedPageObjects)) {
      yield close();
      page = [];
    }
  }
  if (page.length > 0) yield close();
}
