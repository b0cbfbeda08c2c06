import type { LoadedTable } from '../iceberg/catalog.ts';
import type { Intent } from '../ledger/batch-intent.ts';
import type { RejectionCode, SkipReason } from '../records/outcome.ts';
import type { ObjectInfo } from '../store/store.ts';
import type { ConfiguredSource } from './plan.ts';

export interface IngestTables {
  readonly events: LoadedTable;
  readonly quarantine: LoadedTable;
  /** Present for a source that numbers its records. */
  readonly sequences?: LoadedTable;
  /** Where objects are read again: what was erased of them. */
  readonly amendments?: LoadedTable;
}

export interface IngestRequest {
  readonly batch: string;
  readonly source: ConfiguredSource;
  readonly objects: readonly ObjectInfo[];
  /** Those of `objects` that an earlier version has been ingested of. */
  readonly reread: ReadonlySet<string>;
  /** What the batch makes takes the place of what is there, instead of being added to it. */
  readonly isAgain?: boolean;
  readonly tables: IngestTables;
  readonly signal?: AbortSignal;
  /** Called when all that is left of the objects is in memory or nearly so, and bodies of another batch may follow. */
  readonly onFetched?: () => void;
  /** Called after each object. */
  readonly onObject?: (object: ObjectInfo, rows: number) => void;
  /** Called whenever the batch moves on, be it by one piece of one large object. */
  readonly onMove?: () => void;
}

export interface ObjectFailure {
  readonly uri: string;
  readonly code: string;
  readonly message: string;
}

export interface StagedBatch {
  readonly intent: Intent;
  readonly failures: readonly ObjectFailure[];
  readonly typeMismatches: ReadonlyMap<string, number>;
  /** Records that took the reference path. */
  readonly fallbacks: number;
  /** Rows that share their id with a row of the batch whose content is another. */
  readonly conflicts: number;
  readonly reasons: ReadonlyMap<RejectionCode, number>;
  /** Lines left out, by reason. */
  readonly skips: ReadonlyMap<SkipReason, number>;
}
