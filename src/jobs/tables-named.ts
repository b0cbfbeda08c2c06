import { UsageError } from '../config/errors.ts';
import type { Catalog } from '../iceberg/catalog.ts';

/** The tables that are asked for, all without a choice. Throws UsageError for one that the catalog does not have. */
export async function tablesNamed(
  catalog: Pick<Catalog, 'listTables'>,
  asked: readonly string[] | undefined,
): Promise<readonly string[]> {
  const existing = await catalog.listTables();
  const unknown = asked?.find((name) => !existing.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no table ${unknown} in the catalog; there are: ${existing.join(', ')}`);
  return asked ?? existing;
}
