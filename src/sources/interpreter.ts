/**
 * What all sources share: a parsed record of a known schema becomes a row, or a rejection with the reason.
 * The declaration of a source says how its records are told from other lines; its schema which columns are computed.
 */
import type { Value } from '../columns/types.ts';
import { computedColumns } from '../records/computed.ts';
import type { RecordMarks } from '../records/envelope/marks.ts';
import { EnvelopeReader } from '../records/envelope/reader.ts';
import { Extra } from '../records/extra.ts';
import { compileEnvelopeReader, compileFlattener } from '../records/flatten.ts';
import type { Frame } from '../records/frame/frame.ts';
import { contentOf } from '../records/identity.ts';
import type { Limits } from '../records/limits.ts';
import type { ObjectFacts } from '../records/object-facts.ts';
import type { RecordOutcome, Rejection } from '../records/outcome.ts';
import { type JsonRecord, reject } from '../records/parse.ts';
import type { RecordReader } from '../records/record-reader.ts';
import type { RowWriterSpec } from '../records/scan/row-writer.ts';
import { dayOfMicros, parseTime } from '../records/time.ts';
import { validator } from '../records/validate.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import { declareTable, promotedExtractions } from '../tables/declare.ts';
import { type Mapping, mappedColumns } from '../tables/mapping.ts';
import type { PromotedColumn } from '../tables/promoted.ts';
import { type AnnotatedSchema, extractions } from '../tables/schema.ts';
import type { EventSource } from './event-source.ts';

export type SourceLimits = Pick<Limits, 'recordBytes' | 'nestingDepth'>;
export type PromotedColumns = Readonly<Record<string, PromotedColumn>>;

/** A source as it is configured. */
export interface InterpreterSpec {
  readonly source: EventSource;
  readonly promoted: PromotedColumns;
  /** Where the mapped columns of the schema are. */
  readonly mapping: Mapping;
}

export interface Interpreter {
  readonly table: TableDeclaration;
  /** The outcome of a record found in `frame`. `envelope`: what is around it, as a JSON object. */
  interpret(record: JsonRecord, frame: Frame, object: OpenObject, envelope: Buffer | null): RecordOutcome;
}

export interface OpenObject {
  readonly uri: string;
  readonly facts: ObjectFacts;
  readonly mismatches: Map<string, number>;
}

export function compileInterpreter(spec: InterpreterSpec): Interpreter {
  const { promoted, mapping } = spec;
  const { schema, timeField, zone, identityField } = spec.source;
  const table = declareTable(schema, promoted);
  const validate = validator(schema);
  const mapped = mappedColumns(schema, mapping);
  const flatten = compileFlattener(table, extractions(schema), mapped, promotedExtractions(promoted, 'record'));
  const readEnvelope = compileEnvelopeReader(table, promotedExtractions(promoted, 'envelope'));
  const index = new Map(table.columns.map((column, i) => [column.name, i]));
  const indexOf = (column: string): number => {
    const at = index.get(column);
    if (at === undefined) throw new Error(`table ${table.name} has no column ${column}`);
    return at;
  };
  const [ymd, eventTime, sourceUri, sourceOffset, extraColumn] = (
    ['ymd', 'event_time', 'source_uri', 'source_offset', 'extra'] as const
  ).map(indexOf) as [number, number, number, number, number];

  const numberOf = numberReader(schema);
  const computed = computedColumns(schema).map(({ column, from, compute }) => ({
    from: indexOf(from),
    to: indexOf(column),
    compute,
  }));

  return {
    table,
    interpret(record, frame, object, envelope) {
      const time = timeOf(record, timeField, zone);
      const rejected = (rejection: Rejection): Rejection => ({
        ...rejection,
        ...(time !== null && { eventTime: time }),
        ...numberOf?.(record),
      });
      const invalid = validate(record);
      if (invalid) return rejected(invalid);
      // The validator holds that the time can be read; a rejection here would be a contradiction of the two.
      if (time === null) return reject('invalid_time', `/${timeField}`, 'not a time between the years 1 and 9999');

      const values = new Array<Value>(table.columns.length).fill(null);
      const extra = new Extra();
      const mismatched: string[] = [];
      const mismatch = (column: string): void => void mismatched.push(column);
      const unfit = flatten(record, values, extra, mismatch) ?? readEnvelope(envelope, values, mismatch);
      if (unfit) return rejected(unfit);
      for (const column of mismatched) object.mismatches.set(column, (object.mismatches.get(column) ?? 0) + 1);
      extra.setEnvelope(envelope);
      values[ymd] = dayOfMicros(time);
      values[eventTime] = time;
      values[sourceUri] = object.uri;
      values[sourceOffset] = BigInt(frame.offset);
      values[extraColumn] = extra.toJson();
      for (const [column, value] of Object.entries(object.facts.columns)) values[indexOf(column)] = value;
      for (const { from, to, compute } of computed) values[to] = compute(values[from] as Value);
      const id = identityField === undefined ? null : (values[indexOf(identityField)] as string);
      const identity = id === '' ? null : { id, content: contentOf(table, values) };
      return { kind: 'row', values, eventTime: time, identity };
    },
  };
}

/** The reader of one object: finds its records, whatever is around them, and has them interpreted. */
export function openReader(
  interpreter: Interpreter,
  marks: RecordMarks,
  limits: SourceLimits,
  uri: string,
  facts: ObjectFacts,
): RecordReader {
  const object: OpenObject = { uri, facts, mismatches: new Map() };
  return new EnvelopeReader({
    marks,
    limits,
    interpret: (record, frame, envelope) => interpreter.interpret(record, frame, object, envelope),
    typeMismatches: object.mismatches,
  });
}

/** The same for the fast path. */
export function writerSpec(
  { source, promoted, mapping }: InterpreterSpec,
  table: TableDeclaration,
  limits: SourceLimits,
): RowWriterSpec {
  const { schema, timeField, zone, identityField } = source;
  return {
    table,
    schema,
    declared: extractions(schema),
    mapped: mappedColumns(schema, mapping),
    promoted: promotedExtractions(promoted, 'record'),
    readsEnvelope: promotedExtractions(promoted, 'envelope').length > 0,
    timeField,
    zone,
    computed: computedColumns(schema),
    maxDepth: limits.nestingDepth,
    ...(identityField !== undefined && { identityField }),
  };
}

function timeOf({ value }: JsonRecord, field: string, zone: 'required' | 'utc'): bigint | null {
  const text = Object.hasOwn(value, field) ? value[field] : undefined;
  return typeof text === 'string' ? parseTime(text, zone) : null;
}

/** What tells a record of the source from the others of its producer; undefined where the source declares no sequence. */
function numberReader(schema: AnnotatedSchema): ((record: JsonRecord) => Pick<Rejection, 'numbered'>) | undefined {
  const { sequence } = schema['x-table'];
  if (sequence === undefined) return undefined;
  const pathOf = (column: string): readonly string[] => extractions(schema).find((one) => one.column === column)!.path;
  const [numberPath, instancePath] = [pathOf(sequence.number), pathOf(sequence.instance)];
  return ({ value }) => {
    const [number, instance] = [valueAt(value, numberPath), valueAt(value, instancePath)];
    if (typeof number !== 'number' || !Number.isInteger(number) || typeof instance !== 'string') return {};
    return { numbered: { number, instance } };
  };
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
