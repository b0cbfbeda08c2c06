/**
 * Views as the Glue Data Catalog holds them for Trino and Athena: pure mapping, no calls. The encoding is Presto's
 * (Trino, ViewReaderUtil: `/* Presto View: <base64 JSON> *\/`), with Hive types for tools that list columns.
 */
import type { Table, TableInput } from '@aws-sdk/client-glue';
import type { ScalarType } from '../../columns/types.ts';
import type { ViewEntry } from '../../iceberg/catalog.ts';
import { columnComment } from './mapping.ts';

/** The name under which Athena, and a Trino set up like it, have the Glue catalog. */
const catalogName = 'awsdatacatalog';

/** Whose rights a view that reads as its owner has in Trino. */
export const viewOwner = 'audit-warehouse';

/** Marks the views that are ours to replace. */
const marker = 'audit-warehouse';

/** What Trino and Hive call the types of columns. */
const typeNames: Readonly<Record<ScalarType, { readonly trino: string; readonly hive: string }>> = {
  boolean: { trino: 'boolean', hive: 'boolean' },
  int: { trino: 'integer', hive: 'int' },
  long: { trino: 'bigint', hive: 'bigint' },
  double: { trino: 'double', hive: 'double' },
  string: { trino: 'varchar', hive: 'string' },
  timestamp: { trino: 'timestamp(6)', hive: 'timestamp' },
};

/** Glue's limit on the text of a view. */
const maxViewText = 409_600;

/**
 * Throws where the view is too long for Glue. Without a Description: Trino puts that in place of the parameter `comment`,
 * and then takes the entry for no view.
 */
export function viewInput(view: ViewEntry, database: string): TableInput {
  const columns = Object.entries(view.columns);
  const definition = {
    originalSql: view.sql,
    catalog: catalogName,
    schema: database,
    columns: columns.map(([name, { type, description }]) => ({
      name,
      type: typeNames[type].trino,
      comment: description,
    })),
    comment: view.description,
    ...(view.reads === 'owner' ? { owner: viewOwner, runAsInvoker: false } : { runAsInvoker: true }),
  };
  const text = `/* Presto View: ${Buffer.from(JSON.stringify(definition)).toString('base64')} */`;
  if (text.length > maxViewText)
    throw new Error(
      `view ${view.name} takes ${text.length} characters in Glue, which allows ${maxViewText}: declare fewer stewards, or groups instead of users`,
    );
  return {
    Name: view.name,
    Owner: viewOwner,
    TableType: 'VIRTUAL_VIEW',
    Parameters: { presto_view: 'true', comment: 'Presto View', [marker]: 'view' },
    PartitionKeys: [],
    ViewOriginalText: text,
    ViewExpandedText: '/* Presto View */',
    StorageDescriptor: {
      Columns: columns.map(([Name, { type, description }]) => ({
        Name,
        Type: typeNames[type].hive,
        Comment: columnComment(description),
      })),
      Location: '',
      SerdeInfo: {},
    },
  };
}

/** Whether the entry is one that `viewInput` made and nobody has replaced since. */
export const isOwnView = (entry: Table): boolean =>
  entry.TableType === 'VIRTUAL_VIEW' && entry.Parameters?.[marker] === 'view';

/** Whether an entry already says all that the input does. */
export const isSameView = (entry: Table, input: TableInput): boolean =>
  entry.ViewOriginalText === input.ViewOriginalText && columnsText(entry) === columnsText(input);

const columnsText = ({ StorageDescriptor }: Table | TableInput): string =>
  JSON.stringify((StorageDescriptor?.Columns ?? []).map(({ Name, Type, Comment }) => [Name, Type, Comment]));
