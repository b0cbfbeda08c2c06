import type { DataFile } from './data-file.ts';
import type { Snapshot } from './metadata.ts';

/**
 * Stages a snapshot on one version of a table: writes its manifests and manifest list, and returns the metadata that
 * would make it current (Iceberg spec, "Snapshots", "Manifests", "Sequence Number Inheritance").
 *
 * The names of all files that are written hold the snapshot id, which is a digest of the version staged on and of the
 * change. So once that version is no longer current, its staged files either belong to the history of the table or can
 * never come into it: the property on which removing the files of a lost attempt rests (commit.ts).
 */
export interface Change {
  readonly operation: 'append' | 'overwrite' | 'replace' | 'delete';
  readonly add: readonly DataFile[];
  /** Paths of live data files. */
  readonly remove: readonly string[];
  /** Removes whatever is live in the version swapped on, row-level deletes included; `remove` is empty then. */
  readonly removeAll?: true;
  /** Goes into the snapshot's summary beside the counts. */
  readonly summary: Readonly<Record<string, string>>;
  /** Which earlier snapshots stay in the metadata, for tables that need no long history. Without it all do. */
  readonly keep?: (snapshot: Snapshot) => boolean;
}
