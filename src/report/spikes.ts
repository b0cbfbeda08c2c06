/**
 * Where counts over time stand out. The usual is the median of the counts that are not zero, so that hours in which nothing
 * runs do not make everything else look special; what is usual about the spread is their median distance from it.
 */

/**
 * Indexes of counts of at least 10 that are at least twice the usual and further from it than nine times the usual
 * distance. Where more than an eighth of the counts would be, it is how they always go, and none is.
 */
export function findSpikes(counts: readonly number[]): number[] {
  const seen = counts.filter((count) => count > 0);
  if (seen.length < 2) return [];
  const usual = median(seen);
  const distance = median(seen.map((count) => Math.abs(count - usual)));
  const spikes = [...counts.keys()].filter(
    (i) => counts[i]! >= 10 && counts[i]! >= 2 * usual && counts[i]! > usual + 9 * distance,
  );
  return spikes.length <= Math.max(1, counts.length / 8) ? spikes : [];
}

/** The rule for readers. */
export const spikeRule =
  'at least 10, at least twice the median, and more than nine times the median distance above it';

/** The usual count, of those that are not zero; 0 where there are none. */
export const usualOf = (counts: readonly number[]): number => {
  const seen = counts.filter((count) => count > 0);
  return seen.length === 0 ? 0 : median(seen);
};

/** The lower one of two in the middle. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
}
