import type { DataFile } from './data-file.ts';
import type { Snapshot } from './metadata.ts';

/** What one snapshot does to a table: files that come, files that go, and what its summary says. */
export interface Change {
  readonly operation: 'append' | 'overwrite' | 'replace' | 'delete';
  readonly add: readonly DataFile[];
  /** Uploads of `add` that may be under way still: the swap waits for them. */
  readonly uploads?: readonly Promise<unknown>[];
  /** Paths of live data files. */
  readonly remove: readonly string[];
  /**
   * Row-level deletes that the added files no longer hold rows of, by `DeleteFile.key`. Where others apply to a removed
   * file by the time of the swap, staging throws NewRowDeletes. Without it that is checked unless the operation is
   * `delete`.
   */
  readonly applied?: readonly string[];
  /** Live delete files to remove, by `DeleteFile.key`: those that apply to nothing. */
  readonly removeDeletes?: readonly string[];
  /** Removes whatever is live in the version swapped on, row-level deletes included; `remove` is empty then. */
  readonly removeAll?: true;
  /** Goes into the snapshot's summary beside the counts. */
  readonly summary: Readonly<Record<string, string>>;
  /** Which earlier snapshots stay in the metadata, for tables that need no long history. Without it all do. */
  readonly keep?: (snapshot: Snapshot) => boolean;
}
