/**
 * The warehouse at one moment, for one answer: each table is loaded once, so that all parts of the answer are of the same
 * snapshots, and none waits for what another one has read.
 */
import type { LoadedTable } from '../iceberg/catalog.ts';
import { catalogWith } from '../iceberg/catalog-with.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { eventTables } from '../sources/registry.ts';
import { cachedReads, manifests } from '../store/cached-reads.ts';
import { ingestedObjects } from '../tables/ingested-objects.ts';
import { quarantine } from '../tables/quarantine.ts';
import { sequences } from '../tables/sequences.ts';

/** Of manifests, which the parts of an answer read one after another. */
const maxBytes = 16 << 20;

export interface Moment<R> {
  /** For reading only. */
  readonly runtime: R;
  /** What is asked from now on is of a later moment: before the next answer. */
  renew(): void;
}

/** The tables that nearly every answer looks at, its receipt included. */
export const tablesOfAnswers: readonly string[] = [
  ...eventTables,
  quarantine.name,
  ingestedObjects.name,
  sequences.name,
];

/** The moment of what is asked first; these tables are asked for at once, with it. */
export function momentOf<R extends Runtime>(runtime: R, expected: readonly string[] = []): Moment<R> {
  const { catalog } = runtime;
  const tables = new Map<string, Promise<LoadedTable | undefined>>();
  let names: Promise<readonly string[]> | undefined;
  const loadTable = (name: string): Promise<LoadedTable | undefined> => {
    let loading = tables.get(name);
    if (loading === undefined) {
      loading = catalog.loadTable(name);
      // The failure is for those to see who wait for the table.
      loading.catch(() => {});
      tables.set(name, loading);
    }
    return loading;
  };
  const begin = (): void => {
    for (const name of expected) void loadTable(name);
  };
  const seen = catalogWith(catalog, {
    loadTable(name) {
      if (names === undefined && tables.size === 0) begin();
      return loadTable(name);
    },
    async listTables() {
      if (names === undefined && tables.size === 0) begin();
      names ??= catalog.listTables();
      return [...(await names)];
    },
  });
  return {
    runtime: { ...runtime, catalog: seen, store: cachedReads(runtime.store, { files: manifests, maxBytes }) },
    renew() {
      tables.clear();
      names = undefined;
    },
  };
}
