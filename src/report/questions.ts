/** The SQL of a report: a file beside this one for each number that it shows, as requests to an engine. */
import { readFileSync } from 'node:fs';
import type { QueryRequest } from '../engines/engine.ts';
import type { FileFilter } from '../iceberg/scan.ts';
import { linesFor } from '../queries/questions.ts';
import type { Unit } from './buckets.ts';
import type { ReportRange } from './range.ts';

/** Which time says what belongs to the range: that of the rows, their day only, or those that the ledger has of an object. */
type Times = 'events' | 'days' | 'ledger';

const questions = {
  'decisions-over-time': { table: 'opa_decisions', times: 'events' },
  'decisions-undefined': { table: 'opa_decisions', times: 'events' },
  'top-subjects': { table: 'opa_decisions', times: 'events' },
  'top-resources': { table: 'opa_decisions', times: 'events' },
  'top-denied': { table: 'opa_decisions', times: 'events' },
  'client-networks': { table: 'opa_decisions', times: 'events' },
  'okera-over-time': { table: 'okera_audit_logs', times: 'events' },
  'okera-tables': { table: 'okera_audit_logs', times: 'events' },
  'okera-users': { table: 'okera_audit_logs', times: 'events' },
  'okera-accesses': { table: 'okera_audit_logs', times: 'events' },
  'permission-changes': { table: 'okera_audit_logs', times: 'events' },
  ingested: { table: 'ingested_objects', times: 'ledger' },
  'ingestion-lag': { table: 'ingested_objects', times: 'ledger' },
  'quarantine-reasons': { table: 'quarantine', times: 'days' },
} as const satisfies Record<string, { table: string; times: Times }>;

export type ReportQuestion = keyof typeof questions;

export const questionNames = Object.keys(questions) as ReportQuestion[];

/** The table whose files a question reads. */
export const tableOf = (name: ReportQuestion): string => questions[name].table;

/** `top`: rows at most. */
export function reportRequest(name: ReportQuestion, range: ReportRange, unit: Unit, top: number): QueryRequest {
  const { table, times } = questions[name];
  const text = readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8');
  const sql = linesFor(new Set([unit, ...(range.wholeDays ? [] : ['instants'])]), text);
  const values = {
    from: { micros: range.from },
    to: { micros: range.to },
    from_ymd: range.fromDay,
    to_ymd: range.toDay,
    top: BigInt(top),
  };
  const parameters = Object.fromEntries(Object.entries(values).filter(([key]) => sql.match(`\\$${key}\\b`)));
  return { sql, parameters, prune: { [table]: filterOf(times, range) } };
}

function filterOf(times: Times, { from, to, fromDay, toDay }: ReportRange): FileFilter {
  if (times === 'ledger') {
    return {
      bounds: [
        { column: 'min_event_time', to },
        { column: 'max_event_time', from },
      ],
    };
  }
  const ymd = { from: fromDay, to: toDay };
  return times === 'days' ? { ymd } : { ymd, bounds: [{ column: 'event_time', from, to }] };
}
