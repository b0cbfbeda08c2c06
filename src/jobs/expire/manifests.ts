/**
 * Manifests of jobs that were planned into the warehouse, as the state machine of deploy/terraform does: of no use once the
 * time of each of their units is over. What no `job plan` has written is left alone.
 */
import { UsageError } from '../../config/errors.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { StoreError } from '../../store/store.ts';
import { readUnits } from '../steps/manifest.ts';
import { timeIsOver } from '../steps/unit.ts';

const manifestPrefix = (warehouse: string): string => `${warehouse}/_jobs/`;

/** Those whose units are over, and that were written, before that time; in milliseconds since the epoch. */
export async function* spentManifests({ store, config }: Runtime, before: number): AsyncGenerator<string> {
  for await (const { uri, lastModified } of store.list(manifestPrefix(config.warehouse)))
    if (lastModified < before && (await endOf(store, uri)) < before) yield uri;
}

/** When the last of its units is over; never, for something else. */
async function endOf(store: Runtime['store'], uri: string): Promise<number> {
  let end = 0;
  try {
    const { chunks } = await store.get(uri);
    for await (const unit of readUnits(chunks)) end = Math.max(end, timeIsOver(unit));
  } catch (error) {
    if (error instanceof UsageError || (error instanceof StoreError && error.code === 'not-found')) return Infinity;
    throw error;
  }
  return end;
}
