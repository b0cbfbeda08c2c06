import type { Value } from '../columns/types.ts';
import type { NumberedRecord } from '../sequences/collector.ts';
import type { Evidence } from '../sequences/evidence.ts';

/**
 * What becomes of one record read. A rejected record is data, not an exception. Each record, or piece of one that never
 * became whole, has exactly one outcome: read = rows + quarantined + duplicates + skipped rests on this.
 */
export type RecordOutcome = RowOutcome | Rejection | Skip;

export interface RowOutcome {
  readonly kind: 'row';
  /** One value a column, in the order of the table's declaration (source_uri, source_offset and ymd included). */
  readonly values: readonly Value[];
  /** Microseconds since the epoch, UTC. */
  readonly eventTime: bigint;
  /** What the record has to be compared by with others; null where it is never a duplicate of any. */
  readonly identity: RecordIdentity | null;
}

export interface RecordIdentity {
  /** What is meant to name the record (decision_id), as its column has it; null where nothing does (Okera). */
  readonly id: string | null;
  /** What decides whether it is the same record as another: the text of records/identity.ts. */
  readonly content: Uint8Array;
}

export interface Rejection {
  readonly kind: 'quarantine';
  readonly code: RejectionCode;
  /** JSON pointer (RFC 6901) to what is wrong inside the record; '' is the record itself. */
  readonly pointer: string;
  /** For people: what was expected and what came, values cut short. Goes to the table, never to a log. */
  readonly detail: string;
  /** Microseconds since the epoch, UTC, where the time of the record could still be read: the day of its quarantine row. */
  readonly eventTime?: bigint;
  /** Who made the record and which of its records it is, where the record still says both. */
  readonly numbered?: NumberedRecord;
}

export interface Skip {
  readonly kind: 'skip';
  readonly reason: SkipReason;
  /** What the line says of the requests of its producer. */
  readonly evidence?: Evidence;
}

/** Every reason for which a line is left out, each with what it is. */
export const skipReasons = {
  'foreign-line': 'JSON of another program, or of the one that writes the records and not about any of them',
  'foreign-text': 'text of another program',
  'request-line': 'a line in which OPA says that it received a request ("Received request."), with its req_id',
  'response-line': 'a line in which OPA says that it answered one ("Sent response."), with its req_id',
} as const;

export type SkipReason = keyof typeof skipReasons;

/** Every reason for which a record can be quarantined, each with what it means: shown by the docs and the CLI. */
export const rejectionCodes = {
  malformed_json: 'not a JSON text',
  malformed_csv: 'not a CSV record with as many fields as the header',
  invalid_utf8: 'bytes that are not UTF-8',
  not_an_object: 'valid JSON, but not an object',
  empty_object: 'the object {}, as Enterprise OPA writes when a mask upserts under a missing key',
  missing_field: 'lacks a field that makes it an event',
  invalid_type: 'a known field has a type it cannot have',
  invalid_value: 'a known field has a value outside of what its type allows',
  invalid_time: 'the time of the event cannot be read as a time between the years 1 and 9999',
  record_too_large: 'larger than limits.record_bytes',
  nesting_too_deep: 'nested deeper than limits.nesting_depth',
  too_many_days: 'its day would be one more than limits.days_per_batch',
  incomplete_record: 'a piece of a record whose other pieces are not there',
  text_format: 'a decision in the text format of the log, which does not keep its values',
  strict_column: 'a promoted column declared strict found another type',
} as const;

export type RejectionCode = keyof typeof rejectionCodes;
