/**
 * Values of a column as the byte scanner notes them for a run of records: where they stand in the records' text, or what
 * they are as numbers. Builders take such a run at once, which is several times as fast as value by value.
 */

/** What a builder does with a value, by its tag. */
export const Action = { Null: 0, Take: 1, Stop: 2 } as const;

export interface TaggedValues {
  readonly tags: Uint8Array;
  /** By tag. */
  readonly actions: Uint8Array;
}

/** Value i is the text in [starts[i] + inset, ends[i] - inset). Equal starts mean the same place. */
export interface TextRanges extends TaggedValues {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly inset: number;
}

export interface Numbers extends TaggedValues {
  readonly numbers: Float64Array;
}
