/** What a named question is: an SQL file below this folder, and the parameters whose values are bound into it. */

export interface Question {
  /** Also the name of its SQL file, without .sql. */
  readonly name: string;
  readonly origin: Origin;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** The text of a question of the configuration, header and all; that of others is in the file of its name. */
  readonly sql?: string;
  /** Answered by this program and not by SQL, whatever the engine; it has no SQL file. */
  readonly computed?: ComputedQuestion;
}

export type ComputedQuestion = 'missing-decisions' | 'acceptances';

/** Which document asks the question. */
export const origins = {
  article: 'the Enterprise OPA article, "Auditing a security breach using Enterprise OPA decision logs and AWS Athena"',
  tutorial: 'the Okera audit tutorial, "Analyzing the ODAS audit logs"',
  incident: 'incidents',
  report: 'the report: what each of its figures is counted by',
  own: 'your own, in the files that the configuration names',
} as const;
export type Origin = keyof typeof origins;

export interface Parameter {
  /** `$name` in the SQL; instants have `$name_ymd` too, blocks of addresses `$name_first` and `$name_last`. */
  readonly name: string;
  readonly type: ParameterType;
  readonly description: string;
  readonly example: string;
  readonly required?: boolean;
  /** Taken where the parameter is not given. */
  readonly default?: string;
  readonly limits?: readonly Limit[];
}

/**
 * `instant` is a time as src/text/time.ts reads it; of a day, `from` and `since` are its beginning, others its end.
 * `texts` stands in the SQL as `IN ($name)`; `request` is the id of an Okera request; its first half is bound;
 * `unit` (minute, hour or day) is not bound, but chooses the lines of SQL that end in "-- when minute" and so on.
 */
export type ParameterType = 'instant' | 'text' | 'texts' | 'cidr' | 'truth' | 'number' | 'request' | 'unit';

/** What stands behind the name of a parameter in the names of the values that its type gives. */
export const parameterTypes: Readonly<Record<ParameterType, readonly string[]>> = {
  instant: ['', '_ymd'],
  text: [''],
  texts: [''],
  cidr: ['_first', '_last'],
  truth: [''],
  number: [''],
  request: [''],
  unit: [],
};

/**
 * Rows that the question reads of `table` have the value in `column`, or one above (`from`) or below (`to`) it, both
 * included: files without such rows are left out before the engine sees them. True of every use of the table in the SQL.
 */
export interface Limit {
  readonly table: string;
  readonly column: string;
  readonly side?: 'from' | 'to';
}
