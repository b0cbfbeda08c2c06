import type { Outcome } from '../records/outcome.ts';
import type { RowWriters } from '../records/scan/row-writer.ts';
import type { TableDeclaration } from '../tables/declaration.ts';

/**
 * An input family: what its object keys say, and how one framed record becomes a row. Pure: no clock, no I/O.
 * Made by the factory of each folder (`opaSource`, `okeraAuditSource`) from the schema and the config's promoted columns.
 */
export interface Source {
  readonly type: SourceType;
  /** The table that its rows go to, promoted columns included. */
  readonly table: TableDeclaration;
  /** What the key of an object says (never trusted for the event's day). */
  describeObject(uri: string): ObjectFacts;
  /** Interprets the records of one object. `facts` is what describeObject gave for `uri`. */
  openObject(uri: string, facts: ObjectFacts): RecordReader;
  /** Writers of rows of `table`: the fast path of records that are certain, beside rows of `openObject`. */
  readonly writers: RowWriters;
}

export type SourceType = 'opa' | 'okera-audit';

/** Types of sources whose tables are replaced as a whole (reference/side-table.ts). */
export type SideSourceType = 'okera-identities' | 'reference';

export interface ObjectFacts {
  /** false: not an object of this source (a manifest, a marker, an operational log): listed, never read. */
  readonly relevant: boolean;
  /**
   * [first, last] event time in ms since the epoch that the key promises, for pruning by range with a margin;
   * absent where it promises none (null in the key, foreign layouts): then the object is always read.
   */
  readonly range?: readonly [first: number, last: number];
  /** Values for key-derived columns, by column name (eopa, first_ts, last_ts, tenant, service). */
  readonly columns: Readonly<Record<string, string | bigint | null>>;
}

export interface Frame {
  /** The bytes of one record as they stood (a line without its end, an element of an array, one of several values). */
  readonly bytes: Uint8Array;
  /** Of the first byte of `bytes` in the decompressed object. */
  readonly offset: number;
  /** Set by the framer where a cap cut it: `bytes` is then only the head, `length` the full size. */
  readonly tooLarge?: { readonly length: number };
}

export interface RecordReader {
  /** Exactly one outcome for each frame. Never throws for what the frame holds. */
  interpret(frame: Frame): Outcome;
  /** How many values of well-known or promoted columns were nulled because of another type, by column. */
  readonly typeMismatches: ReadonlyMap<string, number>;
}
