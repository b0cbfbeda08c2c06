/**
 * The data of a report for programs: one JSON document with everything, and one CSV table per list. Both use the column
 * names of the SQL, and values are not cut as they are on the page.
 */
import type { CellValue } from '../engines/engine.ts';
import type { Receipt } from '../queries/receipt.ts';
import { csvField, csvFieldForSpreadsheets } from '../text/csv.ts';
import { timeText } from '../text/time.ts';
import { answers, outcomes, type ReportData, type Table } from './gather.ts';

export interface NamedTable extends Table {
  readonly name: string;
}

/** Totals that the SQL repeats on every row; they are given once, in `totals`. */
const aside: ReadonlySet<string> = new Set(['of_all', 'known', 'all_records', 'grants', 'revocations']);

export function tablesOf(data: ReportData): NamedTable[] {
  const { buckets, decisions, okera, ingestion, producers, quarantine } = data;
  const overTime = <Name extends string>(
    sums: readonly Readonly<Record<Name, number>>[],
    names: readonly Name[],
  ): Table => ({
    columns: ['from', ...names],
    rows: sums.map((sum, i) => ({ from: new Date(buckets.starts[i]!).toISOString(), ...sum })),
  });
  const named: [string, Table][] = [];
  if (decisions) {
    const { news } = decisions;
    named.push(
      ['decisions-over-time', overTime(decisions.overTime, outcomes)],
      ['subjects', decisions.subjects],
      ['resources', decisions.resources],
      ['denied', decisions.denied],
      ['policies', decisions.policies],
      ['labels', decisions.labels],
      ['networks', decisions.networks],
    );
    if (news)
      named.push(['new-subjects', news.subjects], ['new-resources', news.resources], ['new-networks', news.networks]);
  }
  if (okera)
    named.push(
      ['okera-over-time', overTime(okera.overTime, answers)],
      ['okera-tables', okera.tables],
      ['okera-users', okera.users],
      ['okera-accesses', okera.accesses],
      ['okera-changes', okera.changes],
    );
  if (ingestion) named.push(['ingested', ingestion.sources], ['lag', ingestion.lag]);
  if (producers) named.push(['producers', producers]);
  if (quarantine) named.push(['quarantine', quarantine]);
  return named.map(([name, { columns: all, rows }]) => {
    const columns = all.filter((column) => !aside.has(column));
    return {
      name,
      columns,
      rows: rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column] ?? null]))),
    };
  });
}

/** What a report says of itself. */
export interface About {
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly engine: string;
  readonly version: string;
  readonly receipt?: Receipt | undefined;
}

export type ReportDocument = ReturnType<typeof documentOf>;

export const jsonOf = (document: ReportDocument): string => `${JSON.stringify(document, null, 1)}\n`;

/** Plain values, which JSON has too. */
export function documentOf(data: ReportData, { title, now, engine, version, receipt }: About) {
  const { range, before, lookBack, filters, buckets, decisions, okera, quarantine, missing, leftOut, asked } = data;
  const span = ({ from, to }: { from: bigint; to: bigint }) => ({ from: timeText(from), to: timeText(to) });
  const sums = <Name extends string>(of: Readonly<Record<Name, number>> | null, names: readonly Name[]) =>
    of && { total: names.reduce((all, name) => all + of[name], 0), ...of };
  return {
    title,
    version,
    engine,
    made: new Date(now).toISOString(),
    range: span(range),
    before: span(before),
    lookBack: lookBack && span(lookBack),
    bucket: buckets.width,
    filters,
    totals: {
      decisions: decisions && {
        ...sums(decisions.sums, outcomes),
        subjects: decisions.subjects.of,
        resources: decisions.resources.of,
        networks: decisions.networks.of,
        before: sums(decisions.before, outcomes),
        new: decisions.news && {
          subjects: decisions.news.subjects.comparable ? decisions.news.subjects.of : null,
          resources: decisions.news.resources.comparable ? decisions.news.resources.of : null,
          networks: decisions.news.networks.comparable ? decisions.news.networks.of : null,
        },
      },
      okera: okera && {
        ...sums(okera.sums, answers),
        users: okera.users.of,
        grants: okera.changes.grants,
        revocations: okera.changes.revocations,
        permissionChanges: okera.changes.of,
        before: sums(okera.before, answers),
      },
      quarantine: quarantine && { records: quarantine.records, reasons: quarantine.of, before: quarantine.before },
    },
    missing,
    leftOut,
    receipt: receipt ?? null,
    tables: Object.fromEntries(tablesOf(data).map(({ name, rows }) => [name, rows])),
    asked: asked.map(({ question, given, bytesScanned }) => ({
      question,
      parameters: Object.fromEntries(given),
      bytesScanned,
    })),
  };
}

/**
 * RFC 4180, for spreadsheets: a cell that one of them would take for a formula starts with an apostrophe. The JSON has
 * each text as it is.
 */
export function csvOf({ columns, rows }: Table): string {
  const lines = [columns.map(field), ...rows.map((row) => columns.map((column) => field(row[column] ?? null)))];
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('');
}

function field(cell: CellValue): string {
  if (typeof cell === 'string') return csvFieldForSpreadsheets(cell);
  return csvField(cell === null ? '' : typeof cell === 'object' ? JSON.stringify(cell) : String(cell));
}
