/**
 * The library: what the command line does, for programs.
 *
 *   const warehouse = await open('audit-warehouse.yaml');
 *   for await (const row of warehouse.query({ question: 'decisions', parameters: { subject: 'dr_evil' } })) …
 *   await warehouse.close();
 */
/// <reference types="node" preserve="true" />
import type { Logger } from 'pino';
import type { Configuration } from './config/configuration.ts';
import { loadConfig } from './config/load.ts';
import { reservedColumns } from './sources/index.ts';
import { Warehouse } from './warehouse.ts';

export interface OpenOptions {
  /** Where warnings and errors of jobs go. Default: nowhere. */
  readonly log?: Logger | undefined;
  /** Variables that the configuration may come from (AUDIT_WAREHOUSE_…). Default: the environment for a file, none for an object. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Where relative places of an object start. Default: the working directory. */
  readonly cwd?: string | undefined;
}

/**
 * Opens a warehouse by a configuration file, or by an object with the same keys. Reads the configuration and nothing
 * else; throws ConfigError, which names every key that is wrong.
 */
export async function open(configuration: string | Configuration, options: OpenOptions = {}): Promise<Warehouse> {
  const isFile = typeof configuration === 'string';
  const { config } = loadConfig({
    ...(isFile ? { file: configuration } : { document: configuration }),
    env: options.env ?? (isFile ? process.env : {}),
    cwd: options.cwd ?? process.cwd(),
    reserved: reservedColumns,
  });
  return new Warehouse(config, options.log);
}

export type { Config } from './config/config.ts';
export type { Configuration, SourceConfiguration } from './config/configuration.ts';
export { ConfigError, type ConfigProblem, UsageError } from './config/errors.ts';
export type { CellValue } from './engines/engine.ts';
export type { EngineName } from './engines/index.ts';
export type { Progress, ProgressSink } from './ingest/runtime.ts';
export type { BackfillOptions, BackfillReport } from './jobs/backfill/report.ts';
export type { CompactedDay, CompactOptions, CompactReport, PlannedDay } from './jobs/compact/compact.ts';
export type { Diagnosis } from './jobs/doctor/doctor.ts';
export type { EraseOptions, EraseReport } from './jobs/erase/erase.ts';
export type { ExpireOptions, ExpireReport } from './jobs/expire/expire.ts';
export type { MissingNumbers, ProducerDay, ProducersReport, ProducerTotals } from './jobs/producers/producers.ts';
export type { QuarantineOptions, QuarantineReport } from './jobs/quarantine/explain.ts';
export type { RelocateOptions, RelocateReport } from './jobs/relocate/relocate.ts';
export type { ReplayOptions, ReplayReport } from './jobs/replay/replay.ts';
export type { CommitReport } from './jobs/steps/commit.ts';
export type { JobSteps, PlanCompactionJobOptions, PlanJobOptions } from './jobs/steps/job-steps.ts';
export type { CompactReceipt, CompactUnit, IngestReceipt, IngestUnit, Receipt, Unit } from './jobs/steps/unit.ts';
export type { TableReport } from './jobs/tables/describe.ts';
export type { AcceptOptions, AcceptReport } from './jobs/verify/accept.ts';
export type { AcceptedDifferences } from './jobs/verify/accounts.ts';
export type { Difference } from './jobs/verify/difference.ts';
export type { VerifyOptions, VerifyReport } from './jobs/verify/verify.ts';
export { ParameterError } from './queries/parameters.ts';
export type { ReportDocument } from './report/data.ts';
export { QueryError } from './sql/parameter.ts';
export { StoreError, type StoreErrorCode } from './store/store.ts';
export type {
  Answer,
  AnswerRow,
  Query,
  QuestionParameter,
  Report,
  ReportOptions,
  Warehouse,
} from './warehouse.ts';
export type { WorkerHandle } from './wire.ts';
export type { WorkerOptions, WorkerReport } from './worker/worker.ts';
