/**
 * Prints an answer. JSON, JSON lines, CSV (RFC 4180) and Markdown are written chunk by chunk, so an answer may be larger
 * than memory; a table and lines of names and values are for reading, and stop after their first rows with a note.
 */
import { nearest, UsageError } from '../../config/errors.ts';
import type { CellValue, QueryAnswer } from '../../engines/engine.ts';
import { csvField, csvFieldForSpreadsheets } from '../../text/csv.ts';
import { formatCount } from '../../text/humanize.ts';
import { markdownHead, markdownRow } from '../../text/markdown.ts';
import { printable } from '../../text/printable.ts';
import { recordsText } from '../../text/records.ts';
import { styled } from '../../text/styles.ts';
import { type TextColumn, textTable } from '../../text/text-table.ts';
import { wrapLines } from '../../text/wrap.ts';
import type { Output } from './context.ts';

export const answerFormats = ['table', 'line', 'markdown', 'json', 'jsonl', 'csv'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

type Row = readonly CellValue[];

const rowsShown = 1000;
const cellWidth = 60;
/** Rows that are shown one below the other where they do not fit side by side. */
const fewRows = 3;
/** Types of DuckDB, Trino and Athena whose values are lined up by their last digit. */
const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL(\(.*\))?)$/i;

export interface AnswerOptions {
  /** CSV for spreadsheets: text that one would run as a formula gets an apostrophe before it. Numbers stay what they are. */
  readonly safe?: boolean;
  /** Members that JSON ends with, known when all rows have been read. */
  readonly trailer: (rows: number) => Promise<Readonly<Record<string, unknown>>>;
}

/** Resolves to the number of rows. */
export async function writeAnswer(
  output: Output,
  answer: QueryAnswer,
  format: AnswerFormat,
  options: AnswerOptions,
): Promise<number> {
  if (format === 'json') return writeJson(output, answer, options);
  if (format === 'jsonl') return writeJsonLines(output, answer);
  if (format === 'csv') return writeCsv(output, answer, options);
  if (format === 'markdown') return writeMarkdown(output, answer);
  return writeForReading(output, answer, format);
}

/** The answer with only these columns, in this order. Throws UsageError for one that it does not have. */
export function withColumns(answer: QueryAnswer, names: readonly string[]): QueryAnswer {
  const existing = answer.columns.map(({ name }) => name);
  const indices = names.map((name) => {
    const at = existing.indexOf(name);
    if (at >= 0) return at;
    const near = nearest(name, existing);
    throw new UsageError(
      `the answer has no column ${name}; ${near ? `did you mean ${near}?` : `it has: ${existing.join(', ')}`}`,
    );
  });
  async function* chosen(): AsyncGenerator<readonly Row[]> {
    for await (const rows of answer.chunks) yield rows.map((row) => indices.map((at) => row[at]!));
  }
  return { ...answer, columns: indices.map((at) => answer.columns[at]!), chunks: chosen() };
}

/** `{"columns":[…],"rows":[[…]],"bytesScanned":n,…}`, one row a line. */
async function writeJson(output: Output, answer: QueryAnswer, { trailer }: AnswerOptions): Promise<number> {
  await output.writeJson(`{"columns":${JSON.stringify(answer.columns.map((column) => column.name))},"rows":[`);
  let count = 0;
  for await (const rows of answer.chunks) {
    const text = rows.map((row) => JSON.stringify(row)).join(',\n');
    if (text === '') continue;
    await output.writeJson(`${count === 0 ? '\n' : ',\n'}${text}`);
    count += rows.length;
  }
  const rest = JSON.stringify({ bytesScanned: answer.bytesScanned(), ...(await trailer(count)) });
  await output.writeJson(`${count === 0 ? '' : '\n'}],${rest.slice(1)}\n`);
  return count;
}

/** An object per row. Of columns with one name, the later ones get a number. */
async function writeJsonLines(output: Output, answer: QueryAnswer): Promise<number> {
  const names = distinctNames(answer.columns.map(({ name }) => name));
  let count = 0;
  for await (const rows of answer.chunks) {
    const line = (row: Row): string => `{${row.map((cell, i) => `${names[i]}:${JSON.stringify(cell)}`).join(',')}}\n`;
    if (rows.length > 0) await output.writeJson(rows.map(line).join(''));
    count += rows.length;
  }
  return count;
}

/** As JSON, so that one called `__proto__` stays a name. */
function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let i = 2; seen.has(distinct) || (distinct !== name && taken.has(distinct)); i++) distinct = `${name}_${i}`;
    seen.add(distinct);
    return JSON.stringify(distinct);
  });
}

/** Into a pipe cells are as they are; on a terminal each row is one line. */
async function writeCsv(output: Output, answer: QueryAnswer, { safe = false }: AnswerOptions): Promise<number> {
  const [shown, end] = output.isTTY ? [printable, '\n'] : [(text: string) => text, '\r\n'];
  const field = (text: string): string => csvField(shown(text));
  const textField = safe ? (text: string): string => csvFieldForSpreadsheets(shown(text)) : field;
  const fields = answer.columns.map(({ type }) => (numeric.test(type) ? field : textField));
  const line = (texts: readonly string[]): string => `${texts.join(',')}${end}`;
  await output.writeData(line(answer.columns.map((column) => textField(column.name))));
  let count = 0;
  for await (const rows of answer.chunks) {
    await output.writeData(rows.map((row) => line(row.map((cell, i) => fields[i]!(plain(cell))))).join(''));
    count += rows.length;
  }
  return count;
}

async function writeMarkdown(output: Output, answer: QueryAnswer): Promise<number> {
  const names = answer.columns.map(({ name }) => name);
  await output.writeData(
    markdownHead(
      names,
      answer.columns.map(({ type }) => numeric.test(type)),
    ),
  );
  let count = 0;
  for await (const rows of answer.chunks) {
    await output.writeData(rows.map((row) => markdownRow(row.map(plain))).join(''));
    count += rows.length;
  }
  return count;
}

async function writeForReading(output: Output, answer: QueryAnswer, format: 'table' | 'line'): Promise<number> {
  const shown: Row[] = [];
  let count = 0;
  for await (const rows of answer.chunks) {
    count += rows.length;
    if (shown.length < rowsShown) shown.push(...rows.slice(0, rowsShown - shown.length));
  }
  const text = format === 'line' ? lines(answer, shown, output.columns) : table(answer, shown, output.columns);
  await output.writeStyled(text);
  if (count > shown.length) {
    await output.write(`… ${formatCount(count - shown.length)} more; --format json, jsonl or csv gives all of them\n`);
  }
  return count;
}

const lines = ({ columns }: QueryAnswer, rows: readonly Row[], width: number | undefined): string =>
  recordsText(
    columns.map(({ name }) => name),
    rows.map((row) => row.map((cell) => (cell === null ? '-' : plain(cell)))),
    { width },
  );

/** What is one and the same in all rows is said once where the table would be too wide with it. */
function table(answer: QueryAnswer, rows: readonly Row[], width: number | undefined): string {
  const whole = tableOf(answer.columns, rows, {});
  if (width === undefined || isNarrow(whole, width)) return whole;
  if (rows.length <= fewRows) return lines(answer, rows, width);
  const uniform = new Set(answer.columns.keys().filter((at) => isUniform(rows, at)));
  const rest = [...answer.columns.keys()].filter((at) => !uniform.has(at));
  if (rest.length === 0) return lines(answer, rows, width);
  const fitted = tableOf(
    rest.map((at) => answer.columns[at]!),
    rows.map((row) => rest.map((at) => row[at]!)),
    { width, advice: '--format line shows all, --columns a,b those named' },
  );
  return wrapLines(fitted + uniformNote(answer, rows[0]!, [...uniform], width), width);
}

function tableOf(
  columns: QueryAnswer['columns'],
  rows: readonly Row[],
  fit: { readonly width?: number; readonly advice?: string },
): string {
  const shown = columns.map(
    ({ name, type }): TextColumn => ({
      title: name,
      align: numeric.test(type) ? 'right' : 'left',
      most: columns.length === 1 ? Number.MAX_SAFE_INTEGER : cellWidth,
      // What tells rows apart, and where they came from, is looked up rather than read.
      rank: /(^|_)(id|uri|offset|key|hash)$/.test(name) ? 1 : 0,
    }),
  );
  return textTable(
    shown,
    rows.map((row) => row.map((cell) => (cell === null ? '-' : plain(cell)))),
    fit,
  );
}

/** Rules of a table are as wide as it is. */
const isNarrow = (text: string, width: number): boolean => {
  const rule = text.slice(text.indexOf('\n') + 1);
  return rule.slice(0, rule.indexOf('\n')).replace(/[^- ]/gu, '').length <= width;
};

const isUniform = (rows: readonly Row[], at: number): boolean => {
  const first = plain(rows[0]![at]!);
  return rows.every((row) => plain(row[at]!) === first && (row[at] === null) === (rows[0]![at] === null));
};

function uniformNote({ columns }: QueryAnswer, row: Row, uniform: readonly number[], width: number): string {
  const name = (at: number): string => printable(columns[at]!.name, 40);
  const [empty, same] = [uniform.filter((at) => row[at] === null), uniform.filter((at) => row[at] !== null)];
  const notes = same.map((at) => printable(`in every row: ${name(at)} = ${plain(row[at]!)}`, width));
  if (empty.length > 0) notes.push(printable(`without a value: ${empty.map(name).join(', ')}`, width));
  return notes.map((note) => `${styled('dim', note)}\n`).join('');
}

export function plain(cell: CellValue): string {
  if (cell === null) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
}
