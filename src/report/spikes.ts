/**
 * Finds the intervals whose counts stand out. The usual count is the median of those that are not zero, so that hours in
 * which nothing runs do not make every other hour look special; the usual spread is the median distance from it.
 */

/**
 * Indexes of the counts that are at least 10, at least twice the usual count, and more than nine times the usual spread
 * above it. If more than an eighth of all counts qualify, that is their normal pattern, and none is a spike.
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

/** The rule as readers see it. */
export const spikeRule =
  'at least 10, at least twice the median, and more than nine times the median distance above it';

/** The median of the counts that are not zero; 0 if there are none. */
export const usualOf = (counts: readonly number[]): number => {
  const seen = counts.filter((count) => count > 0);
  return seen.length === 0 ? 0 : median(seen);
};

/** The lower one of two in the middle. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
}
