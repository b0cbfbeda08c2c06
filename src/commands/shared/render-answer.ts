/**
 * Prints an answer as a table, as JSON or as CSV (RFC 4180). JSON and CSV are written chunk by chunk, so an answer may
 * be larger than memory; a table is for reading, and stops after its first rows with a note.
 */
import type { CellValue, QueryAnswer } from '../../engines/engine.ts';
import { csvField, csvFieldForSpreadsheets } from '../../text/csv.ts';
import { formatBytes, formatCount, formatSeconds, plural } from '../../text/humanize.ts';
import { printable } from '../../text/printable.ts';
import { textTable } from '../../text/text-table.ts';
import type { CommandContext, Output } from './context.ts';

export const answerFormats = ['table', 'json', 'csv'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

const tableRows = 1000;
const cellWidth = 60;
/** Types of DuckDB, Trino and Athena whose values are lined up by their last digit. */
const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL(\(.*\))?)$/i;

export interface CsvOptions {
  /** For spreadsheets: text that one would run as a formula gets an apostrophe before it. Numbers stay what they are. */
  readonly safe?: boolean;
}

export async function writeAnswer(
  { stdout, stderr }: Pick<CommandContext, 'stdout' | 'stderr'>,
  answer: QueryAnswer,
  format: AnswerFormat,
  seconds: () => number,
  options: CsvOptions = {},
): Promise<void> {
  if (format === 'json') await writeJson(stdout, answer, seconds);
  else if (format === 'csv') await writeCsv(stdout, answer, options);
  else await writeTable(stdout, stderr, answer, seconds);
}

/** `{"columns":[…],"rows":[[…]],"bytesScanned":n,"seconds":s}`, one row a line. */
async function writeJson(stdout: Output, answer: QueryAnswer, seconds: () => number): Promise<void> {
  await stdout.writeJson(`{"columns":${JSON.stringify(answer.columns.map((column) => column.name))},"rows":[`);
  let first = true;
  for await (const rows of answer.chunks) {
    const text = rows.map((row) => JSON.stringify(row)).join(',\n');
    if (text === '') continue;
    await stdout.writeJson(`${first ? '\n' : ',\n'}${text}`);
    first = false;
  }
  await stdout.writeJson(`${first ? '' : '\n'}],"bytesScanned":${answer.bytesScanned()},"seconds":${seconds()}}\n`);
}

/** Into a pipe cells are as they are; on a terminal each row is one line. */
async function writeCsv(stdout: Output, answer: QueryAnswer, { safe = false }: CsvOptions): Promise<void> {
  const [shown, end] = stdout.isTTY ? [printable, '\n'] : [(text: string) => text, '\r\n'];
  const field = (text: string): string => csvField(shown(text));
  const textField = safe ? (text: string): string => csvFieldForSpreadsheets(shown(text)) : field;
  const fields = answer.columns.map(({ type }) => (numeric.test(type) ? field : textField));
  const line = (texts: readonly string[]): string => `${texts.join(',')}${end}`;
  await stdout.writeData(line(answer.columns.map((column) => textField(column.name))));
  for await (const rows of answer.chunks) {
    await stdout.writeData(rows.map((row) => line(row.map((cell, i) => fields[i]!(plain(cell))))).join(''));
  }
}

async function writeTable(stdout: Output, stderr: Output, answer: QueryAnswer, seconds: () => number): Promise<void> {
  const shown: (readonly CellValue[])[] = [];
  let count = 0;
  for await (const rows of answer.chunks) {
    count += rows.length;
    if (shown.length < tableRows) shown.push(...rows.slice(0, tableRows - shown.length));
  }
  const columns = answer.columns.map(({ name, type }) => ({
    title: name,
    align: numeric.test(type) ? ('right' as const) : ('left' as const),
    most: answer.columns.length === 1 ? Number.MAX_SAFE_INTEGER : cellWidth,
  }));
  await stdout.write(
    textTable(
      columns,
      shown.map((row) => row.map((cell) => (cell === null ? '-' : plain(cell)))),
    ),
  );
  if (count > shown.length) {
    await stdout.write(`… ${formatCount(count - shown.length)} more; --format json or csv gives all of them\n`);
  }
  await stderr.write(
    `${plural(count, 'row')}, ${formatBytes(answer.bytesScanned())} scanned, ${formatSeconds(seconds())}\n`,
  );
}

function plain(cell: CellValue): string {
  if (cell === null) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}
