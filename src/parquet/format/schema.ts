/**
 * The schema of a file, from the columns it stores (parquet-format, LogicalTypes.md): strings are BYTE_ARRAY with
 * STRING, timestamps INT64 with TIMESTAMP(isAdjustedToUTC=false, MICROS), lists and maps the standard three-level
 * groups. Every column and every leaf carries its Iceberg field id (Iceberg spec, "Parquet").
 */
import { isScalar, type ScalarType } from '../../columns/types.ts';
import type { FileColumn } from '../encoder.ts';
import { type CarriedField, type CarriedValue, partsOf, storageOf } from './carried.ts';
import { PhysicalType } from './physical.ts';

export const Repetition = { REQUIRED: 0, OPTIONAL: 1, REPEATED: 2 } as const;
export type Repetition = (typeof Repetition)[keyof typeof Repetition];

export type LogicalType = 'string' | 'timestamp' | 'list' | 'map' | 'date' | 'time' | 'timestamptz' | 'uuid' | Decimal;

export interface Decimal {
  readonly precision: number;
  readonly scale: number;
}

/** parquet.thrift, struct SchemaElement. */
export interface SchemaElement {
  readonly name: string;
  readonly repetition?: Repetition;
  readonly type?: PhysicalType;
  /** Of FIXED_LEN_BYTE_ARRAY. */
  readonly length?: number;
  readonly children?: number;
  readonly fieldId?: number;
  readonly logicalType?: LogicalType;
}

/** Which part of a column a leaf is; `carried`: whichever, of a column that another engine made. */
export type LeafRole = 'scalar' | 'element' | 'key' | 'value' | 'carried';

/** A primitive column of the file: what has a column chunk in every row group. */
export interface Leaf {
  readonly column: FileColumn;
  readonly role: LeafRole;
  readonly physicalType: PhysicalType;
  readonly id: number;
  readonly path: readonly string[];
  /** The definition level of a value that is there. */
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  /** What it is a leaf of, where it is carried. */
  readonly value?: CarriedValue;
}

export interface FileSchema {
  /** Depth first, the root first. */
  readonly elements: readonly SchemaElement[];
  readonly leaves: readonly Leaf[];
}

const physicalTypes: Record<ScalarType, PhysicalType> = {
  boolean: PhysicalType.BOOLEAN,
  int: PhysicalType.INT32,
  long: PhysicalType.INT64,
  timestamp: PhysicalType.INT64,
  double: PhysicalType.DOUBLE,
  string: PhysicalType.BYTE_ARRAY,
};

/** Throws where a list or map lacks the ids of its parts, or a name or a field id comes twice. */
export function fileSchema(columns: readonly FileColumn[]): FileSchema {
  const elements: SchemaElement[] = [{ name: 'table', children: columns.length }];
  const leaves: Leaf[] = [];
  for (const column of columns) {
    const repetition = column.required ? Repetition.REQUIRED : Repetition.OPTIONAL;
    const outer = column.required ? 0 : 1;
    const { name, id, type } = column;
    const leaf = (role: LeafRole, scalar: ScalarType, fieldId: number, path: string[], optional: boolean): void => {
      const nested = role !== 'scalar';
      elements.push({
        name: path.at(-1)!,
        fieldId,
        type: physicalTypes[scalar],
        repetition: optional ? Repetition.OPTIONAL : Repetition.REQUIRED,
        ...(scalar === 'string' || scalar === 'timestamp' ? { logicalType: scalar } : {}),
      });
      leaves.push({
        column,
        role,
        physicalType: physicalTypes[scalar],
        id: fieldId,
        path,
        maxDefinition: (nested ? outer + 1 : 0) + (optional ? 1 : 0),
        maxRepetition: nested ? 1 : 0,
      });
    };
    if (column.carried !== undefined) addCarried(column, column.carried, elements, leaves);
    else if (isScalar(type)) leaf('scalar', type, id, [name], !column.required);
    else if ('list' in type) {
      elements.push({ name, repetition, children: 1, fieldId: id, logicalType: 'list' });
      elements.push({ name: 'list', repetition: Repetition.REPEATED, children: 1 });
      leaf('element', type.list, partId(column, 'elementId'), [name, 'list', 'element'], true);
    } else {
      elements.push({ name, repetition, children: 1, fieldId: id, logicalType: 'map' });
      elements.push({ name: 'key_value', repetition: Repetition.REPEATED, children: 2 });
      leaf('key', 'string', partId(column, 'keyId'), [name, 'key_value', 'key'], false);
      leaf('value', type.map.value, partId(column, 'elementId'), [name, 'key_value', 'value'], true);
    }
  }
  rejectRepeats(
    'name',
    columns.map((column) => column.name),
  );
  rejectRepeats(
    'field id',
    elements.flatMap((element) => element.fieldId ?? []),
  );
  return { elements, leaves };
}

function addCarried(column: FileColumn, top: CarriedField, elements: SchemaElement[], leaves: Leaf[]): void {
  const add = (field: CarriedField, outer: readonly string[], levels: Levels): void => {
    const { name, id, required, type } = field;
    const path = [...outer, name];
    const definition = levels.definition + (required ? 0 : 1);
    const element = { name, fieldId: id, repetition: required ? Repetition.REQUIRED : Repetition.OPTIONAL };
    if (type.kind === 'value') {
      const { physical, width } = storageOf(type.value);
      const isFixed = physical === PhysicalType.FIXED_LEN_BYTE_ARRAY;
      elements.push({ ...element, type: physical, ...(isFixed && { length: width! }), ...annotation(type.value) });
      const { repetition: maxRepetition } = levels;
      leaves.push({
        column,
        role: 'carried',
        physicalType: physical,
        id,
        path,
        maxDefinition: definition,
        maxRepetition,
        value: type.value,
      });
      return;
    }
    const parts = partsOf(field);
    if (type.kind === 'struct') {
      elements.push({ ...element, children: parts.length });
      for (const part of parts) add(part, path, { ...levels, definition });
      return;
    }
    const group = type.kind === 'list' ? 'list' : 'key_value';
    elements.push({ ...element, children: 1, logicalType: type.kind });
    elements.push({ name: group, repetition: Repetition.REPEATED, children: parts.length });
    const inner = { definition: definition + 1, repetition: levels.repetition + 1 };
    for (const part of parts) add(part, [...path, group], inner);
  };
  add(top, [], { definition: 0, repetition: 0 });
}

interface Levels {
  readonly definition: number;
  readonly repetition: number;
}

function annotation(value: CarriedValue): { logicalType?: LogicalType } {
  switch (value.name) {
    case 'string':
    case 'timestamp':
    case 'timestamptz':
    case 'date':
    case 'time':
    case 'uuid':
      return { logicalType: value.name };
    case 'decimal':
      return { logicalType: value };
    default:
      return {};
  }
}

function partId(column: FileColumn, part: 'elementId' | 'keyId'): number {
  const id = column[part];
  if (id === undefined) throw new Error(`cannot write column ${column.name} to Parquet: it has no ${part}`);
  return id;
}

function rejectRepeats(what: string, values: readonly (string | number)[]): void {
  const seen = new Set<string | number>();
  for (const value of values) {
    if (seen.has(value)) throw new Error(`cannot write a Parquet file with the ${what} ${value} twice`);
    seen.add(value);
  }
}
