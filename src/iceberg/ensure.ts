import type { TableDeclaration } from '../tables/declaration.ts';
import type { LoadedTable } from './catalog.ts';
import { CommitConflict, CommitStateUnknown } from './catalog.ts';
import { type CommitContext, retried, updateTable } from './commit.ts';
import type { TableMetadata } from './metadata.ts';
import { evolve, newTableMetadata } from './schema.ts';
import { writableSpec } from './stage.ts';
import { TableFault } from './table-fault.ts';

/**
 * The table of a declaration: created where missing, its schema brought up to date where the declaration has changed. Throws
 * TableFault where the catalog has lost one that has data files.
 * May run at once in any number of processes; nothing is written where nothing is to be done.
 */
export async function ensureTable(context: CommitContext, declaration: TableDeclaration): Promise<LoadedTable> {
  const { name } = declaration;
  // Columns only ever come, so what an earlier version has, the current one has too.
  const upToDate = (): LoadedTable | undefined => {
    const known = context.catalog.lastLoaded?.(name);
    return known && evolveForWriting(known.metadata, declaration, context.now()) === undefined ? known : undefined;
  };
  const known = upToDate();
  if (known !== undefined) return known;
  await createMissing(context, declaration);
  const made = upToDate();
  if (made !== undefined) return made;
  const { loaded } = await updateTable(context, name, ({ metadata }) =>
    evolveForWriting(metadata, declaration, context.now()),
  );
  return loaded;
}

/** As `evolve`; throws TableFault too where files cannot be added under any of the table's partition specs. */
export function evolveForWriting(
  metadata: TableMetadata,
  declaration: TableDeclaration,
  nowMs: number,
): TableMetadata | undefined {
  const next = evolve(metadata, declaration, nowMs);
  writableSpec(declaration.name, next ?? metadata);
  return next;
}

async function createMissing(context: CommitContext, declaration: TableDeclaration): Promise<void> {
  const { catalog } = context;
  const { name } = declaration;
  // Somebody else may have made it since: then making it is a conflict.
  let isMissing = catalog.lastLoaded?.(name) === null;
  await retried(context, name, async (attempt) => {
    if (!isMissing && (await catalog.loadTable(name)) !== undefined) return;
    isMissing = false;
    await catalog.ensureNamespace();
    await expectNotLost(context, name);
    const location = catalog.tableLocation(name);
    const metadata = newTableMetadata({ uuid: context.uuid(), location, declaration, nowMs: context.now() });
    try {
      await catalog.createTable(name, metadata, context.later);
    } catch (error) {
      if (!(error instanceof CommitConflict) && !(error instanceof CommitStateUnknown)) throw error;
      return attempt.again(error, metadata['table-uuid']);
    }
  });
}

/** Throws TableFault where a table that the catalog does not know has data files. */
export async function expectNotLost(where: Pick<CommitContext, 'store' | 'catalog'>, name: string): Promise<void> {
  const left = await fileOfLost(where, name);
  if (left === undefined) return;
  throw new TableFault(
    `the catalog has lost table ${name}, whose files are still there (${left}): "verify --repair" registers it again; ` +
      `to begin anew, which brings back what was erased, remove ${where.catalog.tableLocation(name)} first`,
  );
}

/** The table; undefined where there is none. Throws TableFault where there is one that the catalog has lost. */
export async function loadUnlessLost(
  where: Pick<CommitContext, 'store' | 'catalog'>,
  name: string,
): Promise<LoadedTable | undefined> {
  const loaded = await where.catalog.loadTable(name);
  if (loaded === undefined) await expectNotLost(where, name);
  return loaded;
}

/** A data file of a table that the catalog does not know; undefined where there is none, or where it knows it by now. */
export async function fileOfLost(
  { store, catalog }: Pick<CommitContext, 'store' | 'catalog'>,
  name: string,
): Promise<string | undefined> {
  for await (const { uri } of store.list(`${catalog.tableLocation(name)}/data/`)) {
    // What others write into a table that they have just made comes after its registration.
    return (await catalog.loadTable(name)) === undefined ? uri : undefined;
  }
  return undefined;
}
