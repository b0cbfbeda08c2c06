/** Reads the answer of an engine as far as a page shows it, in bounded memory. */
import type { CellValue, QueryAnswer } from '../engines/engine.ts';

export interface ReadAnswer {
  readonly columns: readonly string[];
  /** The first ones. */
  readonly rows: readonly (readonly CellValue[])[];
  /** Rows read. */
  readonly count: number;
  /** Whether that is all of them. */
  readonly complete: boolean;
  /** Event times of all rows read with whether each was allowed, in milliseconds; empty without a column of them. */
  readonly events: readonly { readonly moment: number; readonly allowed: boolean | null }[];
  readonly bytesScanned: number;
}

export const mostShown = 200;
const mostRead = 100_000;
/** Columns that say when the event of a row happened. */
const timeColumns = ['event_time', 'time', 'start_time_utc'];

export async function readAnswer(answer: QueryAnswer): Promise<ReadAnswer> {
  const columns = answer.columns.map(({ name }) => name);
  const timeAt = columns.findIndex((name) => timeColumns.includes(name));
  const allowedAt = columns.indexOf('allowed');
  const rows: (readonly CellValue[])[] = [];
  const events: { moment: number; allowed: boolean | null }[] = [];
  let count = 0;
  let complete = true;
  for await (const chunk of answer.chunks) {
    for (const row of chunk) {
      if (rows.length < mostShown) rows.push(row);
      const time = timeAt < 0 ? null : row[timeAt];
      const allowed = allowedAt < 0 ? null : row[allowedAt];
      const moment = momentOf(time ?? null);
      if (moment !== undefined) events.push({ moment, allowed: typeof allowed === 'boolean' ? allowed : null });
      count++;
    }
    if (count >= mostRead) {
      complete = false;
      break;
    }
  }
  return { columns, rows, count, complete, events, bytesScanned: answer.bytesScanned() };
}

/** Milliseconds of a day or of an instant, its second; undefined for what is neither: the columns of SQL have any name. */
export function momentOf(cell: CellValue): number | undefined {
  if (typeof cell !== 'string') return undefined;
  const [, day, time] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.\d+)?Z?)?$/.exec(cell) ?? [];
  const moment = Date.parse(time === undefined ? `${day}` : `${day}T${time}Z`);
  return Number.isNaN(moment) ? undefined : moment;
}
