/**
 * What an input family declares; everything that jobs, the worker, the configuration and the documentation know of it
 * follows from here. A new family is a folder with such a declaration, a schema, and a line in registry.ts.
 */
import type { RecordMarks } from '../records/envelope/marks.ts';
import type { ObjectFacts } from '../records/object-facts.ts';
import type { Mapping } from '../tables/mapping.ts';
import type { AnnotatedSchema } from '../tables/schema.ts';
import type { KeyStreams } from './keys.ts';

export interface EventSource {
  /**
   * The contract of its records: fields, the table with its columns and those computed from others, and the columns that
   * say whom a row is about (`x-table` in tables/schema.ts).
   */
  readonly schema: AnnotatedSchema;
  /** The member that holds the time of the event. */
  readonly timeField: string;
  /** What a time without an offset is: none, or UTC. */
  readonly zone: 'required' | 'utc';
  /** The member that names a record; where it is empty, the record is never a duplicate. Absent where nothing names it. */
  readonly identityField?: string;
  /** Where the mapped columns of the schema are, unless the configuration says otherwise. */
  readonly mapping?: Mapping;
  /** What tells one of its records from all other JSON in a log. */
  readonly marks: RecordMarks;
  /** What the key of an object says (never trusted for the event's day). */
  describeObject(uri: string): ObjectFacts;
  /** How keys sort by time, for listing what is new; absent where they do not: then everything is listed each time. */
  readonly streams?: KeyStreams;
  /** Which key of `worker` says how much older than its neighbours a new object may be. */
  readonly lookBack: 'lookBackSeconds' | 'okeraLookBackSeconds';
}
