/**
 * Holds a raw configuration against the schema: fills defaults in, turns units into numbers, and says what is wrong by
 * key. Nothing here touches a file; load.ts says where each key came from.
 *
 * A walk over the schema: a configuration is looked at once, and compiling a validator for it takes longer than most of a start.
 */
import { nearest } from './errors.ts';
import type { ConfigSchema, Unit } from './keys.ts';
import { configSchema } from './schema.ts';
import { parseBoolean, parseCount, parseDuration, parseShare, parseSize } from './units.ts';

export type KeyPath = readonly (string | number)[];

export interface KeyProblem {
  readonly path: KeyPath;
  readonly message: string;
}

const readers: Readonly<Record<Unit, { parse(value: never): number | boolean | undefined; expected: string }>> = {
  size: { parse: parseSize, expected: 'a size such as 268435456, 256MiB or 1GB' },
  duration: { parse: parseDuration, expected: 'a duration such as 600, 90s, 10m or 1h30m' },
  count: { parse: parseCount, expected: 'a whole number such as 10000 or 10,000' },
  share: { parse: parseShare, expected: 'a share such as 1% or 0.01' },
  boolean: { parse: parseBoolean, expected: 'true or false' },
};

/** In which a limit is said, as it may be written; plain numbers are of the same unit. */
const units: Readonly<Record<Unit, string>> = { size: 'B', duration: 's', count: '', share: '', boolean: '' };

/** More are not told apart: each costs a look through the document for its line. */
const mostProblems = 1000;

/** Changes `raw` in place: after a check without problems it has every key of the schema that has a default. */
export const checkAgainstSchema = (raw: unknown): KeyProblem[] =>
  checkValue({ value: raw, replace: () => {} }, configSchema as CheckedSchema, [])
    .take(mostProblems)
    .toArray();

/** The keywords of JSON Schema that configSchema uses, beside those of keys.ts. */
interface CheckedSchema extends ConfigSchema {
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: CheckedSchema;
  readonly properties?: Readonly<Record<string, CheckedSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: { readonly pattern: string };
  readonly additionalProperties?: false | CheckedSchema;
  readonly least?: number;
  readonly most?: number;
}

interface Slot {
  readonly value: unknown;
  /** What a unit makes of the value takes its place. */
  replace(value: unknown): void;
}

const typeNames: Readonly<Record<string, string>> = { object: 'a group of keys', array: 'a list', string: 'text' };

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

function* checkValue({ value, replace }: Slot, schema: CheckedSchema, path: KeyPath): Generator<KeyProblem> {
  const type = typeOf(value);
  if (schema.type !== undefined && type !== schema.type)
    return yield { path, message: `must be ${typeNames[String(schema.type)] ?? schema.type}` };
  if (schema.unit !== undefined) yield* checkUnit(value, replace, schema, schema.unit, path);
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const near = typeof value === 'string' ? nearest(value, schema.enum as readonly string[]) : undefined;
    const hint = near ? `; did you mean ${near}?` : '';
    yield { path, message: `must be one of ${schema.enum.join(', ')}${hint}` };
  }
  if (type === 'string') yield* checkText(value as string, schema, path);
  else if (type === 'array') yield* checkList(value as unknown[], schema, path);
  else if (type === 'object') yield* checkGroup(value as Record<string, unknown>, schema, path);
}

function* checkUnit(
  value: unknown,
  replace: (value: unknown) => void,
  { least, most }: CheckedSchema,
  unit: Unit,
  path: KeyPath,
): Generator<KeyProblem> {
  const { parse, expected } = readers[unit];
  const isPlain = typeof value === 'string' || typeof value === (unit === 'boolean' ? 'boolean' : 'number');
  const result = isPlain ? parse(value as never) : undefined;
  if (result === undefined) yield { path, message: `must be ${expected}` };
  else if (least !== undefined && Number(result) < least)
    yield { path, message: `must be at least ${least}${units[unit]}` };
  else if (most !== undefined && Number(result) > most)
    yield { path, message: `must be at most ${most}${units[unit]}` };
  else replace(result);
}

const fits = (text: string, pattern: string): boolean => new RegExp(pattern, 'u').test(text);

function* checkText(text: string, schema: CheckedSchema, path: KeyPath): Generator<KeyProblem> {
  const { minLength = 0, pattern, description } = schema;
  if (text.length < minLength) yield { path, message: 'must not be empty' };
  if (pattern !== undefined && !fits(text, pattern))
    yield { path, message: `does not fit: ${description ?? pattern} (${pattern})` };
}

function* checkList(list: unknown[], schema: CheckedSchema, path: KeyPath): Generator<KeyProblem> {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items } = schema;
  if (list.length < minItems) yield { path, message: 'must not be empty' };
  if (list.length > maxItems) yield { path, message: `must not have more than ${maxItems} items` };
  if (items === undefined) return;
  for (const [i, value] of list.entries()) {
    const replace = (read: unknown): void => {
      list[i] = read;
    };
    yield* checkValue({ value, replace }, items, [...path, i]);
  }
}

function* checkGroup(group: Record<string, unknown>, schema: CheckedSchema, path: KeyPath): Generator<KeyProblem> {
  const { properties = {}, required = [], propertyNames, additionalProperties } = schema;
  const given = Object.keys(group);
  // undefined, which a program may pass, counts as not given.
  const has = (key: string): boolean => Object.hasOwn(group, key) && group[key] !== undefined;
  for (const [key, { default: value }] of Object.entries(properties)) {
    if (value !== undefined && !has(key)) group[key] = structuredClone(value);
  }
  for (const key of required) {
    if (has(key)) continue;
    const description = properties[key]?.description;
    yield { path: [...path, key], message: `is missing${description ? `: ${description}` : ''}` };
  }
  for (const key of given) {
    if (propertyNames === undefined || fits(key, propertyNames.pattern)) continue;
    yield {
      path: [...path, key],
      message: 'a column name is lower-case letters, digits and _, and starts with a letter or _',
    };
  }
  for (const key of given) {
    if (additionalProperties !== false || Object.hasOwn(properties, key)) continue;
    const known = Object.keys(properties);
    const near = nearest(key, known);
    const hint = near ? `did you mean ${near}?` : `known here: ${known.join(', ')}`;
    yield { path: [...path, key], message: `unknown key; ${hint}` };
  }
  // In the order of the schema, then what is the user's own.
  for (const key of new Set([...Object.keys(properties), ...given])) {
    const one = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (!one || !has(key)) continue;
    const replace = (read: unknown): void => {
      group[key] = read;
    };
    yield* checkValue({ value: group[key], replace }, one, [...path, key]);
  }
}

/** sources[0].columns.tenant from ['sources', 0, 'columns', 'tenant']. */
export const formatKey = (path: KeyPath): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
