/**
 * What a run has to say of sources that gave it nothing, or nothing in some columns: no run ends without a word where
 * records were read and none became a row. Costs one bounded read of one object for each such source.
 */
import type { LoadedTable } from '../../iceberg/catalog.ts';
import type { DataFile } from '../../iceberg/data-file.ts';
import { fieldsByName } from '../../iceberg/schema.ts';
import type { ConfiguredSource } from '../../ingest/plan.ts';
import type { Warning } from '../../ingest/require-sources.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Intent } from '../../ledger/batch-intent.ts';
import type { Claim } from '../../ledger/ledger.ts';
import { eventSources } from '../../sources/registry.ts';
import type { ObjectInfo } from '../../store/store.ts';
import { logEvent } from '../../telemetry/events.ts';
import { plural } from '../../text/humanize.ts';
import { pathsSeen, readOne, whyNoRows } from '../look/explain.ts';
import { hasRecords } from '../look/read-samples.ts';

interface SourceSum {
  readonly source: ConfiguredSource;
  records: number;
  /** Those that are in a table, by this run or by an earlier one. */
  kept: number;
  rows: number;
  /** Of the rows, how many have no value, by field id. */
  readonly nulls: Map<number, number>;
  /** An object with records; one with rows where there is one. */
  example: ObjectInfo | undefined;
  hasRows: boolean;
}

export class Silence {
  readonly #sums = new Map<string, SourceSum>();

  add(source: ConfiguredSource, claim: Claim, intent: Intent): void {
    const { name } = source.config;
    const sum: SourceSum = this.#sums.get(name) ?? {
      ...{ source, records: 0, kept: 0, rows: 0, nulls: new Map(), example: undefined, hasRows: false },
    };
    this.#sums.set(name, sum);
    for (const object of claim.objects) {
      const counts = intent.objects.get(object.uri);
      if (counts === undefined || counts.records === 0) continue;
      sum.records += counts.records;
      sum.kept += counts.rows + counts.duplicates;
      if (sum.example === undefined || (counts.rows > 0 && !sum.hasRows)) sum.example = object;
      sum.hasRows ||= counts.rows > 0;
    }
    for (const file of intent.files.get(source.source.table.name) ?? []) addFile(sum, file);
  }

  async warnings(runtime: Runtime, signal?: AbortSignal): Promise<Warning[]> {
    const warnings: Warning[] = [];
    for (const sum of this.#sums.values()) {
      const { source, example } = sum;
      if (example === undefined) continue;
      const { name } = source.config;
      if (sum.kept === 0) {
        const why = await whyNoRows(source, await readOne(runtime, source, example, signal), runtime.config.limits);
        logEvent(runtime.log, 'no-rows', { source: name, records: sum.records });
        const message = `${plural(sum.records, 'record')} read, and none became a row: ${why}`;
        warnings.push({ code: 'no-rows', source: name, message });
        continue;
      }
      const { catalog } = runtime;
      const { table: declared } = source.source;
      // As it was when its rows were committed, which has all columns that they have.
      const table =
        sum.rows === 0 ? undefined : (catalog.lastLoaded?.(declared.name) ?? (await catalog.loadTable(declared.name)));
      const columns = table === undefined ? [] : emptyColumns(sum, table);
      if (columns.length === 0) continue;
      logEvent(runtime.log, 'columns-null', { source: name, columns, rows: sum.rows });
      const { read } = await readOne(runtime, source, example, signal);
      const instead = hasRecords(read) ? whatIsThere(pathsSeen(read)) : 'the records are too large to look into here';
      const message = `${columns.join(', ')} ${columns.length === 1 ? 'is' : 'are'} null in every one of ${plural(sum.rows, 'row')}; ${instead}: "shape" and "fields" say where a column comes from, and "audit-warehouse init LOCATION" proposes them`;
      warnings.push({ code: 'columns-null', source: name, message });
    }
    return warnings;
  }
}

const whatIsThere = (paths: readonly string[]): string =>
  paths.length === 0 ? 'the records have no input' : `the records have ${paths.join(', ')}`;

function addFile(sum: SourceSum, { recordCount, nullCounts }: DataFile): void {
  sum.rows += recordCount;
  for (const [id, count] of nullCounts) sum.nulls.set(id, (sum.nulls.get(id) ?? 0) + count);
}

/** Columns that the configuration places, and that no row of the run has a value in. */
function emptyColumns({ source: { config }, rows, nulls }: SourceSum, { metadata }: LoadedTable): string[] {
  const mapping = config.mapping ?? eventSources[config.type].mapping ?? {};
  const mapped = Object.keys(mapping).filter((column) => mapping[column]!.length > 0);
  const placed = new Set([...mapped, ...Object.keys(config.columns)]);
  const fields = fieldsByName(metadata);
  return [...placed].filter((name) => {
    const field = fields.get(name);
    return field !== undefined && typeof field.type === 'string' && nulls.get(field.id) === rows;
  });
}
