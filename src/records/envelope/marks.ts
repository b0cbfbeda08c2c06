import type { Skip } from '../outcome.ts';

/** How a source tells its records from all other JSON. */
export interface RecordMarks {
  /**
   * Members whose values tell what an object is; of all others only their JSON types do, and whether they are there. The
   * fast path relies on it (form.ts).
   */
  readonly valued: readonly string[];
  isRecord(value: Readonly<Record<string, unknown>>): boolean;
  /** Another line of the program that writes the records: no record, whatever it lacks. */
  isOtherLine(value: Readonly<Record<string, unknown>>): boolean;
  /**
   * What a line says that is not a record and bears on which records there must be; undefined for all others. Such lines are
   * counted apart, so that they can be held against the records.
   */
  witnessOf?(value: Readonly<Record<string, unknown>>): Pick<Skip, 'reason' | 'evidence'> | undefined;
  /**
   * Whether a member of an object that is no record holds what users say and not what is logged: a record inside of it is
   * none, though the object may be a record that has lost its marks. Which members there are decides.
   */
  isContent?(name: string, value: Readonly<Record<string, unknown>>): boolean;
  /** The same text for a record that stands in two places of one envelope; undefined where a record has none. */
  idOf(value: Readonly<Record<string, unknown>>): string | undefined;
  /** Of these, one stands in the text of every record. */
  readonly hints: readonly string[];
  /** A member that nearly every record has: one of the hints that, as a key, stands in hardly a text that no record is in. */
  readonly tellingKey: string;
}
