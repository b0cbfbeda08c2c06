/** Sources from which nothing new arrives, where their configuration says how new their newest event has to be (`expect`). */
import type { Ledger } from '../ledger/ledger.ts';
import type { SourceConfig } from '../sources/config.ts';
import { formatSeconds } from '../text/humanize.ts';
import type { Warning } from './require-sources.ts';

export type Expecting = Pick<SourceConfig, 'name' | 'location' | 'expectSeconds'>;

export interface Freshness {
  readonly source: string;
  readonly expectSeconds: number;
  /** Milliseconds since the epoch; undefined where there is no event that is new enough. */
  readonly newest: number | undefined;
}

/** Of the sources that expect something, whether it is there. Reads the ledger, and only where one does. */
export async function findFreshness(
  ledger: Pick<Ledger, 'newestEvents'>,
  sources: readonly Expecting[],
  now: number,
): Promise<Freshness[]> {
  const expecting = sources.flatMap(({ name, expectSeconds }) =>
    expectSeconds === undefined ? [] : [{ source: name, expectSeconds }],
  );
  if (expecting.length === 0) return [];
  const longest = Math.max(...expecting.map(({ expectSeconds }) => expectSeconds));
  const newest = await ledger.newestEvents(now - longest * 1000);
  return expecting.map((one) => ({ ...one, newest: newest.get(one.source) }));
}

export const isFresh = ({ newest, expectSeconds }: Omit<Freshness, 'source'>, now: number): boolean =>
  newest !== undefined && now - newest <= expectSeconds * 1000;

export const describeStale = ({ expectSeconds }: Pick<Freshness, 'expectSeconds'>): string =>
  `no event of the last ${formatSeconds(expectSeconds)} is in the warehouse, and "expect" says that there should be one`;

export const adviceOnStale = ({ location }: Pick<Expecting, 'location'>): string =>
  `see that the producer still writes to ${location}, and that its records become rows`;

export const staleSource = (source: Expecting, freshness: Freshness): Warning => ({
  code: 'source-stale',
  source: source.name,
  message: `${describeStale(freshness)}; ${adviceOnStale(source)}`,
});
