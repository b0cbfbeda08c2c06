/**
 * Reads the configuration: flags over environment over file over defaults. All problems are gathered and thrown as one
 * ConfigError that names each key, its file and its line; nothing else has been read or written by then.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkAgainstSchema, formatKey, type KeyPath, type KeyProblem } from './check.ts';
import type { Config, SourceConfig } from './config.ts';
import { readDocument } from './document.ts';
import { ConfigError, nearest } from './errors.ts';
import { overlap, sourceUri, warehouseUri } from './locations.ts';
import { checkPromotedColumns, type ReservedColumns } from './promoted.ts';
import { environmentName, scalarKeys } from './schema.ts';

export const defaultConfigFile = 'audit-warehouse.yaml';

export interface LoadOptions {
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
}

/** Throws ConfigError. Relative places in the file start at the folder of the file; those of flags and environment at `cwd`. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const named = options.file ?? options.env.AUDIT_WAREHOUSE_CONFIG;
  const shown = named ?? defaultConfigFile;
  const file = resolve(options.cwd, shown);
  const document = readDocument(readConfigFile(file, shown), shown);

  const origins = new Map<string, string>();
  const problems: { problem: KeyProblem; origin?: string }[] = [];
  const raw = document.data;
  // A group whose keys are all commented out is null in YAML: the same as leaving it out.
  for (const key of Object.keys(raw)) if (raw[key] === null) delete raw[key];
  acceptSnakeCase(raw);
  for (const { key, value, origin } of overrides(options, problems)) {
    if (setKey(raw, key, value)) origins.set(key, origin);
  }
  for (const problem of checkAgainstSchema(raw)) problems.push({ problem });

  const originOf = (path: KeyPath): string => origins.get(formatKey(path)) ?? `${shown}:${document.lineOf(path)}`;
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
  for (const problem of checkPromotedColumns(config, options.reserved)) problems.push({ problem });
  if (problems.length > 0) fail();
  return { config, file };
}

/** `forcePathStyle` is the only key in camel case (the AWS SDK's name); it may be spelt like all the others too. */
function acceptSnakeCase(raw: Record<string, unknown>): void {
  const s3 = raw.s3;
  if (typeof s3 !== 'object' || s3 === null || !('force_path_style' in s3) || 'forcePathStyle' in s3) return;
  Object.assign(s3, { forcePathStyle: s3.force_path_style });
  delete s3.force_path_style;
}

function readConfigFile(file: string, shown: string): string {
  try {
    return readFileSync(file, 'utf8');
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
interface RawConfig {
  readonly warehouse: string;
  readonly catalog: {
    readonly type: 'file' | 'glue';
    readonly database?: string;
    readonly region?: string;
    readonly endpoint?: string;
  };
  readonly s3: Config['s3'];
  readonly sources: readonly (SourceConfig & { readonly columns: SourceConfig['columns'] })[];
  readonly limits: Readonly<
    Record<'record_bytes' | 'nesting_depth' | 'object_bytes' | 'compression_ratio' | 'days_per_batch', number>
  >;
  readonly batch: Readonly<
    Record<'bytes' | 'objects' | 'claim' | 'downloads' | 'download_bytes' | 'column_bytes', number>
  >;
  readonly output: Readonly<Record<'row_group_rows' | 'file_rows' | 'compression_level' | 'threads', number>> &
    Pick<Config['output'], 'encoder'>;
}

function toConfig(
  raw: RawConfig,
  warehouseFolder: string,
  folder: string,
  problem: (path: KeyPath, message: string) => void,
): Config {
  const usable = 'is not a place that can be used: write s3://bucket/prefix or a folder';
  const warehouse = warehouseUri(raw.warehouse, warehouseFolder) ?? '';
  if (warehouse === '') problem(['warehouse'], usable);

  const sources = raw.sources.map((source, i): SourceConfig => {
    const location = sourceUri(source.location, folder, isFile);
    if (location === undefined) problem(['sources', i, 'location'], usable);
    return { name: source.name, type: source.type, location: location ?? '', columns: source.columns };
  });
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

  const { database, ...service } = raw.catalog;
  if (raw.catalog.type === 'glue' && database === undefined) {
    problem(['catalog', 'database'], 'is missing: a catalog of type glue needs the name of a database');
  }
  if (raw.catalog.type === 'file') {
    for (const key of ['database', 'region', 'endpoint'] as const) {
      if (raw.catalog[key] !== undefined) problem(['catalog', key], 'has a meaning only for a catalog of type glue');
    }
  }
  const { limits, batch, output } = raw;
  return {
    warehouse,
    catalog: raw.catalog.type === 'glue' ? { ...service, type: 'glue', database: database ?? '' } : { type: 'file' },
    s3: raw.s3,
    sources,
    limits: {
      recordBytes: limits.record_bytes,
      nestingDepth: limits.nesting_depth,
      objectBytes: limits.object_bytes,
      compressionRatio: limits.compression_ratio,
      daysPerBatch: limits.days_per_batch,
    },
    batch: {
      bytes: batch.bytes,
      objects: batch.objects,
      claimSeconds: batch.claim,
      downloads: batch.downloads,
      downloadBytes: batch.download_bytes,
      columnBytes: batch.column_bytes,
    },
    output: {
      encoder: output.encoder,
      rowGroupRows: output.row_group_rows,
      fileRows: output.file_rows,
      compressionLevel: output.compression_level,
      threads: output.threads,
    },
  };
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
