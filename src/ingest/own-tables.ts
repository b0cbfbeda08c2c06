/** The tables of the product in a warehouse, and whether a command may write to them. */
import type { Config } from '../config/config.ts';
import { expectTablesAtHome } from '../iceberg/home.ts';
import { eventTables } from '../sources/registry.ts';
import { bookkeepingTables, identityTables } from '../tables/names.ts';
import type { Runtime } from './runtime.ts';

/** Names of the tables that this configuration may have made; others of the catalog belong to somebody else. */
export const ownTables = ({ sideSources }: Pick<Config, 'sideSources'>): string[] => [
  ...eventTables,
  ...identityTables,
  ...bookkeepingTables,
  ...sideSources.flatMap((source) => (source.type === 'reference' ? [source.table] : [])),
];

/** For every command that writes, before it does. Throws OutsideWarehouse for a copy of another warehouse. */
export const expectOwnWarehouse = ({ store, catalog, config }: Pick<Runtime, 'store' | 'catalog' | 'config'>) =>
  expectTablesAtHome(store, catalog, ownTables(config));
