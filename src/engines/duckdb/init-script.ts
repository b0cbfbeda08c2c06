/**
 * An init script for DuckDB's own command line and its libraries: views over exactly the files of the current snapshots, the
 * product's views, and Trino's functions as macros. It names files, so it is of the moment at which it was made.
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { UsageError } from '../../config/errors.ts';
import type { Catalog } from '../../iceberg/catalog.ts';
import { currentSnapshot, type TableMetadata } from '../../iceberg/metadata.ts';
import { type LiveFile, liveFiles } from '../../iceberg/scan.ts';
import { isTableFault } from '../../iceberg/table-fault.ts';
import type { ObjectStore } from '../../store/store.ts';
import { userName } from '../../store/user-name.ts';
import { printable } from '../../text/printable.ts';
import { viewsOver } from '../../views/select.ts';
import { descriptions } from './catalog-listing.ts';
import { deletedPositions, filesInPlace } from './shown-table.ts';
import { identifier, literal } from './sql-types.ts';
import { deletedRowsSchema, viewSql } from './table-views.ts';

interface World {
  readonly store: ObjectStore;
  readonly catalog: Pick<Catalog, 'listTables' | 'loadTable'>;
  readonly config: Pick<Config, 'warehouse' | 's3' | 'stewards' | 'engines'>;
}

/** More rows that other engines have deleted are not written into a script. */
const mostDeletedRows = 100_000;

/** Throws UsageError for a table with more deleted rows than a script should name. Tables that cannot be read are left out, with the reason. */
export async function duckDbScript({ store, catalog, config }: World): Promise<string> {
  const shown: { readonly name: string; readonly metadata: TableMetadata }[] = [];
  const tables: string[] = [];
  const snapshots: string[] = [];
  for (const name of await catalog.listTables()) {
    try {
      const table = await catalog.loadTable(name);
      if (table === undefined) continue;
      const { metadata } = table;
      tables.push(...(await tableStatements(store, name, metadata)));
      shown.push({ name, metadata });
      const snapshot = currentSnapshot(metadata);
      const when = snapshot === undefined ? 'empty' : new Date(snapshot['timestamp-ms']).toISOString();
      snapshots.push(`${name} ${snapshot?.['snapshot-id'] ?? ''} ${when}`);
    } catch (error) {
      if (!isTableFault(error)) throw error;
      snapshots.push(`${name} is left out: ${error.message}`);
    }
  }
  const views = viewsOver({ tables: shown.map(({ name }) => name), stewards: config.stewards });
  const statements = [
    ...settings(config),
    ...functions(config.engines.duckdb?.user ?? userName()),
    ...tables,
    ...views.map(({ name, sql }) => `CREATE OR REPLACE VIEW ${identifier(name)} AS\n${sql}`),
    ...descriptions(shown, views),
  ];
  return `${header(config.warehouse, snapshots)}\n${statements.map((statement) => `${statement};\n`).join('\n')}`;
}

/** Comments hold text from outside: one line each, whatever is in it. */
const header = (warehouse: string, snapshots: readonly string[]): string =>
  [
    `The warehouse ${warehouse} for DuckDB: duckdb -init FILE`,
    'Written by "audit-warehouse connect duckdb". It names the files of these snapshots; make it again to see newer ones, and after expire.',
    'Do not read the data folders by a glob: files of older snapshots lie there too, so that rows count double after compact.',
    ...snapshots,
  ]
    .map((line) => `-- ${printable(line, 1000)}\n`)
    .join('');

function settings({ warehouse, s3 }: World['config']): string[] {
  const always = ["SET TimeZone = 'UTC'", "SET disabled_optimizers = 'join_filter_pushdown'"];
  if (!warehouse.startsWith('s3://')) return always;
  const endpoint = s3.endpoint === undefined ? undefined : new URL(s3.endpoint);
  const secret = [
    'TYPE s3',
    'PROVIDER credential_chain',
    ...(s3.region === undefined ? [] : [`REGION ${literal(s3.region)}`]),
    ...(endpoint === undefined
      ? []
      : [`ENDPOINT ${literal(endpoint.host)}`, `USE_SSL ${endpoint.protocol === 'https:'}`]),
    ...(s3.forcePathStyle ? [`URL_STYLE 'path'`] : []),
  ];
  return [
    'INSTALL httpfs',
    'LOAD httpfs',
    'INSTALL aws',
    'LOAD aws',
    `CREATE OR REPLACE SECRET audit_warehouse (${secret.join(', ')})`,
    ...always,
  ];
}

function functions(user: string): string[] {
  const text = readFileSync(new URL('./prelude.sql', import.meta.url), 'utf8').replace(/^\s*--.*\n/gm, '');
  return [
    ...text
      .split(/;\s*$/m)
      .map((statement) => statement.trim().replace(/^CREATE (MACRO|TYPE)/, 'CREATE OR REPLACE $1'))
      .filter((statement) => statement !== ''),
    `CREATE OR REPLACE MACRO current_user() AS ${literal(user)}`,
  ];
}

async function tableStatements(store: ObjectStore, name: string, metadata: TableMetadata): Promise<string[]> {
  const found: LiveFile[] = [];
  for await (const file of liveFiles(store, metadata)) {
    if (file.format !== 'PARQUET') throw new UsageError(`table ${name} has a ${file.format} file: ${file.path}`);
    found.push(file);
  }
  const { files, deleted } = await filesInPlace(store, metadata, found);
  const rows: string[] = [];
  for (const [path, position] of deletedPositions(deleted)) {
    if (rows.length === mostDeletedRows)
      throw new UsageError(
        `table ${name} has more than ${mostDeletedRows} rows that other engines have deleted: run compact, which merges them, then connect again`,
      );
    rows.push(`(${literal(path)}, ${position})`);
  }
  const gone = `${deletedRowsSchema}.${identifier(name)}`;
  return [
    ...(rows.length === 0
      ? []
      : [
          `CREATE SCHEMA IF NOT EXISTS ${deletedRowsSchema}`,
          `CREATE OR REPLACE TABLE ${gone} AS SELECT * FROM (VALUES ${rows.join(', ')}) AS gone (path, position)`,
        ]),
    viewSql(name, metadata, files).replace('CREATE VIEW', 'CREATE OR REPLACE VIEW'),
  ];
}
