/**
 * The engines that queries run on, by the name that `--engine` takes. An adapter is loaded when it is opened. A new
 * engine is a folder beside this file, an entry here and its section of the configuration (config/schema.ts).
 */
import type { Config } from '../config/config.ts';
import { UsageError } from '../config/errors.ts';
import type { Catalog } from '../iceberg/catalog.ts';
import type { ObjectStore } from '../store/store.ts';
import type { checkStatement as CheckStatement } from './duckdb/plan-statement.ts';
import type { QueryEngine, StatementEngine } from './engine.ts';

/** What an engine may need: one that runs in this process reads the files itself, others are told where they are. */
export interface EngineContext {
  readonly config: Config;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  /** Secrets come from here, never from the configuration. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** For jobs that change tables by SQL: they need nothing of the tables themselves. */
export type StatementContext = Pick<EngineContext, 'config' | 'env'>;

interface Engine {
  /** Throws UsageError where the configuration says too little of the engine. */
  open(context: EngineContext): Promise<QueryEngine>;
}

interface WritingEngine {
  open(context: StatementContext): Promise<StatementEngine>;
  /**
   * One statement that merges the small files of the days from..to (YYYY-MM-DD, both included) into files of about
   * `targetBytes`. Table and days have been checked to need no quoting.
   */
  optimize(table: string, from: string, to: string, targetBytes: number): string;
}

const daysBetween = (from: string, to: string): string => `WHERE ymd >= '${from}' AND ymd <= '${to}'`;

const duckdb: Engine = {
  open: async (context) => (await import('./duckdb/engine.ts')).createDuckDbEngine(context),
};

const trino: WritingEngine = {
  async open({ config, env }) {
    if (config.engines.trino === undefined) {
      throw new UsageError('engine trino needs the key engines.trino.url: the URL of the coordinator');
    }
    const { createTrinoEngine } = await import('./trino/engine.ts');
    return createTrinoEngine({
      ...config.engines.trino,
      password: env.TRINO_PASSWORD || undefined,
      accessToken: env.TRINO_ACCESS_TOKEN || undefined,
    });
  },
  optimize: (table, from, to, targetBytes) =>
    `ALTER TABLE "${table}" EXECUTE optimize(file_size_threshold => '${targetBytes}B') ${daysBetween(from, to)}`,
};

const athena: WritingEngine = {
  async open({ config }) {
    const { region, endpoint, database, ...options } = config.engines.athena;
    if (database === undefined) {
      throw new UsageError('engine athena needs the key engines.athena.database, or a catalog of type glue');
    }
    const { createAthenaEngine } = await import('./athena/engine.ts');
    return createAthenaEngine({
      ...options,
      database,
      client: { ...(region && { region }), ...(endpoint && { endpoint }) },
    });
  },
  optimize: (table, from, to) => `OPTIMIZE "${table}" REWRITE DATA USING BIN_PACK ${daysBetween(from, to)}`,
};

/** Engines that can change tables too. */
export const writingEngines = { trino, athena };
export const engines = { duckdb, ...writingEngines };

export type EngineName = keyof typeof engines;
export type WritingEngineName = keyof typeof writingEngines;

export const engineNames = Object.keys(engines) as readonly EngineName[];
export const writingEngineNames = Object.keys(writingEngines) as readonly WritingEngineName[];

/** Throws UsageError for a name that no engine has, and where the configuration says too little of it. */
export const openEngine = (name: EngineName, context: EngineContext): Promise<QueryEngine> =>
  Promise.all([known(engines, name).open(context), import('./changed-columns.ts')]).then(
    ([engine, { withChangedColumns }]) => withChangedColumns(context, engine),
  );

export const openWritingEngine = (name: WritingEngineName, context: StatementContext): Promise<StatementEngine> =>
  known(writingEngines, name).open(context);

/** Throws QueryError for a statement that tables of these columns, and these views, do not allow. Nothing is read. */
export const checkStatement = async (...given: Parameters<typeof CheckStatement>): Promise<void> =>
  (await import('./duckdb/plan-statement.ts')).checkStatement(...given);

function known<Name extends string, Entry>(registry: Readonly<Record<Name, Entry>>, name: Name): Entry {
  if (Object.hasOwn(registry, name)) return registry[name];
  throw new UsageError(`there is no engine ${name}; there are: ${Object.keys(registry).join(', ')}`);
}
