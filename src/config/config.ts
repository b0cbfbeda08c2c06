import type { Limits } from '../records/limits.ts';
import type { SideSourceConfig, SourceConfig } from '../sources/config.ts';
import type { CatalogConfig } from './catalogs.ts';
import type { SectionValues } from './keys.ts';
import type { encryptions, sections } from './schema.ts';

/**
 * The configuration after defaults: what every job is given. `load.ts` reads it from YAML, environment and flags and
 * names the key of whatever is wrong before anything else is done.
 */
export interface Config {
  /** Root of the tables: s3://bucket/prefix or file:///path, without trailing slash. */
  readonly warehouse: string;
  readonly catalog: CatalogConfig;
  readonly s3: S3Config;
  /** Sources of events. */
  readonly sources: readonly SourceConfig[];
  /** Sources of side tables, under `sources` in the file too. */
  readonly sideSources: readonly SideSourceConfig[];
  /** Whose records steward_audit_logs shows to whom. */
  readonly stewards: readonly StewardConfig[];
  /** Folders with questions of your own, and single files of them: absolute paths. */
  readonly queries: readonly string[];
  readonly limits: Limits;
  readonly batch: BatchConfig;
  readonly output: OutputConfig;
  readonly worker: WorkerConfig;
  readonly compact: CompactConfig;
  readonly engines: EnginesConfig;
  readonly expire: ExpireConfig;
  /** Seconds that a table keeps its days, by table. */
  readonly retention: Readonly<Record<string, number>>;
}

export interface S3Config {
  readonly endpoint?: string;
  readonly region?: string;
  readonly forcePathStyle: boolean;
  /** Of everything that is written; without it as the bucket says. */
  readonly encryption?: EncryptionConfig;
}

export interface EncryptionConfig {
  readonly type: Exclude<(typeof encryptions)[number], 'bucket'>;
  /** ARN or id of a KMS key. */
  readonly key?: string;
  readonly bucketKey?: boolean;
}

/** Who administers which objects of Okera: a user, or the members of a group. */
export interface StewardConfig {
  readonly user?: string;
  readonly group?: string;
  /** Databases, tables and views as database.name, or * for everything; at least one. */
  readonly objects: readonly string[];
}

/** Batches worked on at a time (`threads`) share the bytes of bodies, columns and identities. */
export type BatchConfig = Omit<Values<'batch'>, 'threads' | 'spill'> & {
  /** 1 is the main thread. */
  readonly threads: number;
  /** Folder to which rows are spilled that outgrow the columns, as a URI without trailing slash; otherwise they become files. */
  readonly spill?: string;
};

/** Where queries can run besides here. Secrets are not among this: they come from the environment only. */
export interface EnginesConfig {
  readonly duckdb?: DuckDbConfig;
  readonly trino?: TrinoConfig;
  readonly athena: AthenaConfig;
}

export interface DuckDbConfig {
  /** What current_user is in SQL; otherwise the user of the operating system. */
  readonly user?: string;
}

export interface TrinoConfig {
  readonly url: string;
  readonly catalog: string;
  readonly schema: string;
  readonly user?: string;
}

export interface AthenaConfig {
  /** Athena's data source. */
  readonly catalog: string;
  readonly database?: string;
  readonly workgroup?: string;
  /** s3://bucket/prefix/ for results. */
  readonly output?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

export type OutputConfig = Values<'output'>;

/** When a day is compacted, and how its files are written. */
export type CompactConfig = Omit<Values<'compact'>, 'spill'> & {
  /** Where sorted runs of a day larger than `memoryBytes` are put, as a URI without trailing slash. */
  readonly spill: string;
};

/** How the worker follows its sources. */
export type WorkerConfig = Omit<Values<'worker'>, 'listen'> & {
  /** host:port of metrics and health; undefined: none. */
  readonly listen?: { readonly host: string; readonly port: number };
};

/** What the expire command may remove. */
export type ExpireConfig = Values<'expire'>;

type Values<Section extends keyof typeof sections> = SectionValues<(typeof sections)[Section]['properties']>;
