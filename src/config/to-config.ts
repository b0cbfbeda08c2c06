/** From a document that has passed the schema to the configuration: places as URIs, keys by type, and what keys say about each other. */
import { availableParallelism, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { SideSourceConfig, SourceConfig } from '../sources/config.ts';
import { eventTables } from '../sources/registry.ts';
import { bookkeepingTables, identityTables } from '../tables/names.ts';
import {
  type CatalogConfig,
  type CatalogType,
  catalogKeys,
  neededCatalogKeys,
  neededRestAuthKeys,
  type RestAuth,
  type RestAuthType,
  restAuthKeys,
} from './catalogs.ts';
import type { KeyPath } from './check.ts';
import type { AthenaConfig, Config, DuckDbConfig, TrinoConfig } from './config.ts';
import { nearest } from './errors.ts';
import { sectionValues } from './keys.ts';
import { overlap, sourceUri, warehouseUri, whyUnusable } from './locations.ts';
import { encryption, sections } from './schema.ts';
import { checkSideTables, eventSource, isEventSource, type RawSource, sideSource, tablesOf } from './sources.ts';

/** More would divide the memory of columns into sets too small for good files. */
const mostDefaultThreads = 4;

/** What the schema has checked and filled: every key with a default is there. */
export interface RawConfig extends Readonly<Record<keyof typeof sections, Readonly<Record<string, unknown>>>> {
  readonly warehouse: string;
  readonly catalog: { readonly type: CatalogType; readonly auth?: { readonly type: RestAuthType } } & Readonly<
    Record<string, string>
  >;
  readonly s3: Omit<Config['s3'], 'encryption'> & { readonly encryption: Readonly<Record<string, unknown>> };
  readonly sources: readonly RawSource[];
  readonly retention: Config['retention'];
  readonly stewards: Config['stewards'];
  readonly queries: readonly string[];
  readonly engines: {
    readonly duckdb: DuckDbConfig;
    readonly trino: Partial<TrinoConfig>;
    readonly athena: AthenaConfig;
  };
}

/**
 * The configuration that a document means, which has passed the schema. What the schema cannot tell, since keys and places
 * bear on each other, is reported to `problem`; the result is of no use then.
 *
 * @param warehouseFolder where a relative place of the warehouse starts
 * @param folder where all other relative places start
 * @param look what is at a path of this machine
 */
export function toConfig(
  raw: RawConfig,
  warehouseFolder: string,
  folder: string,
  look: (path: string) => 'file' | 'other' | 'nothing',
  problem: (path: KeyPath, message: string) => void,
): Config {
  const isFile = (path: string): boolean => look(path) === 'file';
  const place = (path: KeyPath, location: string, uri: string | undefined): string => {
    if (uri === undefined) problem(path, whyUnusable(location));
    return uri ?? '';
  };
  const warehouse = place(['warehouse'], raw.warehouse, warehouseUri(raw.warehouse, warehouseFolder));
  if (raw.catalog.type === 'glue' && warehouse.startsWith('file:'))
    problem(
      ['warehouse'],
      'is a folder of this machine, and Athena and all others that know the tables from Glue could not read it: write ' +
        's3://bucket/prefix, or catalog.type: file',
    );

  const sources: (SourceConfig | SideSourceConfig)[] = raw.sources.map((source, i) => {
    const at: KeyPath = ['sources', i];
    const location = place([...at, 'location'], source.location, sourceUri(source.location, folder, isFile));
    return (isEventSource(source) ? eventSource : sideSource)(source, location, at, problem);
  });
  checkSideTables(raw.sources, problem);
  sources.forEach((source, i) => {
    const at: KeyPath = ['sources', i];
    for (const other of sources.slice(0, i)) {
      if (other.name === source.name) problem([...at, 'name'], `"${source.name}" is the name of two sources`);
      if (other.location !== '' && source.location !== '' && overlap(other.location, source.location)) {
        problem(
          [...at, 'location'],
          `lies inside the location of source "${other.name}", or around it: each object belongs to one source`,
        );
      }
    }
    if (warehouse !== '' && source.location !== '' && `${warehouse}/`.startsWith(source.location)) {
      problem(
        [...at, 'location'],
        'has the warehouse inside it: the tables would be read as logs; give them separate places',
      );
    }
  });

  const catalog = catalogConfig(raw.catalog, problem);
  const glue = catalog.type === 'glue' ? catalog : undefined;
  const schema = catalog.type === 'rest' ? catalog.namespace : glue?.database;
  const { engines } = raw;
  const output = sectionValues(sections.output, raw.output);
  const expire = sectionValues(sections.expire, raw.expire);
  const compact = sectionValues(sections.compact, raw.compact);
  const { threads, spill: batchPlace, ...batch } = sectionValues(sections.batch, raw.batch);
  const { listen: address, ...worker } = sectionValues(sections.worker, raw.worker);
  const spillPlace = compact.spill ?? tmpdir();
  const spill = place(['compact', 'spill'], spillPlace, warehouseUri(spillPlace, folder));
  const batchSpill = batchPlace === undefined ? undefined : warehouseUri(batchPlace, folder);
  if (batchPlace !== undefined) {
    const places = [
      { name: 'the warehouse', location: `${warehouse}/` },
      ...sources.map((source) => ({ name: `source "${source.name}"`, location: source.location })),
    ];
    for (const message of spillProblems(batchSpill, output.encoder, places)) problem(['batch', 'spill'], message);
  }
  for (const key of ['snapshots', 'grace'] as const) {
    if (expire[`${key}Seconds`] <= batch.claimSeconds)
      problem(['expire', key], 'must be longer than batch.claim: a run that is late would find its traces gone');
  }
  const sideTables = new Set(
    sources.flatMap((source) => (isEventSource(source) ? [] : tablesOf(source as SideSourceConfig))),
  );
  const known = [...new Set([...eventTables, ...bookkeepingTables, ...identityTables, ...sideTables])];
  const expectTable = (path: readonly string[], table: string): void => {
    if (known.includes(table)) return;
    const near = nearest(table, known);
    problem(
      [...path, table],
      `is not a table of the product; ${near ? `did you mean ${near}?` : `there are ${known.join(', ')}`}`,
    );
  };
  for (const table of Object.keys(compact.clustering)) expectTable(['compact', 'clustering'], table);
  for (const table of Object.keys(raw.retention)) {
    expectTable(['retention'], table);
    if (['ingested_objects', 'amendments', 'sequences'].includes(table))
      problem(['retention', table], 'is the record of what was read and removed: its days cannot be removed');
    if (sideTables.has(table))
      problem(['retention', table], 'is replaced as a whole by each load: it has no days to remove');
  }
  const listen = listenAddress(address);
  if (listen !== undefined && listen.port > 65_535) problem(['worker', 'listen'], 'has a port above 65535');
  raw.stewards.forEach(({ user, group }, i) => {
    if ((user === undefined) === (group === undefined))
      problem(['stewards', i], 'must have either user or group, one of the two');
  });
  const queries = raw.queries.map((path) => resolve(folder, path));
  queries.forEach((path, i) => {
    if (isFile(path) ? !path.endsWith('.sql') : look(path) === 'nothing')
      problem(['queries', i], `is neither a folder nor an .sql file: ${path}`);
  });
  return {
    warehouse,
    catalog,
    s3: s3Config(raw.s3, problem),
    sources: sources.filter((source): source is SourceConfig => isEventSource(source)),
    sideSources: sources.filter((source): source is SideSourceConfig => !isEventSource(source)),
    stewards: raw.stewards,
    queries,
    limits: sectionValues(sections.limits, raw.limits),
    batch: {
      ...batch,
      threads: threads ?? Math.min(mostDefaultThreads, availableParallelism()),
      ...(batchSpill !== undefined && { spill: batchSpill }),
    },
    output,
    expire,
    retention: raw.retention,
    compact: { ...compact, spill },
    worker: { ...worker, ...(listen && { listen }) },
    engines: {
      ...(engines.duckdb.user !== undefined && { duckdb: engines.duckdb }),
      ...trinoConfig(engines.trino, schema, problem),
      athena: {
        ...(glue !== undefined && { database: glue.database }),
        ...(glue?.region !== undefined && { region: glue.region }),
        ...engines.athena,
      },
    },
  };
}

function s3Config(
  { encryption: raw, ...s3 }: RawConfig['s3'],
  problem: (path: KeyPath, message: string) => void,
): Config['s3'] {
  const { type, ...keys } = sectionValues(encryption, raw);
  const at = (key: string): KeyPath => ['s3', 'encryption', key];
  const isKms = type === 'kms' || type === 'kms-dsse';
  if (keys.key !== undefined && !isKms) problem(at('key'), 'has a meaning only for encryption of type kms or kms-dsse');
  if (keys.bucketKey !== undefined && type !== 'kms')
    problem(at('bucket_key'), 'has a meaning only for encryption of type kms');
  return type === 'bucket' ? s3 : { ...s3, encryption: { type, ...keys } };
}

/** The catalog by its type, and its way to sign in by that one's. */
function catalogConfig(
  { type, auth, ...given }: RawConfig['catalog'],
  problem: (path: KeyPath, message: string) => void,
): CatalogConfig {
  const keys = auth === undefined ? given : { ...given, auth };
  checkKeysByType(['catalog'], 'catalog', type, keys, catalogKeys, neededCatalogKeys, problem);
  if (type !== 'rest') return { ...sectionValues({ properties: catalogKeys[type] }, given), type } as CatalogConfig;
  checkUrl(['catalog', 'uri'], given.uri, seeAuth, problem);
  return {
    ...sectionValues({ properties: catalogKeys.rest }, given),
    ...(auth !== undefined && { auth: restAuth(auth, problem) }),
    type,
  } as CatalogConfig;
}

function restAuth(
  { type, ...given }: NonNullable<RawConfig['catalog']['auth']>,
  problem: (path: KeyPath, message: string) => void,
): RestAuth {
  const at = ['catalog', 'auth'];
  checkKeysByType(at, 'sign-in', type, given, restAuthKeys, neededRestAuthKeys, problem);
  checkUrl([...at, 'token_uri'], (given as { readonly token_uri?: string }).token_uri, seeAuth, problem);
  return { ...sectionValues({ properties: restAuthKeys[type] }, given), type } as RestAuth;
}

const seeAuth = 'see catalog.auth';

/** `wayOut`: what to do instead of writing a user and a password into the URL. */
function checkUrl(
  at: KeyPath,
  url: string | undefined,
  wayOut: string,
  problem: (path: KeyPath, message: string) => void,
): void {
  if (url === undefined) return;
  if (!URL.canParse(url)) problem(at, 'is no URL');
  else if (new URL(url).username !== '' || new URL(url).password !== '')
    problem(at, `has a user or a password in it: ${wayOut}`);
}

/** Keys that another type has, and keys that are missing, are problems. */
function checkKeysByType<Type extends string>(
  at: KeyPath,
  what: string,
  type: Type,
  given: Readonly<Record<string, unknown>>,
  keysByType: Readonly<Record<Type, object>>,
  neededByType: Readonly<Record<Type, Readonly<Record<string, string>>>>,
  problem: (path: KeyPath, message: string) => void,
): void {
  for (const key of Object.keys(given)) {
    const types = (Object.keys(keysByType) as Type[]).filter((other) => key in keysByType[other]);
    if (!types.includes(type)) problem([...at, key], `has a meaning only for a ${what} of type ${types.join(' or ')}`);
  }
  for (const [key, name] of Object.entries(neededByType[type])) {
    if (given[key] === undefined) problem([...at, key], `is missing: a ${what} of type ${type} needs ${name}`);
  }
}

/** What speaks against putting rows of a batch aside there. */
function* spillProblems(
  spill: string | undefined,
  encoder: Config['output']['encoder'],
  places: readonly { readonly name: string; readonly location: string }[],
): Generator<string> {
  if (spill === undefined || !spill.startsWith('file://')) yield 'must be a folder of this machine';
  for (const { name, location } of places) {
    if (location !== '' && `${spill}/`.startsWith(location))
      yield `lies inside ${name}: what waits there would be taken for a part of it`;
  }
  if (encoder !== 'columnar') yield 'needs output.encoder: columnar';
}

/** host:port, with an IPv6 address in brackets; undefined for `off`. */
function listenAddress(text: string): { host: string; port: number } | undefined {
  if (text === 'off') return undefined;
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

/** Nothing where the section is empty; otherwise all of it has to be there. */
function trinoConfig(
  trino: Partial<TrinoConfig>,
  database: string | undefined,
  problem: (path: KeyPath, message: string) => void,
): Pick<Config['engines'], 'trino'> {
  if (Object.keys(trino).length === 0) return {};
  const { url = '', catalog = '', schema = database ?? '', user } = trino;
  const at = (key: string): KeyPath => ['engines', 'trino', key];
  if (url === '') problem(at('url'), 'is missing: the URL of the coordinator');
  else checkUrl(at('url'), url, 'write engines.trino.user, and set TRINO_PASSWORD', problem);
  if (catalog === '') problem(at('catalog'), 'is missing: the name of the catalog in Trino that has the tables');
  if (schema === '')
    problem(at('schema'), 'is missing: without a Glue database or a namespace, Trino has to be told the schema');
  return { trino: { url, catalog, schema, ...(user !== undefined && { user }) } };
}
