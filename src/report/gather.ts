/**
 * Asks an engine for everything that a report shows. What comes back is plain data with as many rows as are shown, however
 * large the tables are. A part whose table does not exist is null.
 */
import type { CellValue, QueryEngine } from '../engines/engine.ts';
import { liveFiles } from '../iceberg/scan.ts';
import type { Runtime } from '../ingest/runtime.ts';
import { type Buckets, chooseBuckets, fold } from './buckets.ts';
import { type ReportQuestion, reportRequest, tableOf } from './questions.ts';
import type { ReportRange } from './range.ts';

/** Rows shown of a list; the rest is given as a number. */
export const topRows = 20;
const topChanges = 50;

export type Row = Readonly<Record<string, CellValue>>;

export interface Top {
  readonly rows: readonly Row[];
  /** How many there are. */
  readonly of: number;
}

export const outcomes = ['allowed', 'denied', 'undefined', 'errors', 'other'] as const;
export type Outcome = (typeof outcomes)[number];

export const answers = ['granted', 'refused', 'failed'] as const;
export type Answer = (typeof answers)[number];

export interface ReportData {
  readonly range: ReportRange;
  readonly buckets: Buckets;
  readonly decisions: DecisionData | null;
  readonly okera: OkeraData | null;
  readonly ingestion: { readonly sources: readonly Row[]; readonly lag: readonly Row[] } | null;
  readonly quarantine: (Top & { readonly records: number }) | null;
  /** In the order in which they were asked. */
  readonly asked: readonly { readonly question: ReportQuestion; readonly bytesScanned: number }[];
}

interface DecisionData {
  /** By bucket. */
  readonly overTime: readonly Readonly<Record<Outcome, number>>[];
  readonly subjects: Top;
  readonly resources: Top;
  readonly denied: Top;
  readonly networks: Top;
}

interface OkeraData {
  /** By bucket. */
  readonly overTime: readonly Readonly<Record<Answer, number>>[];
  readonly tables: Top;
  readonly users: Top;
  readonly accesses: Top;
  /** The latest, in the order of time. */
  readonly changes: Top & { readonly grants: number; readonly revocations: number };
}

export interface Sources {
  readonly engine: QueryEngine;
  /** Names of the tables that exist. */
  readonly tables: readonly string[];
  readonly signal?: AbortSignal;
}

export async function gatherReport({ engine, tables, signal }: Sources, range: ReportRange): Promise<ReportData> {
  const buckets = chooseBuckets(range);
  const asked: { question: ReportQuestion; bytesScanned: number }[] = [];
  const ask = async (question: ReportQuestion, top = topRows): Promise<Row[]> => {
    const request = reportRequest(question, range, buckets.unit, top);
    const answer = await engine.query({ ...request, ...(signal && { signal }) });
    const names = answer.columns.map((column) => column.name);
    const rows: Row[] = [];
    for await (const chunk of answer.chunks) {
      for (const cells of chunk) rows.push(Object.fromEntries(names.map((name, i) => [name, cells[i] ?? null])));
    }
    asked.push({ question, bytesScanned: answer.bytesScanned() });
    return rows;
  };
  const askTop = async (question: ReportQuestion, top?: number): Promise<Top> => {
    const rows = await ask(question, top);
    return { rows, of: rows[0] === undefined ? 0 : numberIn(rows[0], 'of_all') };
  };
  const has = (question: ReportQuestion): boolean => tables.includes(tableOf(question));

  const decisions = has('decisions-over-time') && {
    overTime: fold(buckets, outcomes, await decisionCounts(ask)),
    subjects: await askTop('top-subjects'),
    resources: await askTop('top-resources'),
    denied: await askTop('top-denied'),
    networks: await askTop('client-networks'),
  };
  const okera = has('okera-over-time') && {
    overTime: fold(buckets, answers, okeraCounts(await ask('okera-over-time'))),
    tables: await askTop('okera-tables'),
    users: await askTop('okera-users'),
    accesses: await askTop('okera-accesses'),
    changes: permissionChanges(await askTop('permission-changes', topChanges)),
  };
  const ingestion = has('ingested') && { sources: await ask('ingested'), lag: await ask('ingestion-lag') };
  const reasons = has('quarantine-reasons') && (await askTop('quarantine-reasons'));
  const quarantine = reasons && { ...reasons, records: reasons.rows[0] ? numberIn(reasons.rows[0], 'all_records') : 0 };
  return {
    range,
    buckets,
    decisions: decisions || null,
    okera: okera || null,
    ingestion: ingestion || null,
    quarantine: quarantine || null,
    asked,
  };
}

type Counts<Name extends string> = ({ readonly moment: number } & Record<Name, number>)[];

async function decisionCounts(ask: (question: ReportQuestion) => Promise<Row[]>): Promise<Counts<Outcome>> {
  const counts = (await ask('decisions-over-time')).map((row) => {
    const [allowed, denied, errors] = [numberIn(row, 'allowed'), numberIn(row, 'denied'), numberIn(row, 'errors')];
    const other = numberIn(row, 'decisions') - allowed - denied - errors;
    return { moment: momentIn(row), allowed, denied, errors, undefined: 0, other };
  });
  // The result documents are read only where there are decisions that they can tell apart.
  if (counts.every(({ other }) => other === 0)) return counts;
  const byMoment = new Map(counts.map((count) => [count.moment, count]));
  for (const row of await ask('decisions-undefined')) {
    const count = byMoment.get(momentIn(row));
    const decisions = numberIn(row, 'decisions');
    // Rows may have come between the two questions.
    const undefined_ = Math.min(decisions, count?.other ?? 0);
    if (count) Object.assign(count, { undefined: undefined_, other: count.other - undefined_ });
  }
  return counts;
}

const okeraCounts = (rows: readonly Row[]): Counts<Answer> =>
  rows.map((row) => {
    const [refused, failed] = [numberIn(row, 'refused'), numberIn(row, 'failed')];
    return { moment: momentIn(row), granted: numberIn(row, 'requests') - refused - failed, refused, failed };
  });

function permissionChanges({ rows, of }: Top): OkeraData['changes'] {
  const [first] = rows;
  return {
    rows: rows.toReversed(),
    of,
    grants: first ? numberIn(first, 'grants') : 0,
    revocations: first ? numberIn(first, 'revocations') : 0,
  };
}

/** A count; a bigint beyond 2^53, which comes as text, loses its last digits. */
export const numberIn = (row: Row, name: string): number => Number(row[name] ?? 0);

/** A day, or a timestamp as engines give it: YYYY-MM-DDThh:mm:ss…Z. */
const momentIn = (row: Row): number => {
  const text = String(row.moment);
  return Date.parse(text.length === 10 ? text : `${text.slice(0, 19)}Z`);
};

/** The last day, up to `today`, of which there are events; `today` where there are none. Only table metadata is read. */
export async function lastDayWithEvents(
  { store, catalog }: Pick<Runtime, 'store' | 'catalog'>,
  tables: readonly string[],
  today: string,
): Promise<string> {
  let last: string | undefined;
  for (const name of ['opa_decisions', 'okera_audit_logs'].filter((table) => tables.includes(table))) {
    const table = await catalog.loadTable(name);
    if (table === undefined) continue;
    const filter = { ymd: { to: today }, onDeleteFile: () => {} };
    for await (const { ymd } of liveFiles(store, table.metadata, filter)) {
      if (ymd !== null && ymd <= today && (last === undefined || ymd > last)) last = ymd;
    }
  }
  return last ?? today;
}
