/** The first steps of a command that works on a warehouse: configuration, log, runtime. */
import type { Config } from '../../config/config.ts';
import { UsageError } from '../../config/errors.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import type { Moment } from '../../jobs/moment.ts';
import { reservedColumns } from '../../sources/index.ts';
import { createLogger, type Logger, type LogLevel, logLevels } from '../../telemetry/log.ts';
import type { CommandContext, GlobalOptions } from './context.ts';

export function readConfig(context: CommandContext, options: GlobalOptions): LoadedConfig {
  return loadConfig({
    file: options.config,
    settings: options.set,
    env: context.env,
    cwd: context.cwd,
    reserved: reservedColumns,
  });
}

export function openLog(context: CommandContext, options: GlobalOptions, write?: (line: string) => void): Logger {
  const level = options.logLevel ?? (context.env.AUDIT_WAREHOUSE_LOG_LEVEL || 'info');
  if (!logLevels.includes(level as LogLevel)) {
    throw new UsageError(`log level "${level}" is not one of ${logLevels.join(', ')}`);
  }
  const format = options.logFormat ?? (context.env.AUDIT_WAREHOUSE_LOG_FORMAT || 'auto');
  if (!['auto', 'json', 'text'].includes(format)) {
    throw new UsageError(`log format "${format}" is not one of auto, json, text`);
  }
  return createLogger({
    level: level as LogLevel,
    format: format === 'text' || (format === 'auto' && context.stderr.isTTY) ? 'text' : 'json',
    write: write ?? ((line) => void context.stderr.writeData(line)),
  });
}

export function openConfigAndLog(
  context: CommandContext,
  options: GlobalOptions,
  write?: (line: string) => void,
): { config: Config; log: Logger } {
  const log = openLog(context, options, write);
  return { config: readConfig(context, options).config, log };
}

/** For a command that only reads: what it says is of one moment. `expects` names the tables that it asks for in any case. */
export async function openReading(
  context: CommandContext,
  config: Config,
  log: Logger,
  expects: (of: typeof import('../../jobs/moment.ts')) => readonly string[] = () => [],
): Promise<Moment<Runtime>> {
  const [moment, runtime] = await Promise.all([import('../../jobs/moment.ts'), context.openRuntime(config, log)]);
  return moment.momentOf(runtime, expects(moment));
}
