/**
 * What other engines are told to do with the tables at night: by table properties, which Athena's VACUUM, Spark and Trino
 * go by, and by AWS's table optimizers. Snapshots and files have to outlive a batch that is open: a day is enough.
 */
import { isTableFault } from '../../iceberg/table-fault.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { AwsProbes, TableOptimizers } from '../../probes/probes.ts';
import { formatSeconds } from '../../text/humanize.ts';
import { type Finding, ok, warning } from './check.ts';

/** Seconds that snapshots and files have to be left alone. */
export const leastKept = 86_400;

/** Properties that say how old snapshots may become, in seconds or milliseconds (Iceberg; Athena, "Optimizing Iceberg tables"). */
const ages: readonly [property: string, perSecond: number][] = [
  ['history.expire.max-snapshot-age-ms', 1000],
  ['vacuum_max_snapshot_age_seconds', 1],
];

export async function checkMaintenance({ catalog, config }: Runtime, aws: AwsProbes | undefined): Promise<Finding> {
  const needed = Math.max(leastKept, 2 * config.batch.claimSeconds);
  const faults: string[] = [];
  const asked: string[] = [];
  let unasked: string | undefined;
  for (const name of ownTables(config)) {
    let properties: Readonly<Record<string, string>> | undefined;
    try {
      properties = (await catalog.loadTable(name))?.metadata.properties;
    } catch (error) {
      // The check of the tables tells of it.
      if (!isTableFault(error)) throw error;
    }
    if (properties === undefined) continue;
    asked.push(name);
    for (const [property, perSecond] of ages) {
      const seconds = Number(properties[property]) / perSecond;
      if (properties[property] !== undefined && !(seconds >= needed))
        faults.push(`${property} of ${name} is ${properties[property]}, less than ${formatSeconds(needed)}`);
    }
    if (aws === undefined || unasked !== undefined) continue;
    const optimizers = await aws.tableOptimizers(name);
    if (typeof optimizers === 'string') unasked = optimizers;
    else faults.push(...optimizerFaults(name, optimizers, needed));
  }
  if (faults.length > 0)
    return warning(faults.join('; '), 'change it as docs/operations.md, "Maintenance by other engines", says');
  const what = aws === undefined || unasked !== undefined ? 'properties' : 'properties and optimizers';
  const note = unasked === undefined ? '' : `; ${unasked}`;
  return ok(`${what} of ${asked.length} tables leave open batches their time${note}`);
}

function* optimizerFaults(table: string, optimizers: TableOptimizers, needed: number): Generator<string> {
  const { compaction, retentionDays, orphanDays } = optimizers;
  if (compaction === true)
    yield `the compaction optimizer of ${table} is on, and undoes the order that compact gives, which then begins anew`;
  const days = needed / 86_400;
  if (retentionDays !== undefined && retentionDays < days)
    yield `the retention optimizer of ${table} keeps snapshots for ${retentionDays} days`;
  if (orphanDays !== undefined && orphanDays < days)
    yield `the orphan file optimizer of ${table} leaves files alone for ${orphanDays} days`;
}
