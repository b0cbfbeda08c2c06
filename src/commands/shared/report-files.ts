/**
 * The files of a report: the page, its data, and the index of its folder. Each is there whole or not at all, so that a
 * failure leaves the older file as it was; the index comes last.
 */
import { mkdir, open, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../../config/errors.ts';
import { csvOf, tablesOf } from '../../report/data.ts';
import type { ReportData } from '../../report/gather.ts';
import { renderIndex } from '../../report/index-page.ts';
import { type ReportMeta, readMeta } from '../../report/meta.ts';
import { compareText } from '../../text/order.ts';
import { writeText } from './whole-file.ts';

export interface ReportPlace {
  /** As the user gave it. */
  readonly file: string;
  readonly path: string;
  /** Where the data goes, if it is wanted. */
  readonly dataFolder: string | undefined;
  readonly links: { readonly csv: (table: string) => string; readonly json: string } | undefined;
  readonly index: boolean;
}

const indexFile = 'index.html';

/** Where the files go. Throws UsageError if a file has nowhere to go. */
export function placeOf(
  cwd: string,
  output: string | undefined,
  { data = false, index = false }: { readonly data?: boolean; readonly index?: boolean },
): ReportPlace | undefined {
  const beside = [data && '--data', index && '--index'].filter((option) => option !== false);
  if (output === undefined || output === '-') {
    if (beside.length > 0) throw new UsageError(`${beside.join(' and ')} needs --output FILE, beside which to write`);
    return output === undefined
      ? undefined
      : { file: '-', path: '-', dataFolder: undefined, links: undefined, index: false };
  }
  const path = resolve(cwd, output);
  if (index && basename(path) === indexFile) {
    throw new UsageError(`--output ${output} is where --index writes its own page; give the report another name`);
  }
  const folder = `${basename(path).replace(/\.html?$/i, '')}-data`;
  const link = (name: string): string => `./${encodeURIComponent(folder)}/${name}`;
  return {
    file: output,
    path,
    dataFolder: data ? join(dirname(path), folder) : undefined,
    links: data ? { csv: (table) => link(`${table}.csv`), json: link('report.json') } : undefined,
    index,
  };
}

export function parseDays(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 36_500) return Number(text);
  throw new UsageError(`--look-back takes a whole number of days up to 36500, not ${text}`);
}

export async function writeReport(
  { file, path, dataFolder, index }: ReportPlace,
  page: string,
  read: () => { readonly data: ReportData; readonly json: string },
): Promise<void> {
  try {
    if (dataFolder !== undefined) {
      const { data, json } = read();
      await mkdir(dataFolder, { recursive: true, mode: 0o700 });
      for (const table of tablesOf(data)) await writeText(join(dataFolder, `${table.name}.csv`), csvOf(table));
      await writeText(join(dataFolder, 'report.json'), json);
    }
    await writeText(path, page);
    if (index) await writeText(join(dirname(path), indexFile), renderIndex(await reportsIn(dirname(path))));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such folder; make it, or name another file with --output' : message;
    throw new Error(`the report cannot be written to ${file}: ${why}`, { cause: error });
  }
}

const mostReports = 10_000;
/** The summary of a page comes before its style. */
const headBytes = 16 * 1024;

/** The summaries of the reports in a folder, by file name; other files are skipped. */
async function reportsIn(folder: string): Promise<Map<string, ReportMeta>> {
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.html?$/i.test(entry.name) && entry.name !== indexFile)
    .map((entry) => entry.name)
    // If there are too many, the last by name are kept, since names usually begin with a date.
    .sort(compareText)
    .slice(-mostReports);
  const reports = new Map<string, ReportMeta>();
  for (const name of names) {
    const meta = readMeta(await headOf(join(folder, name)));
    if (meta !== undefined) reports.set(name, meta);
  }
  return reports;
}

async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
