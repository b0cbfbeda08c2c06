/** Our side: a layout is a way of writing the same tables, given by settings of the configuration. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteDatabaseCommand, type GlueClient } from '@aws-sdk/client-glue';
import { InvalidArgumentError } from 'commander';
import type { S3Store } from '../../../src/store/s3.ts';
import { type Input, root, run } from './scanned-input.ts';

export interface Layout {
  readonly name: string;
  /** As `--set` takes them. */
  readonly settings: readonly string[];
  /** compact.clustering of opa_decisions. */
  readonly clustering?: readonly string[];
}

export const defaultLayout: Layout = { name: 'default', settings: [] };

/** `NAME key=value …`, where `clustering=hour(event_time)+subject` is for the decisions. */
export function parseLayout(text: string): Layout {
  const [name, ...given] = text.trim().split(/\s+/);
  if (!name || !/^[a-z0-9-]+$/.test(name)) throw new InvalidArgumentError('starts with a name of a-z, 0-9 and -');
  const clustering = given.find((setting) => setting.startsWith('clustering='));
  return {
    name,
    settings: given.filter((setting) => setting !== clustering),
    ...(clustering !== undefined && { clustering: clustering.slice('clustering='.length).split('+') }),
  };
}

export interface Warehouse {
  readonly database: string;
  readonly location: string;
  /** Where its configuration is. */
  readonly folder: string;
  /** Merges and sorts what was ingested. */
  compact(): Promise<void>;
  drop(): Promise<void>;
}

export interface Place {
  readonly bucket: string;
  /** For the configuration. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly store: S3Store;
  readonly glue: GlueClient;
}

/** Ingests the input by the binary. */
export async function buildWarehouse(layout: Layout, input: Input, place: Place): Promise<Warehouse> {
  const { bucket, env, store, glue } = place;
  const database = `scanned_${layout.name.replaceAll('-', '_')}`;
  const location = `s3://${bucket}/${layout.name}`;
  const folder = join(place.folder, layout.name);
  mkdirSync(folder, { recursive: true });
  const config = {
    warehouse: location,
    catalog: { type: 'glue', database, endpoint: env.AWS_ENDPOINT_URL_GLUE, region: env.AWS_REGION },
    s3: { endpoint: env.AWS_ENDPOINT_URL_S3, region: env.AWS_REGION, forcePathStyle: true },
    sources: [
      { name: 'decisions', type: 'opa', location: join(input.folder, 'raw') },
      {
        name: 'countries',
        type: 'reference',
        location: join(input.folder, 'countries'),
        table: 'user_countries',
        columns: { subject: { type: 'string' }, country: { type: 'string' } },
      },
    ],
    ...(layout.clustering && { compact: { clustering: { opa_decisions: layout.clustering } } }),
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'audit-warehouse.yaml'), JSON.stringify(config));
  const binary = (...args: readonly string[]): Promise<string> =>
    run(
      join(root, 'bin/audit-warehouse'),
      [...layout.settings.flatMap((setting) => ['--set', setting]), '--log-level', 'warn', ...args, '--json'],
      { cwd: folder, env: { ...process.env, ...env } },
    );
  const { records } = JSON.parse(await binary('backfill'));
  if (records.quarantined !== 0 || records.duplicates !== 0) {
    throw new Error(`backfill was to take every record, and reports ${JSON.stringify(records)}`);
  }
  return {
    database,
    location,
    folder,
    compact: async () => void (await binary('compact', '--table', 'opa_decisions')),
    drop: async () => {
      const uris: string[] = [];
      for await (const { uri } of store.list(`${location}/`)) uris.push(uri);
      await Promise.all(uris.map((uri) => store.delete(uri)));
      await glue.send(new DeleteDatabaseCommand({ Name: database }));
    },
  };
}
