import type { DataFile } from '../../iceberg/data-file.ts';
import { increase } from '../../ingest/object-counts.ts';
import { newPlanCounters } from '../../ingest/plan.ts';
import type { ObjectFailure } from '../../ingest/request.ts';
import type { Warning } from '../../ingest/require-sources.ts';
import type { KeptCounts } from '../../ledger/batch-intent.ts';
import type { OtherMapping } from '../../ledger/other-mappings.ts';
import type { ReplacedByBatch } from '../../ledger/replace-batches.ts';
import type { LeftOut } from '../../records/object-facts.ts';
import type { RejectionCode, SkipReason } from '../../records/outcome.ts';

export interface BackfillOptions {
  /** Names of sources; all where omitted. */
  readonly sources?: readonly string[];
  /** A day (the whole of it), an instant, or a time such as `-2h` or `yesterday`; both ends included. Prunes objects by key, never records. */
  readonly from?: string;
  readonly to?: string;
  /** IANA time zone of days and of times without an offset. Default: UTC. */
  readonly zone?: string;
  /** Relative to each source's location, or a URI. */
  readonly prefix?: string;
  /** Read what is in the warehouse already as well, and replace its rows, quarantined records and ledger entries. */
  readonly again?: boolean;
  /** Only objects of these URIs. */
  readonly objects?: ReadonlySet<string>;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface BackfillReport {
  readonly objects: { listed: number; skipped: number; committed: number; failed: number; archived: number };
  readonly records: { read: number; rows: number; quarantined: number; skipped: number; duplicates: number };
  readonly bytes: { read: number; decompressed: number; written: number };
  readonly tables: Record<string, { rows: number; files: number; days: number }>;
  readonly seconds: number;
  readonly failures: readonly ObjectFailure[];
  /** By column: values of another type than the column's, null in the column and kept in the raw text. */
  readonly typeMismatches: Record<string, number>;
  /** By reason. */
  readonly quarantine: Partial<Record<RejectionCode, number>>;
  /** The lines that were skipped, by reason. */
  readonly skipped: Partial<Record<SkipReason, number>>;
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
  /** With `again`: what was replaced. */
  readonly again?: AgainReport;
  /** With dryRun: what a run would do. */
  readonly plan?: { batches: number; objects: number; bytes: number; replaced?: PlannedReplacement };
}

export interface AgainReport {
  /** When it began, RFC 3339, where an earlier command did that was stopped or died: what that one read is not read again. */
  readonly since?: string;
  /** Objects that were in the warehouse before, and have been read again. */
  readonly objects: number;
  /** Rows that went, by table. */
  readonly replaced: Readonly<Record<string, number>>;
  /** Rows of erased subjects that the objects still give, and that did not come back. */
  readonly erased: number;
  /** Rows and quarantined records of earlier versions, which the objects do not give any more: they stay. */
  readonly kept: number;
}

/** What the ledger has of the objects that would be read. */
export interface PlannedReplacement {
  readonly objects: number;
  readonly rows: number;
  readonly quarantined: number;
}

/** What has become of some records. */
export interface RecordCounts {
  readonly read: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly skipped: number;
  readonly duplicates: number;
}

/** What a run came to: every part of a backfill adds to the one account, and the report is what it says at the end. */
export class BackfillAccount {
  readonly objects = { listed: 0, skipped: 0, committed: 0, failed: 0, archived: 0 };
  readonly failures: ObjectFailure[] = [];
  readonly warnings: Warning[] = [];
  readonly typeMismatches = new Map<string, number>();
  readonly reasons = new Map<RejectionCode, number>();
  readonly skips = new Map<SkipReason, number>();
  readonly plan: { batches: number; objects: number; bytes: number; replaced?: PlannedReplacement } = {
    batches: 0,
    objects: 0,
    bytes: 0,
  };
  again: AgainAccount | undefined;
  fallbacks = 0;
  conflicts = 0;
  leftOut: Readonly<Record<LeftOut, number>> = newPlanCounters().leftOut;
  otherMappings: readonly OtherMapping[] = [];
  readonly #records = { read: 0, rows: 0, quarantined: 0, skipped: 0, duplicates: 0 };
  readonly #bytes = { read: 0, decompressed: 0, written: 0 };
  readonly #tables = new Map<string, { rows: number; files: number; days: Set<string> }>();

  /** Records of objects that are committed. */
  read(counts: RecordCounts, bytes: { readonly read: number; readonly decompressed: number }): void {
    for (const key of Object.keys(this.#records) as (keyof RecordCounts)[]) this.#records[key] += counts[key];
    this.#bytes.read += bytes.read;
    this.#bytes.decompressed += bytes.decompressed;
  }

  /** Files that are committed to a table. */
  wrote(name: string, files: readonly DataFile[]): void {
    const table = this.#tables.get(name) ?? { rows: 0, files: 0, days: new Set<string>() };
    this.#tables.set(name, table);
    for (const file of files) {
      table.rows += file.recordCount;
      table.files++;
      table.days.add(file.ymd);
      this.#bytes.written += file.fileSize;
    }
  }

  /** With `isDryRun`, the plan as well. */
  report(seconds: number, isDryRun: boolean): BackfillReport {
    const tables = [...this.#tables].map(([name, { days, ...counts }]) => [name, { ...counts, days: days.size }]);
    return {
      objects: this.objects,
      records: this.#records,
      bytes: this.#bytes,
      tables: Object.fromEntries(tables),
      seconds,
      failures: this.failures,
      typeMismatches: Object.fromEntries(this.typeMismatches),
      quarantine: Object.fromEntries(this.reasons),
      skipped: Object.fromEntries(this.skips),
      doubted: this.fallbacks,
      leftOut: this.leftOut,
      otherMappings: this.otherMappings,
      warnings: this.warnings,
      conflicts: this.conflicts,
      ...(this.again && { again: this.again.report() }),
      ...(isDryRun && { plan: this.plan }),
    };
  }
}

/** What reading again came to. */
export class AgainAccount {
  readonly #since: string | undefined;
  readonly #replaced = new Map<string, number>();
  #objects = 0;
  #erased = 0;
  #kept = 0;

  constructor(since: string | undefined) {
    this.#since = since;
  }

  committed({ objects, rows, erased }: ReplacedByBatch, kept: Iterable<KeptCounts> = []): void {
    this.#objects += objects;
    this.#erased += erased;
    for (const [table, count] of rows) increase(this.#replaced, table, count);
    for (const { rows: events, quarantined } of kept) this.#kept += events + quarantined;
  }

  report(): AgainReport {
    return {
      ...(this.#since !== undefined && { since: this.#since }),
      objects: this.#objects,
      replaced: Object.fromEntries(this.#replaced),
      erased: this.#erased,
      kept: this.#kept,
    };
  }
}
