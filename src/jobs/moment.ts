/**
 * The warehouse at one moment, for one answer: each table is loaded once, so that all parts of the answer are of the same
 * snapshots, and none waits for what another one has read.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Config } from '../config/config.ts';
import type { QueryRequest } from '../engines/engine.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { catalogWith } from '../iceberg/catalog-with.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { eventTables, numberedTables } from '../sources/registry.ts';
import { cachedManifests } from '../store/cached-reads.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { identityTables } from '../tables/names.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';
import { mentionedIn } from '../views/select.ts';

export interface Moment<R> {
  /** For reading only. */
  readonly runtime: R;
  /** One answer of many, which may be given side by side: within it, the runtime is of a moment of its own. */
  during<T>(answer: () => Promise<T>): Promise<T>;
}

/** The tables that nearly every answer looks at, its receipt included. */
export const tablesOfAnswers: readonly string[] = [
  ...eventTables,
  quarantine.name,
  ingestedObjects.name,
  sequences.name,
];

/** Those of them that the answer to one statement looks at, and its receipt if it has one. */
export function tablesOfAnswer(
  { sql, computed }: Pick<QueryRequest, 'sql' | 'computed'>,
  { stewards }: Pick<Config, 'stewards'>,
  receipt: boolean,
): readonly string[] {
  if (computed !== undefined) return tablesOfAnswers;
  const { tables } = mentionedIn(sql, { tables: [...tablesOfAnswers, ...identityTables], stewards });
  const looked = new Set(tables);
  if (receipt) for (const name of [quarantine.name, ingestedObjects.name]) looked.add(name);
  if (receipt && tables.some((name) => numberedTables.has(name))) looked.add(sequences.name);
  return tablesOfAnswers.filter((name) => looked.has(name));
}

/** What was asked for in a moment. */
interface Seen {
  readonly tables: Map<string, Promise<LoadedTable | undefined>>;
  names?: Promise<readonly string[]> | undefined;
}

/** The moment of what is asked first; these tables are asked for at once, with it. */
export function momentOf<R extends Runtime>(runtime: R, expected: readonly string[] = []): Moment<R> {
  const { catalog } = runtime;
  const only: Seen = { tables: new Map() };
  const current = new AsyncLocalStorage<Seen>();
  const loadTable = ({ tables }: Seen, name: string): Promise<LoadedTable | undefined> => {
    let loading = tables.get(name);
    if (loading === undefined) {
      loading = catalog.loadTable(name);
      // The failure is for those to see who wait for the table.
      loading.catch(() => {});
      tables.set(name, loading);
    }
    return loading;
  };
  const begun = (): Seen => {
    const seen = current.getStore() ?? only;
    if (seen.names === undefined && seen.tables.size === 0) for (const name of expected) void loadTable(seen, name);
    return seen;
  };
  const seen = catalogWith(catalog, {
    loadTable: (name) => loadTable(begun(), name),
    async listTables() {
      const own = begun();
      own.names ??= catalog.listTables();
      return [...(await own.names)];
    },
  });
  return {
    runtime: { ...runtime, catalog: seen, store: cachedManifests(runtime.store) },
    async during(answer) {
      const own: Seen = { tables: new Map() };
      try {
        return await current.run(own, answer);
      } finally {
        // Connections that were opened meanwhile keep it.
        own.tables.clear();
        own.names = undefined;
      }
    },
  };
}
