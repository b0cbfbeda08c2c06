import type { ScalarType } from '../columns/types.ts';
import type { SourceType } from '../sources/source.ts';

/**
 * The configuration after defaults: what every job is given. `load.ts` reads it from YAML, environment and flags and
 * names the key of whatever is wrong before anything else is done.
 */
export interface Config {
  /** Root of the tables: s3://bucket/prefix or file:///path, without trailing slash. */
  readonly warehouse: string;
  readonly catalog: { readonly type: 'file' } | GlueConfig;
  readonly s3: S3Config;
  readonly sources: readonly SourceConfig[];
  readonly limits: Limits;
  readonly batch: BatchConfig;
  readonly output: OutputConfig;
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

export interface SourceConfig {
  readonly name: string;
  readonly type: SourceType;
  /** Prefix that all objects of the source start with: s3://bucket/prefix or file:///path/. */
  readonly location: string;
  /** Promoted columns, by column name. */
  readonly columns: Readonly<Record<string, PromotedColumn>>;
}

export interface PromotedColumn {
  /** Dotted path from the record's root, such as input.tenant.id; a segment with a dot in it is quoted: input."a.b". */
  readonly path: string;
  readonly type: ScalarType;
  /** A value of another type quarantines the record instead of giving null. */
  readonly strict: boolean;
}

/** Caps on what an outsider controls. */
export interface Limits {
  readonly recordBytes: number;
  readonly nestingDepth: number;
  /** Decompressed bytes of one object. */
  readonly objectBytes: number;
  /** Decompressed over stored bytes of one object, looked at once 1 MiB has come out. */
  readonly compressionRatio: number;
  readonly daysPerBatch: number;
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
}

export interface OutputConfig {
  readonly encoder: 'columnar' | 'parquetjs';
  readonly rowGroupRows: number;
  /** Rows of a data file, at most. */
  readonly fileRows: number;
  readonly compressionLevel: number;
  /** Worker threads that sort and encode, beside the thread that reads; 0 does it there. Columnar only. */
  readonly threads: number;
}
