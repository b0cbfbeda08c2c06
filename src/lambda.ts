/**
 * The entry point for AWS Lambda: `handler`. The configuration is read as by the binary: AUDIT_WAREHOUSE_CONFIG names the
 * file (default: audit-warehouse.yaml beside the code), AUDIT_WAREHOUSE_* overrides single keys.
 */
import { loadConfig } from './config/load.ts';
import { reservedColumns } from './sources/index.ts';
import { createLogger } from './telemetry/log.ts';
import { createRuntime } from './wire.ts';
import { createSqsHandler } from './worker/lambda.ts';

export const handler = createSqsHandler(async () => {
  const { config } = loadConfig({
    env: process.env,
    cwd: process.cwd(),
    reserved: reservedColumns,
  });
  const log = createLogger({ level: 'info', format: 'json', write: (line) => process.stdout.write(line) });
  // An invocation takes one batch after another, so threads would be loaded for nothing.
  return createRuntime({ ...config, batch: { ...config.batch, threads: 1 } }, { log });
});
