/**
 * How long tests search where no number of tries is all of them. `npm test` takes a sample of the calls after which a run
 * is killed and a few runs of each property, so that it ends soon; with THOROUGH=true, which scripts/test
 * sets, every call is tried and every property as often as it says.
 */
const { THOROUGH, PROPERTY_SEED = '1', PROPERTY_RUNS = '1' } = process.env;
const isThorough = THOROUGH === 'true';

/**
 * Where the cases of properties begin: the same ones each time, so that a run fails for what has changed and not by
 * chance. PROPERTY_SEED=7 begins elsewhere, PROPERTY_SEED=random anywhere.
 */
export const propertySeed = PROPERTY_SEED === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(PROPERTY_SEED);

/**
 * The runs of a property whose full number is given: a sixth of them, and no fewer than 5, unless all are wanted, or
 * PROPERTY_RUNS times as many.
 */
export function propertyRuns(full: number): number {
  return isThorough ? full * Number(PROPERTY_RUNS) : Math.min(full, Math.max(5, Math.ceil(full / 6)));
}

/** Of many cases of one promise, each apart from the others: some at random, other ones each time, unless all are wanted. */
export function someOf<T>(cases: readonly T[], most = 12): readonly T[] {
  return killPoints(cases.length, most).map((one) => cases[one - 1]!);
}

/**
 * Those of a run's calls, counted from 1, at which it is killed or disturbed: the last one, and one at random from each of
 * some stretches of equal length before it; every one where all are wanted.
 */
export function killPoints(calls: number, most = 8): number[] {
  if (isThorough || calls <= most) return Array.from({ length: calls }, (_, i) => i + 1);
  const length = (calls - 1) / (most - 1);
  const stretches = Array.from({ length: most - 1 }, (_, i) => [Math.floor(i * length), Math.floor((i + 1) * length)]);
  return [...stretches.map(([from, to]) => from! + 1 + Math.floor(Math.random() * (to! - from!))), calls];
}
