/**
 * Asks an engine for everything that a report shows. What comes back is plain data with as many rows as are shown, however
 * large the tables are. A part whose table does not exist is null; a comparison
 * with the past that needs more bytes than the engine may fetch is left out, with a note.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import pLimit from 'p-limit';
import type { CellValue, QueryEngine } from '../engines/engine.ts';
import { tableOfFigure } from '../queries/figures.ts';
import { ask as askQuestion, findQuestion } from '../queries/questions.ts';
import { TooMuchToFetch } from '../sql/parameter.ts';
import { sequences } from '../tables/sequences.ts';
import { timeText } from '../text/time.ts';
import { type Buckets, chooseBuckets, fold } from './buckets.ts';
import type { Filters } from './filters.ts';
import { type ReportRange, rangeBefore, rangeOfDaysBefore } from './range.ts';

/** Rows shown of a list; the rest is given as a number. */
export const topRows = 20;

export type AnswerRow = Readonly<Record<string, CellValue>>;

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly AnswerRow[];
}

export interface Top extends Table {
  /** How many there are in all. Rows without a value, such as decisions without a subject, do not count. */
  readonly of: number;
}

export const outcomes = ['allowed', 'denied', 'undefined', 'errors', 'other'] as const;
export type DecisionOutcome = (typeof outcomes)[number];

export const answers = ['granted', 'refused', 'failed'] as const;
export type Answer = (typeof answers)[number];

export type Sums<Name extends string> = Readonly<Record<Name, number>>;

/** A question with the values it was asked with. */
export interface Asked {
  readonly question: string;
  readonly given: ReadonlyMap<string, string>;
  readonly bytesScanned: number;
}

export interface ReportData {
  readonly range: ReportRange;
  readonly filters: Filters;
  readonly buckets: Buckets;
  /** The period just before the range, of the same length. */
  readonly before: ReportRange;
  /** The period in which anything seen counts as known; null if nothing new was looked for. */
  readonly lookBack: ReportRange | null;
  readonly decisions: DecisionData | null;
  readonly okera: OkeraData | null;
  readonly ingestion: { readonly sources: Table; readonly lag: Table } | null;
  readonly quarantine: (Top & { readonly records: number; readonly before: number | null }) | null;
  /** What never arrived, by instance and day; null where nothing can be said of it. */
  readonly producers: Table | null;
  /** Tables that do not exist. */
  readonly missing: readonly string[];
  /** Why comparisons with the past were left out. */
  readonly leftOut: readonly string[];
  /** In the order of the report's parts. */
  readonly asked: readonly Asked[];
}

export interface DecisionData {
  /** By bucket. */
  readonly overTime: readonly Sums<DecisionOutcome>[];
  readonly sums: Sums<DecisionOutcome>;
  readonly before: Sums<DecisionOutcome> | null;
  readonly subjects: Top;
  readonly resources: Top;
  readonly denied: Top;
  readonly networks: Top;
  readonly policies: Top;
  readonly labels: Top;
  readonly news: { readonly subjects: News; readonly resources: News; readonly networks: News } | null;
}

export interface News extends Top {
  /** Whether anything is known from before the range. */
  readonly comparable: boolean;
}

export interface OkeraData {
  /** By bucket. */
  readonly overTime: readonly Sums<Answer>[];
  readonly sums: Sums<Answer>;
  readonly before: Sums<Answer> | null;
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
  readonly signal?: AbortSignal | undefined;
}

export interface Wanted {
  readonly filters?: Filters | undefined;
  /** Subjects, resources and networks seen in so many days before the range are not new; 0 turns the search off. */
  readonly lookBackDays?: number | undefined;
}

export const lookBackByDefault = 30;

export async function gatherReport(
  { engine, tables, signal }: Sources,
  range: ReportRange,
  { filters = {}, lookBackDays = lookBackByDefault }: Wanted = {},
): Promise<ReportData> {
  const buckets = chooseBuckets(range);
  const before = rangeBefore(range);
  const lookBack = lookBackDays > 0 ? rangeOfDaysBefore(range, lookBackDays) : null;
  const { atOnce } = engine;
  const limit = pLimit(atOnce);
  const asked: AskedTree = [];
  /** Where the part that asks has its place among `asked`. */
  const place = new AsyncLocalStorage<AskedTree>();
  const leftOut: string[] = [];
  /** Once a question has failed, none is asked any more, and none is answered to its end. */
  const failed = new AbortController();
  const ending = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);

  const askIn = async ({ from, to }: ReportRange, question: string): Promise<Table> => {
    const values: Record<string, string | undefined> = {
      since: lookBack === null ? undefined : timeText(lookBack.from),
      from: timeText(from),
      to: timeText(to),
      by: buckets.unit,
      ...filters,
    };
    const given = new Map<string, string>();
    for (const { name } of findQuestion(question).parameters) {
      if (values[name] !== undefined) given.set(name, values[name]);
    }
    const answered: AskedTree = [];
    (place.getStore() ?? asked).push(answered);
    const read = async (): Promise<Table> => {
      failed.signal.throwIfAborted();
      const answer = await engine.query({ ...askQuestion(question, given), signal: ending });
      const columns = answer.columns.map((column) => column.name);
      const rows: AnswerRow[] = [];
      for await (const chunk of answer.chunks) {
        for (const cells of chunk) rows.push(Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? null])));
      }
      answered.push({ question, given, bytesScanned: answer.bytesScanned() });
      return { columns, rows };
    };
    return limit(() =>
      read().catch((error) => {
        if (!(error instanceof TooMuchToFetch)) failed.abort(error);
        throw failed.signal.aborted ? failed.signal.reason : error;
      }),
    );
  };
  /** One after another where the engine has no use for more: what is asked first is what matters most. */
  const together = async <T extends Record<string, () => Promise<unknown>>>(
    parts: T,
  ): Promise<{ [K in keyof T]: Awaited<ReturnType<T[K]>> }> => {
    const names = Object.keys(parts);
    const read = (name: string): Promise<unknown> => {
      const own: AskedTree = [];
      (place.getStore() ?? asked).push(own);
      return place.run(own, parts[name]!);
    };
    const answers: unknown[] = [];
    // None may still be under way when the engine is closed.
    if (atOnce > 1)
      for (const result of await Promise.allSettled(names.map(read)))
        if (result.status === 'fulfilled') answers.push(result.value);
        else throw result.reason;
    else for (const name of names) answers.push(await read(name));
    return Object.fromEntries(names.map((name, i) => [name, answers[i]])) as {
      [K in keyof T]: Awaited<ReturnType<T[K]>>;
    };
  };
  const ask = (question: string): Promise<Table> => askIn(range, question);
  const askTop = async (question: string): Promise<Top> => topOf(await ask(question));
  const ofThePast = async <T>(what: string, read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof TooMuchToFetch)) throw error;
      leftOut.push(`${what}: ${error.message}`);
      return null;
    }
  };
  const has = (question: string): boolean => tables.includes(tableOfFigure(question));

  const decisionCounts = async (when: ReportRange): Promise<Counts<DecisionOutcome>> => {
    const counts = verdictsOf((await askIn(when, 'report-over-time')).rows);
    // The result documents are read only where there are decisions that they can tell apart.
    if (counts.every(({ other }) => other === 0)) return counts;
    return withUndefined(counts, (await askIn(when, 'report-undefined')).rows);
  };
  const newOnes = async (question: string): Promise<News> => {
    const { columns, rows } = await ask(question);
    const comparable = rows[0] === undefined || numberIn(rows[0], 'known') > 0;
    return { ...topOf({ columns, rows: comparable ? rows : [] }), comparable };
  };

  const gatherDecisions = async (): Promise<DecisionData> => {
    const overTime = fold(buckets, outcomes, await decisionCounts(range));
    const rest = await together({
      subjects: () => askTop('report-subjects'),
      resources: () => askTop('report-resources'),
      denied: () => askTop('report-denied'),
      networks: () => askTop('report-networks'),
      policies: () => askTop('report-policies'),
      labels: () => askTop('report-labels'),
      before: () =>
        ofThePast('Decisions of the period before', async () => total(outcomes, await decisionCounts(before))),
      news: async () =>
        lookBack &&
        (await ofThePast('New subjects, resources and networks', () =>
          together({
            subjects: () => newOnes('report-new-subjects'),
            resources: () => newOnes('report-new-resources'),
            networks: () => newOnes('report-new-networks'),
          }),
        )),
    });
    return { overTime, sums: total(outcomes, overTime), ...rest };
  };
  const gatherOkera = async (): Promise<OkeraData> => {
    const overTime = fold(buckets, answers, okeraCounts((await ask('report-okera-over-time')).rows));
    const rest = await together({
      tables: () => askTop('report-okera-tables'),
      users: () => askTop('report-okera-users'),
      accesses: () => askTop('report-okera-accesses'),
      changes: async () => permissionChanges(await askTop('report-okera-changes')),
      before: () =>
        ofThePast('Requests of the period before', async () =>
          total(answers, okeraCounts((await askIn(before, 'report-okera-over-time')).rows)),
        ),
    });
    return { overTime, sums: total(answers, overTime), ...rest };
  };
  const gatherQuarantine = async (): Promise<ReportData['quarantine']> => {
    const reasons = await askTop('report-quarantine');
    const then = await ofThePast('Records in quarantine of the period before', () =>
      askIn(before, 'report-quarantine'),
    );
    return { ...reasons, records: recordsIn(reasons.rows), before: then && recordsIn(then.rows) };
  };

  // No request of Okera has a path of a policy.
  const hasOkera = has('report-okera-over-time') && filters.path === undefined;
  // What is missing has neither a subject nor a path.
  const hasProducers = tables.includes(sequences.name) && filters.subject === undefined && filters.path === undefined;
  const parts = await together({
    decisions: async () => (has('report-over-time') ? gatherDecisions() : null),
    okera: async () => (hasOkera ? gatherOkera() : null),
    ingestion: async () =>
      has('report-ingested') ? together({ sources: () => ask('report-ingested'), lag: () => ask('report-lag') }) : null,
    quarantine: async () => (has('report-quarantine') ? gatherQuarantine() : null),
    producers: async () => (hasProducers ? ask('missing-decisions') : null),
  });
  return {
    range,
    filters,
    buckets,
    before,
    lookBack,
    ...parts,
    missing: ['opa_decisions', 'okera_audit_logs', 'ingested_objects', 'quarantine'].filter(
      (table) => !tables.includes(table),
    ),
    leftOut,
    asked: flat(asked),
  };
}

/** In the order of the parts of a report, however they were answered. */
type AskedTree = (Asked | AskedTree)[];

const flat = (tree: AskedTree): Asked[] => tree.flatMap((one) => (Array.isArray(one) ? flat(one) : one));

const topOf = ({ columns, rows }: Table): Top => ({
  columns,
  rows,
  of: rows[0] === undefined ? 0 : numberIn(rows[0], 'of_all'),
});

type Counts<Name extends string> = ({ readonly moment: number } & Record<Name, number>)[];

const total = <Name extends string>(names: readonly Name[], counts: readonly Sums<Name>[]): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, counts.reduce((sum, count) => sum + count[name], 0)])) as Record<
    Name,
    number
  >;

const verdictsOf = (rows: readonly AnswerRow[]): Counts<DecisionOutcome> =>
  rows.map((row) => {
    const [allowed, denied, errors] = [numberIn(row, 'allowed'), numberIn(row, 'denied'), numberIn(row, 'errors')];
    const other = numberIn(row, 'decisions') - allowed - denied - errors;
    return { moment: momentIn(row), allowed, denied, errors, undefined: 0, other };
  });

function withUndefined(counts: Counts<DecisionOutcome>, rows: readonly AnswerRow[]): Counts<DecisionOutcome> {
  const byMoment = new Map(rows.map((row) => [momentIn(row), numberIn(row, 'decisions')]));
  return counts.map((count) => {
    // Rows may have come between the two questions.
    const undefined_ = Math.min(byMoment.get(count.moment) ?? 0, count.other);
    return { ...count, undefined: undefined_, other: count.other - undefined_ };
  });
}

const okeraCounts = (rows: readonly AnswerRow[]): Counts<Answer> =>
  rows.map((row) => {
    const [refused, failed] = [numberIn(row, 'refused'), numberIn(row, 'failed')];
    return { moment: momentIn(row), granted: numberIn(row, 'requests') - refused - failed, refused, failed };
  });

const recordsIn = (reasons: readonly AnswerRow[]): number =>
  reasons[0] === undefined ? 0 : numberIn(reasons[0], 'all_records');

function permissionChanges({ columns, rows, of }: Top): OkeraData['changes'] {
  const [first] = rows;
  return {
    columns,
    rows: rows.toReversed(),
    of,
    grants: first ? numberIn(first, 'grants') : 0,
    revocations: first ? numberIn(first, 'revocations') : 0,
  };
}

/** A count; a bigint beyond 2^53, which comes as text, loses its last digits. */
export const numberIn = (row: AnswerRow, name: string): number => Number(row[name] ?? 0);

/** A day, or a timestamp as engines give it: YYYY-MM-DDThh:mm:ss…Z. */
const momentIn = (row: AnswerRow): number => {
  const text = String(row.moment);
  return Date.parse(text.length === 10 ? text : `${text.slice(0, 19)}Z`);
};
