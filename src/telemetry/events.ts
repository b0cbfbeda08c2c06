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
  'run-not-recorded': {
    level: 'warn',
    message: 'when this job last ended well could not be written down; monitoring will take it for late',
  },
  'batch-claimed': { level: 'debug', message: 'batch claimed' },
  'batch-taken-over': { level: 'info', message: 'finishing an abandoned batch' },
  'batch-files-lost': {
    level: 'warn',
    message: 'files that a batch was about to commit are gone: its objects are read again',
  },
  'batch-given-up': {
    level: 'error',
    message: 'a batch could not be ingested: nothing of it is committed, and its objects are taken by smaller parts',
  },
  'batch-unaccounted': {
    level: 'error',
    message: 'the accounts of a batch do not hold: nothing of it is committed, and its claim is given back',
  },
  'ids-conflict': {
    level: 'warn',
    message: 'rows of one batch share an id and differ; all are kept (question conflicting-decisions)',
  },
  'table-elsewhere': {
    level: 'warn',
    message:
      'the table names files outside of the warehouse, which is a copy or was moved: it is read, and never written to',
  },
  'object-failed': { level: 'error', message: 'object left unclaimed' },
  'views-registered': { level: 'info', message: 'views registered in the catalog' },
  'view-name-taken': { level: 'warn', message: 'view left out: the catalog has something else under its name' },
  'side-table-loaded': { level: 'info', message: 'side table replaced' },
  'side-table-failed': { level: 'error', message: 'side table left as it was' },
  'side-table-without-objects': {
    level: 'warn',
    message: 'no object for these side tables; they are left as they were',
  },
  'worker-started': { level: 'info', message: 'worker started' },
  'worker-stopping': { level: 'info', message: 'worker stops: nothing new is taken' },
  'worker-stopped': { level: 'info', message: 'worker stopped' },
  'batch-committed': { level: 'info', message: 'batch committed' },
  'batch-failed': { level: 'error', message: 'batch failed; it is tried again' },
  'batch-released': { level: 'info', message: 'claim given back; the batch is free for others' },
  'source-failed': { level: 'error', message: 'source failed; it is tried again' },
  'source-empty': { level: 'warn', message: 'source without any object' },
  'source-unlisted': { level: 'error', message: 'a source cannot be listed; it stays out' },
  'objects-archived': {
    level: 'warn',
    message: 'objects in an archive storage class are left until they are restored',
  },
  'table-unusable': { level: 'error', message: 'a table cannot be used as it is; its source stays out' },
  'source-stale': { level: 'error', message: 'nothing newer than sources[].expect is in the warehouse' },
  'source-fresh': { level: 'info', message: 'events as new as sources[].expect says are in the warehouse again' },
  'no-rows': { level: 'warn', message: 'records were read, and none became a row; the report says why' },
  'columns-null': { level: 'warn', message: 'columns without a value in any row of the run' },
  'source-recovered': { level: 'info', message: 'source works again' },
  'message-malformed': { level: 'warn', message: 'message left to the dead-letter queue' },
  'event-foreign': { level: 'warn', message: 'event of an object that no source is configured for' },
  'object-set-aside': { level: 'error', message: 'object set aside: it is tried no more until it changes' },
  'object-gone': { level: 'warn', message: 'object deleted before it was read' },
  'compaction-refused': { level: 'warn', message: 'left as it is by the compaction' },
  'day-compacted': { level: 'info', message: 'day compacted' },
  'store-throttled': {
    level: 'warn',
    message: 'the object store says that it is asked too much; fewer requests follow',
  },
  'query-finished': { level: 'debug', message: 'query finished' },
});

export type EventName = keyof typeof events;

/** Writes one line of the name's level. Fields hold names, counts and URIs; never a record or a part of one. */
export function logEvent(log: Logger, name: EventName, fields: Readonly<Record<string, unknown>> = {}): void {
  const { level, message } = events[name];
  log[level]({ event: name, ...fields }, message);
}
