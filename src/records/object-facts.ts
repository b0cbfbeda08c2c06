export interface ObjectFacts {
  /** false: not an object of this source (a manifest, a marker, an operational log): listed, never read. */
  readonly relevant: boolean;
  /** Why it is not: what other tools leave beside logs, or the configuration's include and exclude. */
  readonly leftOut?: LeftOut;
  /**
   * [first, last] event time in ms since the epoch that the key promises, for pruning by range with a margin;
   * absent where it promises none (null in the key, foreign layouts): then the object is always read.
   */
  readonly range?: readonly [first: number, last: number];
  /** Values for key-derived columns, by column name (eopa, first_ts, last_ts, tenant, service). */
  readonly columns: Readonly<Record<string, string | bigint | null>>;
}

export type LeftOut = 'leftover' | 'excluded';
