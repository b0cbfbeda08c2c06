/** Which versions of its tables a batch goes by. */
import type { LoadedTable } from '../iceberg/catalog.ts';
import { finishDecided } from '../ledger/amendment.ts';
import { amendments } from '../tables/amendments.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';
import type { ConfiguredSource } from './plan.ts';
import type { IngestTables } from './request.ts';
import type { Runtime } from './runtime.ts';

/** With `isReadAgain` as they are at this moment, and with the record of what was erased. */
export async function tablesOfBatch(
  runtime: Runtime,
  source: ConfiguredSource,
  isReadAgain: boolean,
): Promise<IngestTables> {
  const known = await knownTables(runtime, source);
  return isReadAgain ? { ...known, ...(await tablesAtThisMoment(runtime, source)) } : known;
}

/** As far as this process knows: where rows are only added, their places and columns are what counts, and those stay. */
async function knownTables({ catalog }: Runtime, { source }: ConfiguredSource): Promise<IngestTables> {
  const load = async (name: string): Promise<LoadedTable> =>
    expectTable(name, catalog.lastLoaded?.(name) ?? (await catalog.loadTable(name)));
  const [events, rejected, numbers] = await Promise.all([
    load(source.table.name),
    load(quarantine.name),
    source.sequence && load(sequences.name),
  ]);
  return { events, quarantine: rejected, ...(numbers && { sequences: numbers }) };
}

/**
 * What is there of objects that are read again, by whatever process. In this order, and with what has begun ended in
 * between: a record that is seen to have left the quarantine is seen among the events, and a row that is seen to have
 * been erased is seen in the record of that.
 */
async function tablesAtThisMoment(
  runtime: Runtime,
  { source }: ConfiguredSource,
): Promise<Pick<IngestTables, 'events' | 'quarantine' | 'amendments'>> {
  const load = async (name: string): Promise<LoadedTable> => {
    const loaded = expectTable(name, await runtime.catalog.loadTable(name));
    await finishDecided(runtime, name, loaded);
    return loaded;
  };
  const rejected = await load(quarantine.name);
  const events = await load(source.table.name);
  const record = await runtime.catalog.loadTable(amendments.name);
  return { events, quarantine: rejected, ...(record && { amendments: record }) };
}

function expectTable(name: string, loaded: LoadedTable | undefined): LoadedTable {
  if (loaded === undefined) throw new Error(`table ${name} was dropped during the run`);
  return loaded;
}
