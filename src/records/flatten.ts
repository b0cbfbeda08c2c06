/**
 * Turns a validated record into column values, by the paths that the schema annotates, those that the shape of the source
 * maps and those that the config promotes.
 *
 * Text columns of JSON hold the bytes of the record as they stood. Whatever has no column of its own goes to `extra`.
 * A flattened string that holds half of a surrogate pair gets U+FFFD in its place, since columns are UTF-8. Such texts
 * would become alike, so the exact one is always kept: below `input` and its like in the column of their text, else as a
 * member of `extra`. U+0000 stays.
 */
import { type ColumnType, isScalar, type Scalar, type ScalarType, type Value } from '../columns/types.ts';
import type { TableDeclaration } from '../tables/declaration.ts';
import type { MappedColumn } from '../tables/mapping.ts';
import { envelopeRoot } from '../tables/promoted.ts';
import { columnTypeText, type Extraction } from '../tables/schema.ts';
import { firstUsable } from './alternatives.ts';
import type { Extra } from './extra.ts';
import { exactDigits, lookUp } from './look-up.ts';
import { keysInOrder, scanMembers, shadowedKeys } from './members.ts';
import { longOfNumber } from './numbers.ts';
import type { Rejection } from './outcome.ts';
import { isRejection, type JsonRecord, parseRecord, reject, show } from './parse.ts';
import { parseTime } from './time.ts';
import { pointerSegment } from './validate.ts';

/**
 * Fills `values` (in the order of the table, all null before) and `extra`. A rejection where a declared field holds
 * what its column cannot, or a strict column finds another type. `mismatch` hears of each value nulled for its type.
 */
export type Flattener = (
  record: JsonRecord,
  values: Value[],
  extra: Extra,
  mismatch: (column: string) => void,
) => Rejection | null;

interface Target extends Extraction {
  readonly index: number;
}

/** `declared`: the paths of the schema; `promoted`: those of the config. Every column has to be in the table. */
export function compileFlattener(
  table: TableDeclaration,
  declared: readonly Extraction[],
  mapped: readonly MappedColumn[],
  promoted: readonly Extraction[],
): Flattener {
  const indexOf = (name: string): number => table.columns.findIndex((column) => column.name === name);
  const target = (path: Extraction): Target => ({ ...path, index: indexOf(path.column) });
  const mappings = mapped.map((column) => ({ ...column, index: indexOf(column.column) }));
  const members = new Map(declared.filter((p) => p.path.length === 1).map((p) => [p.path[0] as string, target(p)]));
  const lookups = [...declared.filter((p) => p.path.length > 1), ...promoted].map(target);

  return (record, values, extra, mismatch) => {
    const { bytes, value } = record;
    const { ranges } = record.members;
    const keys = keysInOrder(bytes, ranges, value);
    const shadowed = shadowedKeys(keys, value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      const raw = bytes.subarray(ranges[4 * i + 2], ranges[4 * i + 3]);
      if (shadowed?.has(i)) {
        extra.shadow(`/${pointerSegment(key)}`, raw);
        continue;
      }
      const column = members.get(key);
      if (!column) {
        extra.add(key, bytes.subarray(ranges[4 * i], ranges[4 * i + 1]), raw);
        continue;
      }
      if (value[key] === null) continue;
      if (!column.json && !isMap(column.type) && !isExact(value[key])) {
        extra.add(key, bytes.subarray(ranges[4 * i], ranges[4 * i + 1]), raw);
      }
      const converted = column.json ? raw : memberValue(column, value[key], raw, extra);
      if (converted === undefined) {
        const expected = `a value of type ${columnTypeText(column.type)}`;
        return reject(
          'invalid_value',
          `/${pointerSegment(key)}`,
          `expected ${expected}, found ${raw.toString().slice(0, 200)}`,
        );
      }
      values[column.index] = converted;
    }
    for (const mapping of mappings) {
      const value = firstUsable(record, mapping);
      if (value === undefined) mismatch(mapping.column);
      else values[mapping.index] = value;
    }
    return extract(record, lookups, values, mismatch);
  };
}

/** Fills columns that are read from around the record, which is given as a JSON object of its own. */
export function compileEnvelopeReader(table: TableDeclaration, extractions: readonly Extraction[]): EnvelopeColumns {
  const targets = extractions.map((path) => ({
    ...path,
    index: table.columns.findIndex((column) => column.name === path.column),
  }));
  return (envelope, values, mismatch) => {
    if (targets.length === 0 || envelope === null) return null;
    const parsed = parseRecord(envelope, { nestingDepth: mostEnvelopeDepth });
    return isRejection(parsed) ? null : extract(parsed, targets, values, mismatch, `/${envelopeRoot}`);
  };
}

export type EnvelopeColumns = (
  envelope: Buffer | null,
  values: Value[],
  mismatch: (column: string) => void,
) => Rejection | null;

/** An envelope has as many layers as `unwrap` goes through, each as deep as a record may be. */
const mostEnvelopeDepth = 1 << 16;

function extract(
  record: JsonRecord,
  targets: readonly Target[],
  values: Value[],
  mismatch: (column: string) => void,
  root = '',
): Rejection | null {
  for (const column of targets) {
    const found = lookUp(record, column);
    if (found === undefined || found === null) continue;
    const converted = convert(column.type, found, (...below) => exactDigits(record, [...column.path, ...below]));
    if (converted !== undefined) {
      values[column.index] = converted;
    } else if (column.strict) {
      const pointer = root + column.path.map((segment) => `/${pointerSegment(segment)}`).join('');
      const expected = `${columnTypeText(column.type)} for the strict column ${column.column}`;
      return reject('strict_column', pointer, `expected ${expected}, found ${show(found)}`);
    } else mismatch(column.column);
  }
  return null;
}

/** A declared top-level member, whose JSON type the validator has checked. undefined where the column cannot hold it. */
function memberValue(column: Target, value: unknown, raw: Buffer, extra: Extra): Value | undefined {
  const { type } = column;
  if (isScalar(type)) return convert(type, value, () => raw.toString('latin1'));
  if ('list' in type) return (value as unknown[]).flat().map((element) => (element as string).toWellFormed());
  return mapValue(column.path[0] as string, type.map.value, value as Record<string, unknown>, raw, extra);
}

const isMap = (type: ColumnType): boolean => !isScalar(type) && 'map' in type;

/** Whether UTF-8 can hold a text, or all texts of a list. */
function isExact(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  return !Array.isArray(value) || value.every(isExact);
}

/**
 * The entries of an object in the order of the text. What the map cannot hold, or not exactly, goes to `extra` under the
 * map's name.
 */
function mapValue(
  name: string,
  type: ScalarType,
  parsed: Readonly<Record<string, unknown>>,
  raw: Buffer,
  extra: Extra,
): Value {
  const { ranges } = scanMembers(raw);
  const keys = keysInOrder(raw, ranges, parsed);
  const shadowed = shadowedKeys(keys, parsed);
  const entries: [string, Scalar][] = [];
  const halves = new Set<string>();
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const text = (): Buffer => raw.subarray(ranges[4 * i + 2], ranges[4 * i + 3]);
    if (shadowed?.has(i)) {
      extra.shadow(`/${pointerSegment(name)}/${pointerSegment(key)}`, text());
      continue;
    }
    const value = convert(type, parsed[key], () => text().toString('latin1'));
    const column = key.toWellFormed();
    // Two keys that differ in half a surrogate pair only would become one.
    const taken = column !== key && (halves.has(column) || keys.includes(column));
    if (column !== key) halves.add(column);
    if (value === undefined || column !== key || !isExact(parsed[key]))
      extra.addTo(name, raw.subarray(ranges[4 * i], ranges[4 * i + 1]), text());
    if (value !== undefined && !taken) entries.push([column, value as Scalar]);
  }
  return entries;
}

/** undefined where an element is of another type. */
function listOf(
  type: ScalarType,
  elements: readonly unknown[],
  digits: (...below: string[]) => string | null,
): Value | undefined {
  const values: Scalar[] = [];
  for (const [i, element] of elements.entries()) {
    const value = convert(type, element, () => digits(String(i)));
    if (value === undefined) return undefined;
    values.push(value as Scalar);
  }
  return values;
}

/** undefined where the value is of another type or out of the column's range. */
export function convert(
  type: ColumnType,
  value: unknown,
  /** The number as it is spelt, below the value where its path goes on. */
  digits: (...below: string[]) => string | null,
): Value | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value.toWellFormed() : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'long':
      return typeof value === 'number' ? (longOfNumber(value, digits) ?? undefined) : undefined;
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) && value === (value | 0) ? value | 0 : undefined;
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'timestamp':
      return typeof value === 'string' ? (parseTime(value, 'required') ?? undefined) : undefined;
    default:
      return 'list' in type && Array.isArray(value) ? listOf(type.list, value, digits) : undefined;
  }
}
