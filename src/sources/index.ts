/** The input families by the type that the config names. */

import type { SourceType } from '../records/object-facts.ts';
import type { SourceConfig } from './config.ts';
import type { SourceLimits } from './interpreter.ts';
import { okeraAuditSource } from './okera-audit/source.ts';
import { opaSource } from './opa/source.ts';
import type { Source } from './source.ts';

const factories: Readonly<Record<SourceType, (promoted: SourceConfig['columns'], limits: SourceLimits) => Source>> = {
  opa: opaSource,
  'okera-audit': okeraAuditSource,
};

/** Throws where a promoted column takes a name of the table's own or its path is none. */
export function createSource(type: SourceType, promoted: SourceConfig['columns'], limits: SourceLimits): Source {
  return factories[type](promoted, limits);
}

/** Names of the columns that the table of a source type has without any promoted ones. */
export const reservedColumns = (type: SourceType, limits: SourceLimits): ReadonlySet<string> =>
  new Set(createSource(type, {}, limits).table.columns.map((column) => column.name));

export { okeraAuditSource, opaSource };
