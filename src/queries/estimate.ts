/** What a statement would have to open, told from Iceberg metadata before anything is asked. */
import type { QueryRequest } from '../engines/engine.ts';
import { liveFiles } from '../iceberg/scan.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { mentionedIn } from '../views/select.ts';

export interface Estimate {
  /** Of the current snapshots of all tables that the statement can mean. */
  readonly held: Size;
  /** What is left after files outside the days and bounds of the parameters have been left out; an engine reads less. */
  readonly opened: Size;
}

export interface Size {
  readonly files: number;
  readonly bytes: number;
}

export async function estimate(
  { store, catalog, config }: Pick<Runtime, 'store' | 'catalog' | 'config'>,
  { sql, prune }: Pick<QueryRequest, 'sql' | 'prune'>,
): Promise<Estimate> {
  const { tables } = mentionedIn(sql, { tables: await catalog.listTables(), stewards: config.stewards });
  const [held, opened] = [
    { files: 0, bytes: 0 },
    { files: 0, bytes: 0 },
  ];
  for (const name of tables) {
    const table = await catalog.loadTable(name);
    if (table === undefined) continue;
    const count = async (size: typeof held, filter: object): Promise<void> => {
      for await (const { fileSize } of liveFiles(store, table.metadata, filter)) {
        size.files++;
        size.bytes += fileSize;
      }
    };
    await count(held, {});
    await count(opened, prune?.[name] ?? {});
  }
  return { held, opened };
}
