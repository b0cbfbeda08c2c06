/**
 * What a command is given of the process: streams, environment, and the way to a runtime. Commands touch nothing else,
 * so that a test can run one with its own.
 */
import type { ReadStream, WriteStream } from 'node:tty';
import type { Config } from '../../config/config.ts';
import type { QueryEngine, StatementEngine } from '../../engines/engine.ts';
import type { EngineName, WritingEngineName } from '../../engines/index.ts';
import type { Catalog } from '../../iceberg/catalog.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Probes } from '../../probes/probes.ts';
import type { ObjectStore } from '../../store/store.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { WorkerHandle } from '../../wire.ts';
import type { WorkerOptions } from '../../worker/worker.ts';

/** Each method resolves when the reader has taken the text, so that a slow pipe holds the writer back. */
export interface Output {
  /** Lines for people, broken at the width of the terminal: of what stands in them, nothing but line feeds acts on it. */
  write(text: string): Promise<void>;
  /** The same with emphasis (src/text/styles.ts); all text from outside in it has been made printable. */
  writeStyled(text: string): Promise<void>;
  /** JSON, in pieces that end between characters: as it is, on a terminal with more escapes. */
  writeJson(text: string): Promise<void>;
  /** Any other data: as it is, on a terminal like lines for people. */
  writeData(text: string): Promise<void>;
  readonly isTTY: boolean;
  /** The width of the terminal; undefined where there is none. */
  readonly columns: number | undefined;
}

export interface Terminal {
  readonly input: ReadStream;
  readonly output: WriteStream;
}

/** An output that may go through a pager. */
export interface PagedOutput {
  readonly output: Output;
  /** Resolves when everything has been read, or the pager has been left. */
  end(): Promise<void>;
}

export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** stdout, through the user's pager where it is a terminal that the text does not fit; `onStart` is told when it starts. */
  readonly page: (onStart?: () => void) => PagedOutput;
  /** Where a person types and reads; undefined where either is a pipe or a file. */
  readonly terminal: () => Terminal | undefined;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  readonly openRuntime: (config: Config, log: Logger) => Promise<Runtime>;
  /** The catalog of the configuration, with metadata read through another store than the runtime's. */
  readonly openCatalog: (config: Config, store: ObjectStore) => Promise<Catalog>;
  readonly openWorker: (config: Config, options: WorkerOptions & { readonly log: Logger }) => WorkerHandle;
  readonly openProbes: (config: Config) => Promise<Probes>;
  /** Ends the process at once, for a command that cannot end what it has begun. */
  readonly exit: (code: number) => void;
  readonly openEngine: (runtime: Runtime, engine: EngineName) => Promise<QueryEngine>;
  /** For commands that have another engine change the tables. */
  readonly openStatementEngine: (config: Config, engine: WritingEngineName) => Promise<StatementEngine>;
}

/** Options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly config?: string;
  readonly set?: readonly string[];
  readonly logLevel?: string;
  readonly logFormat?: string;
}

/** Wraps an action so that what it returns becomes the exit code of the process. */
export type RunAction = <Arguments extends unknown[]>(
  action: (context: CommandContext, ...args: Arguments) => Promise<number>,
) => (...args: Arguments) => Promise<void>;
