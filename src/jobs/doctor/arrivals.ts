/** Whether a source gives rows: those of a sample of it, and events as new as it expects. */
import { createLedger } from '../../ingest/claimed-batch.ts';
import { adviceOnStale, describeStale, findFreshness, isFresh } from '../../ingest/expectations.ts';
import { type ConfiguredSource, objectsAt } from '../../ingest/plan.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { isArchived, type ObjectInfo } from '../../store/store.ts';
import { formatCount, formatSeconds, plural } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';
import { readOne, whyNoRows } from '../look/explain.ts';
import { type Finding, failed, ok, warning } from './check.ts';

const keysLookedAt = 1000;

/** The newest of the first objects that count and can be read. */
async function someObject(
  { store, config }: Runtime,
  { config: { location }, source }: ConfiguredSource,
): Promise<ObjectInfo | undefined> {
  let newest: ObjectInfo | undefined;
  let looked = 0;
  for await (const object of objectsAt(store, location)) {
    if (++looked > keysLookedAt) break;
    if (object.size === 0 || isArchived(object) || object.uri.startsWith(`${config.warehouse}/`)) continue;
    if (!source.describeObject(object.uri).relevant) continue;
    if (newest === undefined || object.lastModified > newest.lastModified) newest = object;
  }
  return newest;
}

/** Reads a bounded part of one object. */
export async function checkSample(runtime: Runtime, source: ConfiguredSource): Promise<Finding> {
  const object = await someObject(runtime, source);
  if (object === undefined) return ok('no object to look at');
  const one = await readOne(runtime, source, object);
  const { rows, reasons, skips } = one.read;
  const uri = printable(object.uri, 200);
  const all = rows.length + reasons.length + skips.length;
  const found = `${formatCount(rows.length)} of ${plural(all, 'record')} of ${uri}${one.sample.isCut ? ' (its beginning)' : ''} would become rows`;
  if (rows.length > 0) {
    if (reasons.length <= rows.length) return ok(`${found}, ${formatCount(skips.length)} are lines of other programs`);
    return warning(
      `${found}, and ${formatCount(reasons.length)} would go to quarantine`,
      '"audit-warehouse quarantine" says why, once they are read',
    );
  }
  return warning(found, printable(await whyNoRows(source, one, runtime.config.limits), 400));
}

export async function checkExpected(runtime: Runtime, { config }: ConfiguredSource): Promise<Finding> {
  const now = runtime.clock();
  const [freshness] = await findFreshness(createLedger(runtime), [config], now);
  if (freshness === undefined) return ok('nothing is expected');
  if (!isFresh(freshness, now)) return failed(describeStale(freshness), adviceOnStale(config));
  return ok(`the newest event is ${formatSeconds((now - freshness.newest!) / 1000)} old`);
}
