/** How the summary of a snapshot names the batches in it. */
import type { Snapshot } from '../iceberg/metadata.ts';

/** In the summary of the snapshot that added files of batches: their ids, in the order of the group, by commas. */
export const batchProperty = 'audit-warehouse.batch';

/** Batches of one snapshot at most, so that its summary stays below three kilobytes. */
export const mostBatches = 64;

export const batchSummary = (batches: Iterable<string>): Record<string, string> => ({
  [batchProperty]: [...batches].join(','),
});

/** The batches that a snapshot names; earlier versions committed each by itself. */
export const batchesOf = ({ summary }: Pick<Snapshot, 'summary'>): readonly string[] =>
  summary[batchProperty]?.split(',') ?? [];
