import type { ObjectFailure } from '../../ingest/request.ts';
import type { Warning } from '../../ingest/require-sources.ts';
import type { OtherMapping } from '../../ledger/other-mappings.ts';
import type { LeftOut } from '../../records/object-facts.ts';
import type { RejectionCode } from '../../records/outcome.ts';

export interface BackfillOptions {
  /** Names of sources; all where omitted. */
  readonly sources?: readonly string[];
  /** YYYY-MM-DD (the whole UTC day) or an RFC 3339 instant, both ends included. Prunes objects by key, never records. */
  readonly from?: string;
  readonly to?: string;
  /** Relative to each source's location, or a URI. */
  readonly prefix?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface BackfillReport {
  readonly objects: { listed: number; skipped: number; committed: number; failed: number };
  readonly records: { read: number; rows: number; quarantined: number; skipped: number; duplicates: number };
  readonly bytes: { read: number; decompressed: number; written: number };
  readonly tables: Record<string, { rows: number; files: number; days: number }>;
  readonly seconds: number;
  readonly failures: readonly ObjectFailure[];
  /** By column: values of another type than the column's, null in the column and kept in the raw text. */
  readonly typeMismatches: Record<string, number>;
  /** By reason. */
  readonly quarantine: Partial<Record<RejectionCode, number>>;
  /** Records that took the reference path, which is slower; all others were certain. */
  readonly doubted: number;
  /** Of the rows, those that share their id with a row of the same batch and differ from it: all are kept. */
  readonly conflicts: number;
  /** Of the objects listed: those that are not logs of their source, by reason. */
  readonly leftOut: Readonly<Record<LeftOut, number>>;
  /** Sources with rows that were written with another shape or other fields than they have now. */
  readonly otherMappings: readonly OtherMapping[];
  /** What the run did as it was told to, and nobody may have meant. */
  readonly warnings: readonly Warning[];
  /** With dryRun: what a run would do. */
  readonly plan?: { batches: number; objects: number; bytes: number };
}

/** What a run has written, by table. */
export type WrittenTables = Map<string, { rows: number; files: number; days: Set<string> }>;

/** What the loads of a run came to, to be added to what its events came to. */
export class SideReport {
  readonly objects = { listed: 0, skipped: 0, committed: 0, failed: 0 };
  readonly records = { read: 0, rows: 0, quarantined: 0, duplicates: 0 };
  readonly bytes = { read: 0, decompressed: 0, written: 0 };
  readonly plan = { batches: 0, objects: 0, bytes: 0 };
  readonly failures: ObjectFailure[] = [];
  readonly warnings: Warning[] = [];
  readonly reasons = new Map<RejectionCode, number>();
  readonly written: WrittenTables;

  constructor(written: WrittenTables) {
    this.written = written;
  }

  /** `report` has what was written to tables already. */
  addTo(report: BackfillReport): BackfillReport {
    const sum = <T extends Record<string, number>>(a: T, b: Partial<T>): T =>
      Object.fromEntries(Object.entries(a).map(([key, value]) => [key, value + (b[key] ?? 0)])) as T;
    return {
      ...report,
      objects: sum(report.objects, this.objects),
      records: sum(report.records, this.records),
      bytes: sum(report.bytes, this.bytes),
      failures: [...this.failures, ...report.failures],
      warnings: [...this.warnings, ...report.warnings],
      quarantine: sum(
        { ...Object.fromEntries([...this.reasons.keys()].map((reason) => [reason, 0])), ...report.quarantine },
        Object.fromEntries(this.reasons),
      ),
      ...(report.plan && { plan: sum(report.plan, this.plan) }),
    };
  }
}
