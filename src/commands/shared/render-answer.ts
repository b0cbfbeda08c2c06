/**
 * Prints an answer as a table, as JSON or as CSV (RFC 4180). JSON and CSV are written chunk by chunk, so an answer may
 * be larger than memory; a table is for reading, and stops after its first rows with a note.
 */
import type { CellValue, QueryAnswer } from '../../engines/engine.ts';
import { formatBytes, formatCount, formatSeconds, plural } from '../../text/humanize.ts';
import { textTable } from '../../text/text-table.ts';
import type { CommandContext, Output } from './context.ts';

export const answerFormats = ['table', 'json', 'csv'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

const tableRows = 1000;
const cellWidth = 60;
/** Types of DuckDB, Trino and Athena whose values are lined up by their last digit. */
const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL(\(.*\))?)$/i;

export async function writeAnswer(
  { stdout, stderr }: Pick<CommandContext, 'stdout' | 'stderr'>,
  answer: QueryAnswer,
  format: AnswerFormat,
  seconds: () => number,
): Promise<void> {
  if (format === 'json') await writeJson(stdout, answer, seconds);
  else if (format === 'csv') await writeCsv(stdout, answer);
  else await writeTable(stdout, stderr, answer, seconds);
}

/** `{"columns":[…],"rows":[[…]],"bytesScanned":n,"seconds":s}`, one row a line. */
async function writeJson(stdout: Output, answer: QueryAnswer, seconds: () => number): Promise<void> {
  await stdout.write(`{"columns":${JSON.stringify(answer.columns.map((column) => column.name))},"rows":[`);
  let first = true;
  for await (const rows of answer.chunks) {
    const text = rows.map((row) => JSON.stringify(row)).join(',\n');
    if (text === '') continue;
    await stdout.write(`${first ? '\n' : ',\n'}${text}`);
    first = false;
  }
  await stdout.write(`${first ? '' : '\n'}],"bytesScanned":${answer.bytesScanned()},"seconds":${seconds()}}\n`);
}

async function writeCsv(stdout: Output, answer: QueryAnswer): Promise<void> {
  await stdout.write(`${answer.columns.map((column) => csvField(column.name)).join(',')}\r\n`);
  for await (const rows of answer.chunks) {
    await stdout.write(rows.map((row) => `${row.map((cell) => csvField(plain(cell))).join(',')}\r\n`).join(''));
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

/** Quoted where it has to be (RFC 4180); null and the empty text are both an empty field. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
