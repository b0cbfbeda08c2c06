/**
 * Reads the configuration: flags over environment over file over defaults. All problems are gathered and thrown as one
 * ConfigError that names each key, its file and its line; nothing else has been read or written by then.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { SideSourceConfig, SourceConfig } from '../sources/config.ts';
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
import { checkAgainstSchema, formatKey, type KeyPath, type KeyProblem } from './check.ts';
import type { AthenaConfig, Config, DuckDbConfig, TrinoConfig } from './config.ts';
import { type ConfigDocument, givenDocument, mostDocumentBytes, readDocument } from './document.ts';
import { unknownVariables } from './environment.ts';
import { ConfigError, nearest } from './errors.ts';
import { type ConfigSchema, sectionValues } from './keys.ts';
import { overlap, sourceUri, warehouseUri, whyUnusable } from './locations.ts';
import { checkPromotedColumns, type ReservedColumns } from './promoted.ts';
import { configSchema, encryption, environmentName, scalarKeys, sections } from './schema.ts';
import { secretPlaceholder } from './secret.ts';
import { checkSideTables, eventSource, isEventSource, type RawSource, sideSource, tablesOf } from './sources.ts';
import { expandVariables } from './variables.ts';

export const defaultConfigFile = 'audit-warehouse.yaml';

/** More would divide the memory of columns into sets too small for good files. */
const mostDefaultThreads = 4;

export interface LoadOptions {
  /** The document itself, in place of a file. */
  readonly document?: object | undefined;
  /** The text of a file that lies somewhere else, and what it is called in messages. Relative places in it start at `cwd`. */
  readonly text?: { readonly content: string; readonly origin: string } | undefined;
  /** --config; otherwise AUDIT_WAREHOUSE_CONFIG, otherwise audit-warehouse.yaml in `cwd`. */
  readonly file?: string | undefined;
  /** `key=value`, as --set takes them. */
  readonly settings?: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Columns that a table has already, by source type. */
  readonly reserved: ReservedColumns;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the file that was read. */
  readonly file: string;
  /** Every value, in the order of the schema and the file. */
  readonly values: readonly ConfigValue[];
}

export interface ConfigValue {
  /** Dotted path, such as sources[0].location. */
  readonly key: string;
  /** As it was written, or the default. */
  readonly value: string;
  /** `audit-warehouse.yaml:12`, the name of a variable of the environment, `--set KEY` or `default`. */
  readonly from: string;
}

/** Throws ConfigError. Relative places in the file start at the folder of the file; those of flags and environment at `cwd`. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { shown, file, document } = openDocument(options);

  const origins = new Map<string, string>();
  const problems: { problem: KeyProblem; origin?: string }[] = [];
  const raw = document.data;
  // A group whose keys are all commented out is null in YAML: the same as leaving it out.
  for (const key of Object.keys(raw)) if (raw[key] === null) delete raw[key];
  acceptSnakeCase(raw);
  const unexpanded = new Map<string, KeyProblem>();
  const inFile = expandVariables(raw, options.env, (path, message) =>
    unexpanded.set(formatKey(path), { path, message }),
  );
  for (const { name, message } of unknownVariables(options.env, scalarKeys().map(environmentName), inFile))
    problems.push({ problem: { path: [], message }, origin: name });
  for (const { key, value, origin } of overrides(options, problems)) {
    if (setKey(raw, key, value)) origins.set(key, origin);
  }
  // What a flag or the environment gives instead is not missed.
  for (const [key, problem] of unexpanded) if (!origins.has(key)) problems.push({ problem });
  const given = structuredClone(raw);
  for (const problem of checkAgainstSchema(raw)) {
    if (!unexpanded.has(formatKey(problem.path))) problems.push({ problem });
  }

  const originOf = (path: KeyPath): string =>
    origins.get(formatKey(path)) ?? [shown, document.lineOf(path)].filter((part) => part !== undefined).join(':');
  const fail = (): never => {
    throw new ConfigError(
      problems.map(({ problem, origin }) => ({
        key: formatKey(problem.path),
        message: problem.message,
        origin: origin ?? originOf(problem.path),
      })),
    );
  };
  if (problems.length > 0) fail();
  const folder = dirname(file);
  const config = toConfig(
    raw as unknown as RawConfig,
    origins.has('warehouse') ? options.cwd : folder,
    folder,
    (path, message) => problems.push({ problem: { path, message } }),
  );
  const events = (raw as unknown as RawConfig).sources.flatMap((source, i) => (isEventSource(source) ? [i] : []));
  for (const { path, message } of checkPromotedColumns(config, options.reserved)) {
    const [list, i, ...rest] = path;
    problems.push({ problem: { path: [list!, events[i as number]!, ...rest], message } });
  }
  if (problems.length > 0) fail();
  const values = leavesOf(raw).map(([path, value]): ConfigValue => {
    const asWritten = path.reduce<unknown>(
      (group, name) => (group as Record<string, unknown> | undefined)?.[name],
      given,
    );
    const schema = schemaOf(path);
    const shownValue = schema?.secret ? secretPlaceholder : (asWritten ?? schema?.default ?? value);
    return {
      key: formatKey(path),
      value: typeof shownValue === 'object' ? JSON.stringify(shownValue) : String(shownValue),
      from: asWritten === undefined ? 'default' : originOf(path),
    };
  });
  return { config, file, values };
}

/** undefined for what is in a list or under a key of the user's own. */
function schemaOf(path: KeyPath): ConfigSchema | undefined {
  let schema: ConfigSchema | undefined = configSchema;
  for (const name of path) schema = schema?.properties?.[name];
  return schema;
}

/** What is in there that is not a group; a list of plain values is one value. */
function leavesOf(group: object, path: KeyPath = []): [KeyPath, unknown][] {
  return Object.entries(group).flatMap(([name, value]): [KeyPath, unknown][] => {
    const at = [...path, Array.isArray(group) ? Number(name) : name];
    const isGroup =
      typeof value === 'object' && value !== null && Object.values(value).some((one) => typeof one === 'object');
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup || isSection ? leavesOf(value, at) : [[at, value]];
  });
}

/** `forcePathStyle` is the only key in camel case (the AWS SDK's name); it may be spelt like all the others too. */
function acceptSnakeCase(raw: Record<string, unknown>): void {
  const s3 = raw.s3;
  if (typeof s3 !== 'object' || s3 === null || !('force_path_style' in s3) || 'forcePathStyle' in s3) return;
  Object.assign(s3, { forcePathStyle: s3.force_path_style });
  delete s3.force_path_style;
}

/** No more than may be parsed: what is named may be a device, or a pipe that never ends. */
function readText(file: string): string {
  const bytes = Buffer.alloc(mostDocumentBytes + 1);
  const descriptor = openSync(file, 'r');
  let length = 0;
  try {
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(descriptor, bytes, length, bytes.length - length, null);
  } finally {
    closeSync(descriptor);
  }
  if (length === bytes.length) throw new Error(`it is larger than the ${mostDocumentBytes} bytes of a configuration`);
  return bytes.toString('utf8', 0, length);
}

function openDocument(options: LoadOptions): { shown: string; file: string; document: ConfigDocument } {
  if (options.document !== undefined) {
    const shown = 'configuration';
    return { shown, file: resolve(options.cwd, shown), document: givenDocument(options.document) };
  }
  if (options.text !== undefined) {
    const { content, origin } = options.text;
    return { shown: origin, file: resolve(options.cwd, defaultConfigFile), document: readDocument(content, origin) };
  }
  const shown = options.file ?? options.env.AUDIT_WAREHOUSE_CONFIG ?? defaultConfigFile;
  const file = resolve(options.cwd, shown);
  return { shown, file, document: readDocument(readConfigFile(file, shown), shown) };
}

function readConfigFile(file: string, shown: string): string {
  try {
    return readText(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const message =
      code === 'ENOENT'
        ? `there is no such file; write one with "audit-warehouse init${shown === defaultConfigFile ? '' : ` --output ${shown}`}", or name another with --config`
        : `the file cannot be read (${code ?? (error as Error).message})`;
    throw new ConfigError([{ key: '', message, origin: shown }], { cause: error });
  }
}

interface Override {
  readonly key: string;
  readonly value: string;
  readonly origin: string;
}

/** In rising order of precedence. */
function overrides(options: LoadOptions, problems: { problem: KeyProblem; origin?: string }[]): Override[] {
  const keys = scalarKeys();
  const found: Override[] = [];
  for (const key of keys) {
    const name = environmentName(key);
    const value = options.env[name];
    if (value !== undefined && value !== '') found.push({ key, value, origin: name });
  }
  for (const setting of options.settings ?? []) {
    const at = setting.indexOf('=');
    const key = at < 0 ? setting : setting.slice(0, at);
    const origin = `--set ${key}`;
    if (at > 0 && keys.includes(key)) {
      found.push({ key, value: setting.slice(at + 1), origin });
      continue;
    }
    const near = nearest(key, keys);
    const message =
      at < 1
        ? 'is not of the form key=value'
        : `unknown key; ${near ? `did you mean ${near}?` : `known: ${keys.join(', ')}`}`;
    problems.push({ problem: { path: [key], message }, origin });
  }
  return found;
}

/** false where a group of the key is something else in the file: the check of the schema will say so. */
function setKey(raw: Record<string, unknown>, key: string, value: string): boolean {
  const parts = key.split('.');
  const last = parts.pop()!;
  let group = raw;
  for (const part of parts) {
    const next = group[part] ?? {};
    if (typeof next !== 'object' || Array.isArray(next)) return false;
    group[part] = next;
    group = next as Record<string, unknown>;
  }
  group[last] = value;
  return true;
}

/** What the schema has checked and filled: every key with a default is there. */
interface RawConfig extends Readonly<Record<keyof typeof sections, Readonly<Record<string, unknown>>>> {
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

function toConfig(
  raw: RawConfig,
  warehouseFolder: string,
  folder: string,
  problem: (path: KeyPath, message: string) => void,
): Config {
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
  for (const table of Object.keys(raw.retention)) {
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
    if (isFile(path) ? !path.endsWith('.sql') : !existsSync(path))
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
  checkUrl(['catalog', 'uri'], given.uri, problem);
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
  checkUrl([...at, 'token_uri'], (given as { readonly token_uri?: string }).token_uri, problem);
  return { ...sectionValues({ properties: restAuthKeys[type] }, given), type } as RestAuth;
}

function checkUrl(at: KeyPath, url: string | undefined, problem: (path: KeyPath, message: string) => void): void {
  if (url === undefined) return;
  if (!URL.canParse(url)) problem(at, 'is no URL');
  else if (new URL(url).username !== '' || new URL(url).password !== '')
    problem(at, 'has a user or a password in it: see catalog.auth');
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
  else if (!URL.canParse(url)) problem(at('url'), 'is no URL');
  else if (new URL(url).username !== '' || new URL(url).password !== '') {
    problem(at('url'), 'has a user or a password in it: write engines.trino.user, and set TRINO_PASSWORD');
  }
  if (catalog === '') problem(at('catalog'), 'is missing: the name of the catalog in Trino that has the tables');
  if (schema === '')
    problem(at('schema'), 'is missing: without a Glue database or a namespace, Trino has to be told the schema');
  return { trino: { url, catalog, schema, ...(user !== undefined && { user }) } };
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
