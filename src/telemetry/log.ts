/**
 * Logs go to stderr: JSON lines for machines, short plain lines on a terminal. What could hold a secret or a record's
 * body is cut out here, wherever it is logged: an error is reduced to its name, code, object and message.
 */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { printable, printableJson } from '../text/printable.ts';

export type { Logger } from 'pino';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = 'json' | 'text';

/** Field names whose values never reach a log, at the top of a line or one level down. */
const secret = [
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'credentials',
  'authorization',
  'password',
  'token',
  'secret',
  'payload',
  'body',
  'record',
  'detail',
  'input',
  'result',
];

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly write: (line: string) => void;
}

export function createLogger({ level, format, write }: LogOptions): Logger {
  const destination: DestinationStream = {
    write: (line) => write(format === 'json' ? printableJson(line) : toText(line)),
  };
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secret.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
      serializers: { err: describeError, error: describeError, cause: describeError },
    },
    destination,
  );
}

/** What a log may say of an error: AWS errors carry whole requests and responses, so only known plain fields are taken. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : typeof error;
  const { code, uri, table } = error as Error & Record<'code' | 'uri' | 'table', unknown>;
  return {
    name: error.name,
    ...(code === undefined ? {} : { code: String(code) }),
    ...(uri === undefined ? {} : { uri: String(uri) }),
    ...(table === undefined ? {} : { table: String(table) }),
    message: error.message,
    ...(error.cause instanceof Error ? { cause: `${error.cause.name}: ${error.cause.message}` } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  };
}

/** `12:03:59 warn  object could not be read  uri=s3://… code=access-denied`, and always one line. */
function toText(line: string): string {
  const { time, level, msg, event, err, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const parts = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`);
  const fault = (err ?? error) as { message?: string } | string | undefined;
  if (fault !== undefined) parts.push(typeof fault === 'string' ? fault : (fault.message ?? ''));
  const clock = String(time).slice(11, 19);
  const text = `${clock} ${String(level).padEnd(5)} ${String(msg ?? event ?? '')}${parts.length > 0 ? `  ${parts.join(' ')}` : ''}`;
  return `${printable(text)}\n`;
}

/** Quoted where it could be taken for several fields. */
const fieldText = (value: unknown): string =>
  typeof value !== 'string'
    ? JSON.stringify(value)
    : /^[^\s"]+$/.test(value)
      ? value
      : `"${value.replaceAll('"', '\\"')}"`;
