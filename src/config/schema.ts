/**
 * The configuration file as a JSON Schema: the one place where its keys, defaults and descriptions are declared. The
 * checks, the environment variables, `--set`, `init`'s commented example and the configuration of the program follow it.
 */

import { ignorable, sideSourceTypes } from '../sources/config.ts';
import { mappedTypes, shapeNames } from '../sources/opa/shapes.ts';
import { eventSourceTypes } from '../sources/registry.ts';
import { conditions } from '../tables/mapping.ts';
import { identityTables } from '../tables/names.ts';
import { promotedTypes } from '../tables/promoted.ts';
import { catalogKeys, catalogTypes } from './catalogs.ts';
import { type ConfigSchema, choice, count, duration, flag, type Key, section, size, text } from './keys.ts';

export const sourceTypes = [...eventSourceTypes, ...sideSourceTypes] as const;
export const encoders = ['columnar', 'parquetjs'] as const;

/** Goes into SQL that every engine has to read. */
const principal = (description: string): ConfigSchema => ({
  ...text(description),
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$',
});

/** Goes into a header as it is. */
const headerText = (description: string): ConfigSchema => ({ ...text(description), pattern: '^[!-~]([ -~]*[!-~])?$' });

/** Which of the keys a source of each type may have is in sources.ts. */
const sourceColumn: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['type'],
  properties: {
    path: text('dotted path from the root of the record; a segment with a dot in it is quoted: input."a.b"'),
    from: text("header of a CSV, or dotted path in a JSON object, where it is not the column's name"),
    type: { description: 'column type; lists only of events', type: 'string', enum: promotedTypes },
    strict: { description: 'quarantine a record with another type there, instead of null', unit: 'boolean' },
    required: { description: 'quarantine a row without a value', unit: 'boolean' },
  },
};

const globs: ConfigSchema = { type: 'array', minItems: 1, maxItems: 256, items: { type: 'string', minLength: 1 } };

/**
 * For keys that take one value or a list. sources.ts checks them, since it can name the entry that is wrong; the keyword
 * `editors` has what an editor should know.
 */
const oneOrSome = (one: ConfigSchema): ConfigSchema => ({ anyOf: [one, { type: 'array', minItems: 1, items: one }] });

const fieldForEditors: ConfigSchema = {
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      additionalProperties: false,
      required: ['path'],
      properties: {
        path: { type: 'string' },
        is: { enum: [...conditions, true, false] },
        join: { type: 'string' },
        lead: { type: 'string' },
      },
    },
  ],
};

const source: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'type', 'location'],
  properties: {
    name: { ...text('name of the source, used with --source'), pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' },
    type: { description: 'what the objects hold', type: 'string', enum: sourceTypes },
    location: text('where its objects are: s3://bucket/prefix or a folder'),
    queue: {
      ...text('SQS queue that the bucket sends its events to (URL), for the worker; otherwise it lists the location'),
      pattern: '^https?://[^/?#]+/[^?#]+$',
    },
    include: {
      description: 'globs on the key below the location, such as **/*.log.gz; without it everything counts',
      ...globs,
    },
    exclude: { description: 'globs of what does not count, among what include matches', ...globs },
    expect: {
      description: 'how old the newest event of the source may be, such as 1h; nothing newer than this is a failure',
      unit: 'duration',
      least: 1,
    },
    sequence: {
      description: 'what its request numbers say of records that never arrived (docs/completeness.md)',
      type: 'object',
      additionalProperties: false,
      properties: {
        tolerate: {
          description:
            'share of the records of an instance and day that may be missing before verify --producers fails',
          unit: 'share',
          most: 1,
          default: '1%',
        },
        ignore: {
          description:
            'requests on the same port that use a number and make no record; [] says that there are none, so that every gap counts',
          type: 'array',
          items: { type: 'string', enum: ignorable },
          default: [...ignorable],
        },
      },
    },
    shape: {
      description: `where its records have the standard columns: ${shapeNames.join(', ')}, or a list to try in order`,
      editors: oneOrSome({ type: 'string', enum: shapeNames }),
    },
    fields: {
      description: 'the same for single standard columns: a path, or a list in which the first path that exists wins',
      type: 'object',
      editors: {
        additionalProperties: false,
        properties: Object.fromEntries(Object.keys(mappedTypes).map((column) => [column, oneOrSome(fieldForEditors)])),
      },
    },
    columns: {
      description: 'columns of your own, by name: where the value stands and its type',
      type: 'object',
      default: {},
      propertyNames: { pattern: '^[a-z_][a-z0-9_]{0,127}$' },
      additionalProperties: sourceColumn,
    },
    table: { ...text('name of the table, for type reference'), pattern: '^[a-z][a-z0-9_]{0,127}$' },
    tables: {
      description: 'table by prefix below the location, for type okera-identities',
      type: 'object',
      additionalProperties: { description: 'one of its tables', type: 'string', enum: identityTables },
    },
  },
};

/** Sections with one value under each key; `Config` has what becomes of them. */
export const sections = {
  limits: section('caps on what an outsider controls', {
    record_bytes: size('a larger record is quarantined', '16MiB', 1024),
    nesting_depth: count('a record nested deeper is quarantined', 512, 1, 4096),
    object_bytes: size('an object that decompresses to more is reported and left', '4GiB', 1024),
    compression_ratio: count('decompressed over stored bytes; an object past it is reported and left', 200, 2),
    rejected_records: count('an object with more records to quarantine is reported and left', 4_000_000),
    days_per_batch: count('days that one batch of objects may spread over; further records are quarantined', 3660),
  }),
  batch: section('how much is read before a commit', {
    bytes: size('stored bytes of a batch', '256MiB', 1),
    objects: count('objects of a batch', 10_000, 1, 1_000_000),
    claim: duration('how long a claim holds before another run may take the batch over', '10m', 10),
    downloads: count('objects downloaded at a time', 128, 1, 1024),
    download_bytes: size('bytes of bodies held in memory before they are parsed', '32MiB', 1 << 20),
    column_bytes: size('bytes of columns held in memory before files are written', '32MiB', 1 << 20),
    identity_bytes: size(
      'bytes of memory to find duplicates within a batch, some 24 a record; those further apart are left to compaction',
      '32MiB',
      1 << 20,
    ),
    threads: {
      description: 'batches worked on at a time, each on a thread; without it as many as there are CPUs, up to 4',
      unit: 'count',
      least: 1,
      most: 64,
      examples: [2],
    } as Key<number, '', false>,
    spill: {
      ...text(
        'folder where rows wait that outgrow column_bytes, for one sorted file a day and batch; without it they become several files',
      ),
      examples: ['/var/tmp'],
    },
  }),
  output: section('the data files', {
    encoder: choice('Parquet encoder', encoders, 'columnar'),
    row_group_rows: count('rows of a row group, at most', 122_880),
    file_rows: count('rows of a file, at most', 2_000_000),
    compression_level: count('zstd level', 1, 1, 19),
  }),
  expire: section('what the expire command may remove', {
    snapshots: duration('a snapshot older than this is expired; time travel ends there', '5d', 3600),
    keep_snapshots: count('the newest so many snapshots of a table stay in any case', 10),
    grace: duration('a file that nothing needs is deleted once it is older than this', '3d', 3600),
  }),
  compact: section('when the compact command rewrites a day, and how', {
    target_bytes: size('a data file is cut at this size', '64MiB', 1 << 16),
    small_files: count('a day is compacted with this many files below a quarter of that', 4, 2),
    excess_files: count('or with this many more files than its bytes need', 8, 2),
    unsorted_percent: count('or with this share of its bytes in files that were not compacted yet', 10, 1, 100),
    find_duplicates: flag('look through other days with new files for records that are there twice', true),
    row_group_rows: count('rows of a row group, at most', 20_480, 1000),
    compression_level: count('zstd level', 9, 1, 19),
    memory: size('bytes of columns held in memory; a larger day is sorted in runs', '512MiB', 1 << 20),
    part_bytes: size(
      'job plan --compact cuts a day with more bytes to rewrite into parts of about this size, by time',
      '2GiB',
      1 << 16,
    ),
    spill: {
      ...text('folder or s3://bucket/prefix for those runs; otherwise the folder for temporary files'),
      examples: ['/var/tmp'],
    },
    clustering: {
      description: 'order of rows by table, where it should be another: columns, or hour(column) of a timestamp',
      type: 'object',
      default: {},
      propertyNames: { pattern: '^[a-z0-9_]{1,255}$' },
      additionalProperties: { type: 'array', minItems: 1, items: text('a column, or hour(column)') },
    } as Key<Readonly<Record<string, readonly string[]>>, '', true>,
  }),
  worker: section('how the worker follows the sources', {
    batch_age: duration('a batch is committed when its oldest object has waited this long', '30s', 0),
    commit_interval: duration('least time between two snapshots of a source, but for full batches', '5m', 0),
    poll_interval: duration('between two listings of a source without a queue', '1m', 0.1),
    look_back: duration('how much later than newer ones an object of an EOPA instance may come in', '2h', 0),
    okera_look_back: duration('the same for the days of Okera, whose files also grow', '7d', 0),
    relist: duration('between two listings of everything, for what came later than that', '1d', 1),
    visibility: duration('how long a received message stays hidden; extended while it is held', '2m', 10, 43_200),
    tries: count('an object that could not be read so many times is set aside until it changes', 10, 1, 1000),
    shutdown: duration('how long a stopped worker may take to finish its current batch', '1m', 0),
    listen: {
      description: 'host:port of /metrics, /healthz and /readyz, or off',
      type: 'string',
      minLength: 1,
      pattern: '^(off|[^\\s:]+:\\d{1,5}|\\[[0-9a-fA-F:.]+\\]:\\d{1,5})$',
      default: '127.0.0.1:9464',
    } as Key<string, '', true>,
  }),
};

export const encryptions = ['bucket', 's3', 'kms', 'kms-dsse'] as const;

/** How S3 keeps what is written. */
export const encryption = section('encryption of what is written to S3', {
  type: choice('bucket: as the bucket says; s3: keys of S3; kms or kms-dsse: a key of AWS KMS', encryptions, 'bucket'),
  key: {
    ...text('ARN or id of the KMS key; otherwise the one that AWS manages for S3'),
    pattern: '^[A-Za-z0-9:/_-]{1,2048}$',
  } as Key<string, '', false>,
  bucket_key: {
    description: 'ask KMS once for many objects; otherwise as the bucket says',
    unit: 'boolean',
  } as Key<boolean, '', false>,
});

export const configSchema: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['warehouse', 'sources'],
  properties: {
    warehouse: text('root of the tables: s3://bucket/prefix or a folder'),
    catalog: section('where the tables are registered', {
      type: choice(catalogTypes.join(', '), catalogTypes, 'file'),
      ...Object.assign({}, ...Object.values(catalogKeys)),
    }),
    s3: section('S3 or an S3-compatible endpoint; credentials come from the AWS default chain, never from here', {
      endpoint: { ...text('endpoint of an S3-compatible service'), pattern: '^https?://' },
      region: text('AWS region of the buckets; otherwise the default chain'),
      forcePathStyle: {
        description: 'bucket in the path instead of the host name, as most S3-compatible services want',
        unit: 'boolean',
        default: false,
      },
      encryption,
    }),
    sources: { description: 'what to read', type: 'array', minItems: 1, maxItems: 1000, items: source },
    stewards: {
      description: 'who administers what in Okera: whose records the view steward_audit_logs shows to whom',
      type: 'array',
      default: [],
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['objects'],
        properties: {
          user: principal('name of a user, as the query engine has it in current_user'),
          group: principal('name of a group in Okera; applies to everyone who was last observed in it'),
          objects: {
            description: 'databases, tables and views (database.name), or "*" for everything',
            type: 'array',
            minItems: 1,
            items: { ...text('an object'), pattern: '^(\\*|[\\w-]+(\\.[\\w-]+)?)$' },
          },
        },
      },
    },
    queries: {
      description: 'questions of your own: folders of .sql files, or single files (docs/queries.md)',
      type: 'array',
      default: [],
      maxItems: 100,
      items: text('a folder, or an .sql file'),
    },
    limits: sections.limits,
    batch: sections.batch,
    output: sections.output,
    expire: sections.expire,
    retention: {
      description: 'how long a table keeps its days, by table; expire removes older ones. Without it all stay',
      type: 'object',
      default: {},
      propertyNames: { pattern: '^[a-z0-9_]{1,255}$' },
      additionalProperties: { description: 'how long', unit: 'duration', least: 86_400 },
    },
    compact: sections.compact,
    worker: sections.worker,
    engines: section('where queries can run besides here', {
      duckdb: section('DuckDB, in process', {
        user: text('what current_user is in SQL; otherwise the user of the operating system'),
      }),
      trino: section('Trino; secrets come from TRINO_PASSWORD or TRINO_ACCESS_TOKEN, never from here', {
        url: { ...text('URL of the coordinator'), pattern: '^https?://' },
        catalog: headerText('catalog that has the tables'),
        schema: headerText('schema of the tables; otherwise catalog.database'),
        user: headerText('user that queries run as; otherwise audit-warehouse'),
      }),
      athena: section('Amazon Athena; credentials come from the AWS default chain', {
        workgroup: text('work group; otherwise primary'),
        output: {
          ...text('where results go, s3://bucket/prefix/; otherwise as the work group says'),
          pattern: '^s3://',
        },
        catalog: { ...text('data source'), default: 'AwsDataCatalog' },
        database: text('database of the tables; otherwise catalog.database'),
        region: text('AWS region; otherwise catalog.region, otherwise the default chain'),
        endpoint: { ...text('endpoint of an Athena-compatible service'), pattern: '^https?://' },
      }),
    }),
  },
};

/** Keys that hold one value and so can come from the environment or from --set: `batch.bytes` and the like. */
export const scalarKeys = (): string[] => leafKeys(({ type }) => type !== 'array' && type !== 'object');

/** Lists, and groups whose names are the user's own: only the file can give them. */
export const groupKeys = (): string[] => leafKeys(({ type }) => type === 'array' || type === 'object');

function leafKeys(isWanted: (property: ConfigSchema) => boolean): string[] {
  const keys: string[] = [];
  const walk = (schema: ConfigSchema, path: string): void => {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property.properties) walk(property, `${path}${name}.`);
      else if (isWanted(property)) keys.push(path + name);
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
