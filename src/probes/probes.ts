/**
 * What `doctor` asks of the world beyond the store and the catalog: of AWS, of engines, of the machine. Nothing here
 * changes anything. A method throws what its client throws where there is no usable answer; `ProbeError` says the rest.
 * Adapters: aws.ts, machine.ts, trino.ts.
 */
export interface Probes {
  readonly aws: AwsProbes;
  readonly trino: (url: string) => Promise<TrinoInfo>;
  readonly machine: MachineProbes;
}

export interface AwsProbes {
  /** Resolves the default chain. `expiresAt` in milliseconds since the epoch, where they expire. */
  credentials(): Promise<{ readonly expiresAt?: number }>;
  /** Whom they stand for; undefined where no service of AWS itself is used, so that nobody can be asked. */
  identity(): Promise<{ readonly account: string; readonly arn: string } | undefined>;
  /** By service: how far its clock is ahead of ours, in milliseconds. Services that are not used are left out. */
  clocks(): Promise<ReadonlyMap<string, number>>;
  /** false: there is no such database. */
  glueDatabaseExists(): Promise<boolean>;
  /**
   * Whether a table may be updated, found out by an update of a table that does not exist; and created, by creating one
   * that does: Glue says no to both, but not to whom it would say so anyway.
   */
  mayUpdateTables(): Promise<Access>;
  mayCreateTables(existing: string): Promise<Access>;
  /** AWS's optimizers of a table in the Glue database; why they cannot be asked, where that is so. */
  tableOptimizers(table: string): Promise<TableOptimizers | string>;
  /** Attributes of an SQS queue by name. */
  queue(url: string): Promise<Readonly<Record<string, string>>>;
  workGroup(): Promise<WorkGroup>;
}

export type Access = { readonly granted: true } | { readonly granted: false; readonly reason: string };

/** Of those that are switched on. */
export interface TableOptimizers {
  readonly compaction?: true;
  /** Days that snapshots are kept. */
  readonly retentionDays?: number;
  /** Days that files which no snapshot has are left alone. */
  readonly orphanDays?: number;
}

export interface WorkGroup {
  readonly name: string;
  readonly enabled: boolean;
  /** Where results go as the work group says, s3://…. */
  readonly output?: string;
  /** Results go there whatever a query says. */
  readonly enforced: boolean;
  readonly engineVersion?: string;
}

export interface TrinoInfo {
  readonly version: string;
  readonly starting: boolean;
}

export interface MachineProbes {
  readonly nodeVersion: string;
  /** Bytes that this process may use: of its control group, otherwise of the machine. */
  readonly memoryBytes: number;
  /** The folder for temporary files, as a path. */
  readonly temporaryFolder: string;
  /** Those of the folders, and of the folders around them, that are not there, as paths. */
  missingFolders(folders: readonly string[]): Promise<string[]>;
  /** Removes what of these is there and empty. Never throws. */
  removeFolders(folders: readonly string[]): Promise<void>;
  /** Free bytes there for this user; makes the folder. Throws where nothing can be written there. */
  freeDisk(folder: string): Promise<number>;
  /** Version of DuckDB. Throws where its library cannot be loaded on this machine. */
  duckDb(): Promise<string>;
}
