/**
 * Every log line of the product by name: its level and what it means, declared once. A line carries its name in
 * `event`, so that alerts hang on a name and not on wording; the fields say which object, table or batch.
 */
import type { Logger } from 'pino';

interface EventDeclaration {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

const declare = <Name extends string>(
  events: Record<Name, EventDeclaration>,
): Readonly<Record<Name, EventDeclaration>> => events;

export const events = declare({
  'run-started': { level: 'info', message: 'run started' },
  'run-finished': { level: 'info', message: 'run finished' },
  'batch-claimed': { level: 'debug', message: 'batch claimed' },
  'batch-taken-over': { level: 'info', message: 'finishing an abandoned batch' },
  'object-failed': { level: 'error', message: 'object left unclaimed' },
  'query-finished': { level: 'debug', message: 'query finished' },
});

export type EventName = keyof typeof events;

/** Writes one line of the name's level. Fields hold names, counts and URIs; never a record or a part of one. */
export function logEvent(log: Logger, name: EventName, fields: Readonly<Record<string, unknown>> = {}): void {
  const { level, message } = events[name];
  log[level]({ event: name, ...fields }, message);
}
