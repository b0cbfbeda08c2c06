/** The input families by the type that the configuration names: one line each. Light, since the configuration reads it. */
import { bookkeepingTables, identityTables, views } from '../tables/names.ts';
import type { EventSource } from './event-source.ts';
import { okeraAudit } from './okera-audit/source.ts';
import { opa } from './opa/source.ts';

export const eventSources = {
  opa,
  'okera-audit': okeraAudit,
} satisfies Readonly<Record<string, EventSource>>;

export type SourceType = keyof typeof eventSources;

export const eventSourceTypes = Object.keys(eventSources) as readonly SourceType[];

/** The declaration of a type; undefined for one that is none. */
export const eventSourceOf = (type: string): EventSource | undefined =>
  Object.hasOwn(eventSources, type) ? eventSources[type as SourceType] : undefined;

/** The tables of events, in the order of the sources. */
export const eventTables: readonly string[] = Object.values<EventSource>(eventSources).map(
  ({ schema }) => schema['x-table'].name,
);

/** The table of a source type; undefined for one that is none. */
export const eventTableOf = (type: string): string | undefined => eventSourceOf(type)?.schema['x-table'].name;

/** Tables whose rows carry numbers of the instance that made them, so that gaps can be told. */
export const numberedTables: ReadonlySet<string> = new Set(
  Object.values<EventSource>(eventSources).flatMap(({ schema }) =>
    schema['x-table'].sequence === undefined ? [] : [schema['x-table'].name],
  ),
);

/** Columns that name whom a row is about, by table of events. */
export const subjectColumns: ReadonlyMap<string, readonly string[]> = new Map(
  Object.values<EventSource>(eventSources).map(({ schema }) => [schema['x-table'].name, schema['x-table'].subject]),
);

/** Whether a name belongs to the product: no table of the configuration may take it. */
export const isProductName = (name: string): boolean => productNames.has(name);

const productNames: ReadonlySet<string> = new Set([...eventTables, ...bookkeepingTables, ...identityTables, ...views]);
