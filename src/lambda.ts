/**
 * The entry points for AWS Lambda: `handler` of the worker behind a queue, and `job` of the three steps (docs/jobs.md).
 * AUDIT_WAREHOUSE_CONFIG_PARAMETER names the parameter of Systems Manager that holds the
 * configuration; without it AUDIT_WAREHOUSE_CONFIG names a file in the package (default: audit-warehouse.yaml). AUDIT_WAREHOUSE_* overrides
 * single keys of either.
 */
import { loadConfig } from './config/load.ts';
import { readParameter } from './config/parameter.ts';
import type { Runtime } from './ingest/runtime.ts';
import { createJobHandler } from './jobs/steps/lambda.ts';
import { reservedColumns } from './sources/index.ts';
import { createLogger } from './telemetry/log.ts';
import { createRuntime } from './wire.ts';
import { createSqsHandler } from './worker/lambda.ts';

const write = (line: string): boolean => process.stdout.write(line);

export const handler = createSqsHandler(openRuntime, { writeMetrics: (line) => write(`${line}\n`) });

export const job = createJobHandler(openRuntime);

async function openRuntime(): Promise<Runtime> {
  const parameter = process.env.AUDIT_WAREHOUSE_CONFIG_PARAMETER;
  const { config } = loadConfig({
    ...(parameter && { text: { content: await readParameter(parameter, process.env), origin: parameter } }),
    env: process.env,
    cwd: process.cwd(),
    reserved: reservedColumns,
  });
  const log = createLogger({ level: 'info', format: 'json', write });
  // An invocation takes one batch after another, so threads would be loaded for nothing.
  return createRuntime({ ...config, batch: { ...config.batch, threads: 1 } }, { log });
}
