import type { ObjectFacts } from '../records/object-facts.ts';
import type { RecordReader } from '../records/record-reader.ts';
import type { RowWriters } from '../records/scan/row-writer.ts';
import type { SequenceColumns } from '../sequences/collector.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import type { SourceType } from './registry.ts';

/**
 * An input family: what its object keys say, and how one framed record becomes a row. Pure: no clock, no I/O.
 * Made by `createSource` from the declaration of its type (event-source.ts) and what the configuration says.
 */
export interface Source {
  readonly type: SourceType;
  /** The table that its rows go to, promoted columns included. */
  readonly table: TableDeclaration;
  /** Where its records have the mapped columns of the table; null where the table has none. */
  readonly mapping: MappingDigests | null;
  /** The columns of the table that say what of a producer has arrived; absent where it numbers nothing. */
  readonly sequence?: SequenceColumns;
  /** What the key of an object says (never trusted for the event's day). */
  describeObject(uri: string): ObjectFacts;
  /** Interprets the records of one object. `facts` is what describeObject gave for `uri`. */
  openObject(uri: string, facts: ObjectFacts): RecordReader;
  /** Writers of rows of `table`: the fast path of records that are certain, beside rows of `openObject`. */
  readonly writers: RowWriters;
}

export interface MappingDigests {
  readonly current: string;
  /** What rows were written with that the ledger says nothing of: older versions had only the default of the family. */
  readonly unrecorded: string;
}
