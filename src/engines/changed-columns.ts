/** A statement that names a column which another engine has renamed or dropped fails on every engine; here it is told what that was. */
import type { Config } from '../config/config.ts';
import type { Catalog } from '../iceberg/catalog.ts';
import { tellDropped, tellRename } from '../iceberg/schema.ts';
import { QueryError, TooMuchToFetch } from '../sql/parameter.ts';
import { mentionedIn } from '../views/select.ts';
import type { QueryEngine, QueryRequest } from './engine.ts';

interface World {
  readonly catalog: Pick<Catalog, 'listTables' | 'loadTable'>;
  readonly config: Pick<Config, 'stewards'>;
}

export function withChangedColumns(context: World, engine: QueryEngine): QueryEngine {
  return {
    atOnce: engine.atOnce,
    query: (request) =>
      engine.query(request).catch(async (error: unknown) => {
        if (!(error instanceof QueryError) || error instanceof TooMuchToFetch) throw error;
        // What goes wrong here stands behind what led here.
        const told = await changesNamedBy(error, request, context).catch(() => []);
        throw told.length === 0 ? error : new QueryError(told.join('; '), { cause: error });
      }),
    close: () => engine.close(),
  };
}

async function changesNamedBy(
  { message }: QueryError,
  { sql }: QueryRequest,
  { catalog, config }: World,
): Promise<string[]> {
  // What follows are the names of columns that there are, and the statement.
  const [named = ''] = message.split('\n');
  const words = new Set(named.match(/\w+/g));
  const { tables } = mentionedIn(sql, { tables: await catalog.listTables(), stewards: config.stewards });
  const loaded = await Promise.all(tables.map((table) => catalog.loadTable(table)));
  return loaded.flatMap((table, i) =>
    table === undefined
      ? []
      : [...words].flatMap(
          (word) => tellRename(table.metadata, tables[i]!, word) ?? tellDropped(table.metadata, tables[i]!, word) ?? [],
        ),
  );
}
