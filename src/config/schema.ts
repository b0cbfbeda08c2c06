/**
 * The configuration file as a JSON Schema: the one place where its keys, defaults and descriptions are declared. The
 * checks, the environment variables, `--set`, `init`'s commented example and docs/configuration all follow it.
 *
 * The keyword `unit` is our own: it reads `256MiB`, `10m` or `10,000` and puts the plain number in its place.
 */

export type Unit = 'size' | 'duration' | 'count' | 'boolean';

export interface ConfigSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ConfigSchema>>;
  readonly unit?: Unit;
  readonly default?: unknown;
  readonly [keyword: string]: unknown;
}

const size = (description: string, fallback: string, least: number): ConfigSchema => ({
  description,
  unit: 'size',
  least,
  default: fallback,
});

const count = (description: string, fallback: number, least = 1, most?: number): ConfigSchema => ({
  description,
  unit: 'count',
  least,
  ...(most === undefined ? {} : { most }),
  default: fallback,
});

const text = (description: string): ConfigSchema => ({ description, type: 'string', minLength: 1 });

const section = (description: string, properties: Record<string, ConfigSchema>): ConfigSchema => ({
  description,
  type: 'object',
  additionalProperties: false,
  default: {},
  properties,
});

export const scalarTypes = ['boolean', 'int', 'long', 'double', 'string', 'timestamp'] as const;
export const sourceTypes = ['opa', 'okera-audit'] as const;
export const encoders = ['columnar', 'parquetjs'] as const;

const promotedColumn: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'type'],
  properties: {
    path: text('dotted path from the root of the record; a segment with a dot in it is quoted: input."a.b"'),
    type: { description: 'column type', type: 'string', enum: scalarTypes },
    strict: {
      description: 'quarantine a record with another type there, instead of null',
      unit: 'boolean',
      default: false,
    },
  },
};

const source: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'type', 'location'],
  properties: {
    name: { ...text('name of the source, used with --source'), pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' },
    type: { description: 'what the objects hold', type: 'string', enum: sourceTypes },
    location: text('where its objects are: s3://bucket/prefix or a folder'),
    columns: {
      description: 'columns of your own, by name: a path inside the record and a type',
      type: 'object',
      default: {},
      propertyNames: { pattern: '^[a-z_][a-z0-9_]{0,127}$' },
      additionalProperties: promotedColumn,
    },
  },
};

export const configSchema: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['warehouse', 'sources'],
  properties: {
    warehouse: text('root of the tables: s3://bucket/prefix or a folder'),
    catalog: section('where the tables are registered', {
      type: { description: 'file, or glue', type: 'string', enum: ['file', 'glue'], default: 'file' },
      database: {
        description: 'Glue database, made if missing: lower-case letters, digits and _',
        type: 'string',
        pattern: '^[a-z0-9_]{1,255}$',
      },
      region: text('AWS region of the Glue catalog; otherwise the default chain'),
      endpoint: { ...text('endpoint of a Glue-compatible service'), pattern: '^https?://' },
    }),
    s3: section('S3 or an S3-compatible endpoint; credentials come from the AWS default chain, never from here', {
      endpoint: { ...text('endpoint of an S3-compatible service'), pattern: '^https?://' },
      region: text('AWS region of the buckets; otherwise the default chain'),
      forcePathStyle: {
        description: 'bucket in the path instead of the host name, as most S3-compatible services want',
        unit: 'boolean',
        default: false,
      },
    }),
    sources: { description: 'what to read', type: 'array', minItems: 1, items: source },
    limits: section('caps on what an outsider controls', {
      record_bytes: size('a larger record is quarantined', '16MiB', 1024),
      nesting_depth: count('a record nested deeper is quarantined', 512, 1, 4096),
      object_bytes: size('an object that decompresses to more is reported and left', '4GiB', 1024),
      compression_ratio: count('decompressed over stored bytes; an object past it is reported and left', 200, 2),
      days_per_batch: count('days that one batch of objects may spread over; further records are quarantined', 3660),
    }),
    batch: section('how much is read before a commit', {
      bytes: size('stored bytes of a batch', '256MiB', 1),
      objects: count('objects of a batch', 10_000, 1, 1_000_000),
      claim: {
        description: 'how long a claim holds before another run may take the batch over',
        unit: 'duration',
        least: 10,
        default: '10m',
      },
      downloads: count('objects downloaded at a time', 16, 1, 1024),
      download_bytes: size('bytes of bodies held in memory before they are parsed', '16MiB', 1 << 20),
      column_bytes: size('bytes of columns held in memory before files are written', '48MiB', 1 << 20),
    }),
    output: section('the data files', {
      encoder: { description: 'Parquet encoder', type: 'string', enum: encoders, default: 'columnar' },
      row_group_rows: count('rows of a row group, at most', 122_880),
      file_rows: count('rows of a file, at most', 2_000_000),
      compression_level: count('zstd level', 1, 1, 19),
      threads: count('worker threads that sort and encode, beside the one that reads', 1, 0, 64),
    }),
  },
};

/** Keys that hold one value and so can come from the environment or from --set: `batch.bytes` and the like. */
export function scalarKeys(): string[] {
  const keys: string[] = [];
  const walk = (schema: ConfigSchema, path: string): void => {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property.properties) walk(property, `${path}${name}.`);
      else if (property.type !== 'array') keys.push(path + name);
    }
  };
  walk(configSchema, '');
  return keys;
}

/** AUDIT_WAREHOUSE_BATCH_DOWNLOAD_BYTES for batch.download_bytes, AUDIT_WAREHOUSE_S3_FORCE_PATH_STYLE for s3.forcePathStyle. */
export const environmentName = (key: string): string =>
  `AUDIT_WAREHOUSE_${key
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
