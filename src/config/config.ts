import type { Limits } from '../records/limits.ts';
import type { SideSourceConfig, SourceConfig } from '../sources/config.ts';

/**
 * The configuration after defaults: what every job is given. `load.ts` reads it from YAML, environment and flags and
 * names the key of whatever is wrong before anything else is done.
 */
export interface Config {
  /** Root of the tables: s3://bucket/prefix or file:///path, without trailing slash. */
  readonly warehouse: string;
  readonly catalog: { readonly type: 'file' } | GlueConfig;
  readonly s3: S3Config;
  /** Sources of events. */
  readonly sources: readonly SourceConfig[];
  /** Sources of side tables, under `sources` in the file too. */
  readonly sideSources: readonly SideSourceConfig[];
  /** Whose records steward_audit_logs shows to whom. */
  readonly stewards: readonly StewardConfig[];
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

export interface GlueConfig {
  readonly type: 'glue';
  readonly database: string;
  readonly region?: string;
  readonly endpoint?: string;
}

export interface S3Config {
  readonly endpoint?: string;
  readonly region?: string;
  readonly forcePathStyle: boolean;
}

/** Who administers which objects of Okera: a user, or whoever is in a group. */
export interface StewardConfig {
  readonly user?: string;
  readonly group?: string;
  /** Databases, tables and views as database.name, or * for everything; at least one. */
  readonly objects: readonly string[];
}

export interface BatchConfig {
  /** A batch closes on stored bytes or number of objects, whichever comes first. */
  readonly bytes: number;
  readonly objects: number;
  /** How long a claim holds before another run may take the batch over, in seconds. */
  readonly claimSeconds: number;
  readonly downloads: number;
  /** Bytes of bodies held in memory before they are parsed. */
  readonly downloadBytes: number;
  /** Bytes of columns held in memory before a run of files is written. */
  readonly columnBytes: number;
  /** Batches worked on at a time, each on a thread of its own; 1 is the main thread. Bodies and columns are for all together. */
  readonly threads: number;
  /** Folder where rows are put aside that outgrow the columns, as a URI without trailing slash; otherwise they become files. */
  readonly spill?: string;
}

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

export interface OutputConfig {
  readonly encoder: 'columnar' | 'parquetjs';
  readonly rowGroupRows: number;
  /** Rows of a data file, at most. */
  readonly fileRows: number;
  readonly compressionLevel: number;
}

/** When a day is compacted, and how its files are written. */
export interface CompactConfig {
  /** A data file is cut when it has reached this size. */
  readonly targetBytes: number;
  /** A day is compacted with this many files below a quarter of the target size, */
  readonly smallFiles: number;
  /** with this many more files than its bytes need, */
  readonly excessFiles: number;
  /** with this share of its bytes, in percent, in files that no compaction has written in the present order, */
  readonly unsortedPercent: number;
  /** and, where it has any such file, with a record that is there twice. */
  readonly findDuplicates: boolean;
  readonly rowGroupRows: number;
  readonly compressionLevel: number;
  /** Bytes of columns held in memory; what is larger is sorted in runs. */
  readonly memoryBytes: number;
  /** Where those runs are put, as a URI without trailing slash. */
  readonly spill: string;
  /** Order of rows by table, where it is not the table's own: columns, or hour(column) of a timestamp. */
  readonly clustering: Readonly<Record<string, readonly string[]>>;
}

/** How the worker follows its sources. Times are in seconds. */
export interface WorkerConfig {
  /** A batch is committed when its oldest object has waited this long, however few objects it has. */
  readonly batchAgeSeconds: number;
  /** Least time between two snapshots of a source that are not full batches. */
  readonly commitIntervalSeconds: number;
  /** Between two listings of a source without a queue. */
  readonly pollIntervalSeconds: number;
  /** How much older than its neighbours an object of an Enterprise OPA instance may come in and be found by the next listing. */
  readonly lookBackSeconds: number;
  /** The same for the days of Okera, whose files also grow. */
  readonly okeraLookBackSeconds: number;
  /** Between two listings of everything. */
  readonly relistSeconds: number;
  /** How long a message that was received stays hidden from others; extended while it is held. */
  readonly visibilitySeconds: number;
  /** How long a stopped worker may take to finish the batch in hand before it gives the claim back. */
  readonly shutdownSeconds: number;
  /** host:port of metrics and health; undefined: none. */
  readonly listen?: { readonly host: string; readonly port: number };
}

/** What the expire command may remove. Times are in seconds. */
export interface ExpireConfig {
  readonly snapshotsSeconds: number;
  readonly keepSnapshots: number;
  /** Age from which a file that nothing needs is deleted. */
  readonly graceSeconds: number;
}
