/** What is in quarantine: counted by source type and reason, with samples. Payloads are read only where they are asked for. */
import { loadUnlessLost } from '../../iceberg/ensure.ts';
import { scanRows } from '../../iceberg/table-rows.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { parseDays } from '../../ingest/time-range.ts';
import type { Row } from '../../parquet/read/row-reader.ts';
import { type RejectionCode, rejectionCodes } from '../../records/outcome.ts';
import { quarantine } from '../../tables/quarantine.ts';
import { expectReasons, expectSourceTypes } from './expect-known.ts';

export interface QuarantineOptions {
  readonly reasons?: readonly string[];
  readonly sourceTypes?: readonly string[];
  /** UTC days, or times in them such as `yesterday` or `-7d`; both included. */
  readonly from?: string;
  readonly to?: string;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string;
  /** Records shown of each reason. */
  readonly samples: number;
  /** With what was in the records: detail and payload. Without it only where and why. */
  readonly reveal: boolean;
}

export interface QuarantineReport {
  readonly records: number;
  readonly reasons: readonly ReasonReport[];
}

export interface ReasonReport {
  readonly sourceType: string;
  readonly reason: string;
  /** What the reason means. */
  readonly meaning: string;
  records: number;
  objects: number;
  firstDay: string;
  lastDay: string;
  readonly pointers: Record<string, number>;
  readonly samples: SampleRecord[];
}

export interface SampleRecord {
  readonly uri: string;
  readonly offset: number;
  readonly pointer: string;
  readonly bytes: number;
  /** Only where they were asked for: they hold values of the record. */
  readonly detail?: string;
  readonly payload?: string;
  readonly payloadEncoding?: string;
}

/** Pointers are keys of the records, which an outsider chooses: so many of a reason are told apart. */
const mostPointers = 50;

export async function describeQuarantine(
  { store, catalog, clock }: Pick<Runtime, 'store' | 'catalog' | 'clock'>,
  options: QuarantineOptions,
): Promise<QuarantineReport> {
  expectReasons(options.reasons);
  expectSourceTypes(options.sourceTypes);
  const ymd = parseDays(options, { now: clock() });
  const reports = new Map<string, ReasonReport>();
  const objects = new Map<ReasonReport, string>();
  let records = 0;
  const columns = quarantine.columns
    .map(({ name }) => name)
    .filter((name) => options.reveal || (name !== 'detail' && name !== 'payload'));
  const loaded = await loadUnlessLost({ store, catalog }, quarantine.name);
  if (loaded !== undefined) {
    for await (const rows of scanRows(store, loaded, { ymd, columns })) {
      for (const row of rows) {
        if (!isWanted(row, options)) continue;
        records++;
        const key = `${row.source_type} ${row.reason}`;
        const report = reports.get(key) ?? newReport(row);
        reports.set(key, report);
        count(report, row, objects);
        if (report.samples.length < options.samples) report.samples.push(sample(row, options.reveal));
      }
    }
  }
  return { records, reasons: [...reports.values()].sort((a, b) => b.records - a.records) };
}

function isWanted(row: Row, { reasons, sourceTypes }: QuarantineOptions): boolean {
  return (
    (reasons === undefined || reasons.includes(String(row.reason))) &&
    (sourceTypes === undefined || sourceTypes.includes(String(row.source_type)))
  );
}

function newReport(row: Row): ReasonReport {
  const reason = String(row.reason);
  return {
    sourceType: String(row.source_type),
    reason,
    meaning: rejectionCodes[reason as RejectionCode] ?? 'a reason of another version of this program',
    records: 0,
    objects: 0,
    firstDay: String(row.ymd),
    lastDay: String(row.ymd),
    pointers: {},
    samples: [],
  };
}

/** Rows of a file are sorted by object, so a new object shows by its uri being another than the last one's. */
function count(report: ReasonReport, row: Row, lastObject: Map<ReasonReport, string>): void {
  report.records++;
  const [ymd, uri, pointer] = [String(row.ymd), String(row.source_uri), String(row.pointer)];
  if (lastObject.get(report) !== uri) report.objects++;
  lastObject.set(report, uri);
  if (ymd < report.firstDay) report.firstDay = ymd;
  if (ymd > report.lastDay) report.lastDay = ymd;
  const known = Object.hasOwn(report.pointers, pointer);
  if (known || Object.keys(report.pointers).length < mostPointers)
    report.pointers[pointer] = (report.pointers[pointer] ?? 0) + 1;
}

function sample(row: Row, reveal: boolean): SampleRecord {
  return {
    uri: String(row.source_uri),
    offset: Number(row.source_offset),
    pointer: String(row.pointer),
    bytes: Number(row.payload_bytes),
    ...(reveal && {
      detail: String(row.detail),
      payload: String(row.payload),
      payloadEncoding: String(row.payload_encoding),
    }),
  };
}
