/**
 * Registers views in the Glue Data Catalog. May run at once in any number of processes: each entry is replaced only in
 * the version that was looked at, and the second one looks again. Nothing is written where nothing has changed.
 */
import {
  CreateTableCommand,
  GetTableCommand,
  type GlueClient,
  paginateGetTables,
  type Table,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import type { ViewChanges, ViewEntry } from '../../iceberg/catalog.ts';
import { GlueError, isOvertaken, nameOf } from './errors.ts';
import { isOwnView, isSameView, viewInput } from './view-mapping.ts';

const attempts = 5;

export async function registerGlueViews(
  glue: GlueClient,
  database: string,
  views: readonly ViewEntry[],
): Promise<ViewChanges> {
  const entries = await allEntries(glue, database);
  const changes = { created: [] as string[], updated: [] as string[], foreign: [] as string[] };
  for (const view of views) {
    const change = await registerView(glue, database, view, entries.get(view.name));
    if (change !== undefined) changes[change].push(view.name);
  }
  return changes;
}

async function registerView(
  glue: GlueClient,
  DatabaseName: string,
  view: ViewEntry,
  found: Table | undefined,
): Promise<keyof ViewChanges | undefined> {
  const TableInput = viewInput(view, DatabaseName);
  let entry = found;
  for (let attempt = 1; ; attempt++) {
    if (entry !== undefined && !isOwnView(entry)) return 'foreign';
    if (entry !== undefined && isSameView(entry, TableInput)) return undefined;
    const call = entry === undefined ? 'CreateTable' : 'UpdateTable';
    try {
      if (entry === undefined) await glue.send(new CreateTableCommand({ DatabaseName, TableInput }));
      else {
        const { VersionId } = entry;
        await glue.send(
          new UpdateTableCommand({
            DatabaseName,
            TableInput,
            SkipArchive: true,
            ...(VersionId !== undefined && { VersionId }),
          }),
        );
      }
      return entry === undefined ? 'created' : 'updated';
    } catch (error) {
      if (!isOvertaken(error) || attempt === attempts)
        throw new GlueError(`Glue ${call} of view ${DatabaseName}.${view.name}`, error);
      entry = await readEntry(glue, DatabaseName, view.name);
    }
  }
}

async function allEntries(client: GlueClient, DatabaseName: string): Promise<Map<string, Table>> {
  const entries = new Map<string, Table>();
  try {
    for await (const page of paginateGetTables({ client }, { DatabaseName }))
      for (const table of page.TableList ?? []) entries.set(table.Name!, table);
  } catch (error) {
    throw new GlueError(`Glue GetTables in ${DatabaseName}`, error);
  }
  return entries;
}

async function readEntry(glue: GlueClient, DatabaseName: string, Name: string): Promise<Table | undefined> {
  try {
    return (await glue.send(new GetTableCommand({ DatabaseName, Name }))).Table;
  } catch (error) {
    if (nameOf(error) === 'EntityNotFoundException') return undefined;
    throw new GlueError(`Glue GetTable ${DatabaseName}.${Name}`, error);
  }
}
