/** Sources as they are configured: the readers and writers of their records. */
import { RowWriters } from '../records/scan/row-writer.ts';
import { type Mapping, mappingDigest } from '../tables/mapping.ts';
import type { SourceConfig } from './config.ts';
import type { EventSource } from './event-source.ts';
import { compileInterpreter, openReader, type SourceLimits, writerSpec } from './interpreter.ts';
import { withKeyColumns } from './key-columns.ts';
import { eventSources, type SourceType } from './registry.ts';
import { selecting } from './selection.ts';
import type { Source } from './source.ts';

/**
 * `mapping`: where the standard columns are in a record; without it, where the default shape has them.
 * Throws where a promoted column takes a name of the table's own or its path is none.
 */
export function createSource(
  type: SourceType,
  promoted: SourceConfig['columns'],
  limits: SourceLimits,
  mapping?: Mapping,
): Source {
  const source: EventSource = eventSources[type];
  const spec = { source, promoted, mapping: mapping ?? source.mapping ?? {} };
  const interpreter = compileInterpreter(spec);
  const { sequence } = source.schema['x-table'];
  return {
    type,
    table: interpreter.table,
    mapping: source.schema['x-table'].mapped
      ? { current: mappingDigest(spec.mapping), unrecorded: mappingDigest(source.mapping ?? {}) }
      : null,
    ...(sequence && { sequence }),
    describeObject: withKeyColumns(promoted, source.describeObject),
    openObject: (uri, facts) => openReader(interpreter, source.marks, limits, uri, facts),
    writers: new RowWriters(writerSpec(spec, interpreter.table, limits)),
  };
}

/** Names of the columns that the table of a source type has without any promoted ones. */
export const reservedColumns = (type: SourceType, limits: SourceLimits): ReadonlySet<string> =>
  new Set(createSource(type, {}, limits).table.columns.map((column) => column.name));

/** The source of a configured one: with its mapping, and only the objects that it selects. */
export function configuredSource(config: SourceConfig, limits: SourceLimits): Source {
  const source = createSource(config.type, config.columns, limits, config.mapping);
  return { ...source, describeObject: selecting(config, source.describeObject) };
}
