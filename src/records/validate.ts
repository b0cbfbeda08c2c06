/**
 * The validator of an input, compiled from its schema by Ajv with the first record that needs it (the fast path proves
 * nearly all without), and Ajv's errors in the words of a Rejection.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { AnnotatedSchema } from '../tables/schema.ts';
import type { Rejection, RejectionCode } from './outcome.ts';
import { type JsonRecord, reject, show } from './parse.ts';
import { parseTime } from './time.ts';

/** null where the record is valid. */
export type Validator = (record: JsonRecord) => Rejection | null;

/** Formats of the schemas: a text that parseTime reads, with an offset or in GMT. */
const timeFormats = {
  'event-time': (text: string): boolean => parseTime(text, 'required') !== null,
  'event-time-gmt': (text: string): boolean => parseTime(text, 'utc') !== null,
};

/** Compiling takes longer than validating thousands of records: the interpreters of a schema share what came of it. */
const compiledOf = new WeakMap<AnnotatedSchema, ValidateFunction>();

export function validator(schema: AnnotatedSchema): Validator {
  let compiled: ValidateFunction | undefined;
  const required = new Set(schema.required);
  return ({ value }) => {
    compiled ??= compile(schema);
    if (compiled(value)) return null;
    return rejection((compiled.errors as ErrorObject[])[0] as ErrorObject, value, required);
  };
}

function compile(schema: AnnotatedSchema): ValidateFunction {
  const before = compiledOf.get(schema);
  if (before !== undefined) return before;
  // strictTypes off: `properties` below input and result say which members become columns, not that input is an object.
  // validateSchema off: compiling the schema of schemas takes longer than starting the program; a test holds ours to it.
  const ajv = new Ajv2020({ strictTypes: false, allowUnionTypes: true, ownProperties: true, validateSchema: false });
  ajv.addVocabulary(['x-column', 'x-table']);
  for (const [name, validate] of Object.entries(timeFormats)) ajv.addFormat(name, validate);
  const compiled = ajv.compile(schema);
  compiledOf.set(schema, compiled);
  return compiled;
}

function rejection(error: ErrorObject, record: unknown, required: ReadonlySet<string>): Rejection {
  const { keyword, instancePath, params } = error;
  if (keyword === 'required') {
    const pointer = `${instancePath}/${pointerSegment(String(params.missingProperty))}`;
    return reject('missing_field', pointer, `${pointer} is missing`);
  }
  const value = valueAt(record, instancePath);
  if (keyword === 'type') {
    if (value === null && required.has(instancePath.slice(1))) {
      return reject('missing_field', instancePath, `${instancePath} is null`);
    }
    const expected = ([] as string[]).concat(params.type as string | string[]).filter((type) => type !== 'null');
    return reject('invalid_type', instancePath, `expected ${expected.join(' or ')}, found ${show(value)}`);
  }
  const isTime = keyword === 'format' && String(params.format) in timeFormats;
  const code: RejectionCode = isTime ? 'invalid_time' : 'invalid_value';
  const lacksOffset = isTime && typeof value === 'string' && parseTime(value, 'utc') !== null;
  const time = lacksOffset
    ? 'a time with its offset from UTC, as in Z or +02:00'
    : 'a time between the years 1 and 9999';
  const expected = isTime ? time : (error.message ?? keyword);
  return reject(code, instancePath, `expected ${expected}, found ${show(value)}`);
}

/** A member name as a segment of a JSON pointer (RFC 6901, section 3). */
export const pointerSegment = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const segment of pointer.split('/').slice(1)) {
    value = (value as Record<string, unknown>)[segment.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return value;
}
