/**
 * Reads the configuration: flags over environment over file over defaults. All problems are gathered and thrown as one
 * ConfigError that names each key, its file and its line; nothing else has been read or written by then.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { checkAgainstSchema, formatKey, type KeyPath, type KeyProblem } from './check.ts';
import type { Config } from './config.ts';
import { type ConfigDocument, givenDocument, mostDocumentBytes, readDocument } from './document.ts';
import { unknownVariables } from './environment.ts';
import { ConfigError, nearest } from './errors.ts';
import type { ConfigSchema } from './keys.ts';
import { checkPromotedColumns, type ReservedColumns } from './promoted.ts';
import { configSchema, environmentName, groupKeys, scalarKeys } from './schema.ts';
import { secretPlaceholder } from './secret.ts';
import { isEventSource } from './sources.ts';
import { type RawConfig, toConfig } from './to-config.ts';
import { expandVariables } from './variables.ts';

export const defaultConfigFile = 'audit-warehouse.yaml';

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
    look,
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
  const shown = options.file ?? (options.env.AUDIT_WAREHOUSE_CONFIG || defaultConfigFile);
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
    const group = groupKeys().find((name) => key === name || key.startsWith(`${name}.`) || key.startsWith(`${name}[`));
    const message =
      at < 1
        ? 'is not of the form key=value'
        : group !== undefined
          ? `only the file can give ${group}`
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

function look(path: string): 'file' | 'other' | 'nothing' {
  try {
    return statSync(path).isFile() ? 'file' : 'other';
  } catch {
    return 'nothing';
  }
}
