/**
 * What other engines are told to do with the tables at night: by table properties, which Athena's VACUUM, Spark and Trino
 * go by, and by AWS's table optimizers. Snapshots and files have to outlive a batch that is open: a day is enough.
 */
import { isGcEnabled, type TableMetadata } from '../../iceberg/metadata.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import { ownTables } from '../../ingest/own-tables.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { AwsProbes, TableOptimizers } from '../../probes/probes.ts';
import { canonical, isWithin } from '../../store/places.ts';
import { formatSeconds, plural } from '../../text/humanize.ts';
import { type Finding, ok, warning } from './check.ts';

/** Seconds that snapshots and files have to be left alone. */
export const leastKept = 86_400;

/** Properties that say how old snapshots may become, in seconds or milliseconds (Iceberg; Athena, "Optimizing Iceberg tables"). */
const ages: readonly [property: string, perSecond: number][] = [
  ['history.expire.max-snapshot-age-ms', 1000],
  ['vacuum_max_snapshot_age_seconds', 1],
];

/** Properties by which another engine writes what the warehouse cannot work with, each with the reason. */
function* writingFaults(table: string, { properties, location }: TableMetadata, warehouse: string): Generator<string> {
  const fault = (property: string, why: string): string => `${property} of ${table} is ${properties[property]}: ${why}`;
  for (const property of ['write.data.path', 'write.folder-storage.path', 'write.object-storage.path']) {
    const path = properties[property];
    if (path !== undefined && !isWithin(canonical(path), warehouse))
      yield fault(
        property,
        'rows in files outside of the warehouse are there only as long as those files are, and nothing here deletes them, erase included',
      );
  }
  const metadataPath = properties['write.metadata.path'];
  if (metadataPath !== undefined && canonical(metadataPath) !== `${location}/metadata`)
    yield fault(
      'write.metadata.path',
      'metadata that is not in the folder of the table is not found by verify --repair',
    );
  if (!isParquet(properties['write.format.default']))
    yield fault('write.format.default', 'files of another format are not read by DuckDB here, and not compacted');
  if (properties['write.delete.format.default']?.toLowerCase() === 'orc')
    yield fault('write.delete.format.default', 'row-level deletes in ORC are not read here, so their days cannot be');
  const codec = properties['write.parquet.compression-codec']?.toLowerCase();
  if (codec === 'lzo')
    yield fault('write.parquet.compression-codec', 'files that are compressed by it cannot be read here');
  if (codec === 'lz4')
    yield fault(
      'write.parquet.compression-codec',
      'files in this format of Hadoop are not read by DuckDB here until compact has written them anew; lz4_raw is',
    );
}

const isParquet = (format = 'parquet'): boolean => format.toLowerCase() === 'parquet';

export async function checkMaintenance({ catalog, config }: Runtime, aws: AwsProbes | undefined): Promise<Finding> {
  const needed = Math.max(leastKept, 2 * config.batch.claimSeconds);
  const faults: string[] = [];
  const asked: string[] = [];
  let unasked: string | undefined;
  for (const name of ownTables(config)) {
    let metadata: TableMetadata | undefined;
    try {
      metadata = (await catalog.loadTable(name))?.metadata;
    } catch (error) {
      // The check of the tables tells of it.
      if (!isTableFault(error)) throw error;
    }
    if (metadata === undefined) continue;
    asked.push(name);
    const { properties } = metadata;
    if (!isGcEnabled(metadata))
      faults.push(
        `gc.enabled of ${name} is false: expire removes no snapshot and no file of it, and erased rows stay readable`,
      );
    faults.push(...writingFaults(name, metadata, config.warehouse));
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
  return ok(`${what} of ${plural(asked.length, 'table')} leave open batches their time${note}`);
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
