/** The input families by the type that the config names. */
import type { SourceType } from '../records/object-facts.ts';
import type { Mapping } from '../tables/mapping.ts';
import type { SourceConfig } from './config.ts';
import type { SourceLimits } from './interpreter.ts';
import { okeraAuditSource } from './okera-audit/source.ts';
import { opaSource } from './opa/source.ts';
import { selecting } from './selection.ts';
import type { Source } from './source.ts';

type Factory = (promoted: SourceConfig['columns'], limits: SourceLimits, mapping?: Mapping) => Source;

const factories: Readonly<Record<SourceType, Factory>> = {
  opa: opaSource,
  'okera-audit': okeraAuditSource,
};

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
  return factories[type](promoted, limits, mapping);
}

/** Names of the columns that the table of a source type has without any promoted ones. */
export const reservedColumns = (type: SourceType, limits: SourceLimits): ReadonlySet<string> =>
  new Set(createSource(type, {}, limits).table.columns.map((column) => column.name));

/** The source of a configured one: with its mapping, and only the objects that it selects. */
export function configuredSource(config: SourceConfig, limits: SourceLimits): Source {
  const source = createSource(config.type, config.columns, limits, config.mapping);
  return { ...source, describeObject: selecting(config, source.describeObject) };
}

export { okeraAuditSource, opaSource };
