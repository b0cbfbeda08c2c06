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
  'run-stopping': { level: 'warn', message: 'stopping after the batch in hand' },
  'listing-finished': { level: 'debug', message: 'source listed' },
  'batch-claimed': { level: 'debug', message: 'batch claimed' },
  'batch-committed': { level: 'info', message: 'batch committed' },
  'batch-taken-over': { level: 'warn', message: 'batch of an earlier run taken over: its claim had run out' },
  'batch-repaired': { level: 'info', message: 'batch of an earlier run was in the tables already; ledger completed' },
  'claim-lost': { level: 'info', message: 'another run claimed these objects first' },
  'commit-conflict': { level: 'debug', message: 'table changed meanwhile; metadata prepared again' },
  'object-failed': { level: 'error', message: 'object could not be read; left unclaimed' },
  'object-resumed': { level: 'debug', message: 'download broke off; resumed by range' },
  'request-retried': { level: 'debug', message: 'request retried' },
  'table-created': { level: 'info', message: 'table created' },
  'table-evolved': { level: 'info', message: 'table got new columns' },
  'column-mismatches': { level: 'warn', message: 'values of another type became null in a column; their text is kept' },
  'query-finished': { level: 'debug', message: 'query finished' },
});

export type EventName = keyof typeof events;

/** Writes one line of the name's level. Fields hold names, counts and URIs; never a record or a part of one. */
export function logEvent(log: Logger, name: EventName, fields: Readonly<Record<string, unknown>> = {}): void {
  const { level, message } = events[name];
  log[level]({ event: name, ...fields }, message);
}
