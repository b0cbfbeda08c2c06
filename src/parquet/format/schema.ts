/**
 * The schema of a file, from the columns it stores (parquet-format, LogicalTypes.md): strings are BYTE_ARRAY with
 * STRING, timestamps INT64 with TIMESTAMP(isAdjustedToUTC=false, MICROS), lists and maps the standard three-level
 * groups. Every column and every leaf carries its Iceberg field id (Iceberg spec, "Parquet").
 */
import { isScalar, type ScalarType } from '../../columns/types.ts';
import type { CarriedType, FileColumn } from '../encoder.ts';

/** parquet.thrift, enum Type. */
export const PhysicalType = { BOOLEAN: 0, INT32: 1, INT64: 2, DOUBLE: 5, BYTE_ARRAY: 6 } as const;
export type PhysicalType = (typeof PhysicalType)[keyof typeof PhysicalType];

export const Repetition = { REQUIRED: 0, OPTIONAL: 1, REPEATED: 2 } as const;
export type Repetition = (typeof Repetition)[keyof typeof Repetition];

export type LogicalType = 'string' | 'timestamp' | 'list' | 'map' | Exclude<CarriedType, 'binary'>;

/** parquet.thrift, struct SchemaElement. */
export interface SchemaElement {
  readonly name: string;
  readonly repetition?: Repetition;
  readonly type?: PhysicalType;
  readonly children?: number;
  readonly fieldId?: number;
  readonly logicalType?: LogicalType;
}

/** Which part of a column a leaf is. */
export type LeafRole = 'scalar' | 'element' | 'key' | 'value';

/** A primitive column of the file: what has a column chunk in every row group. */
export interface Leaf {
  readonly column: FileColumn;
  readonly role: LeafRole;
  readonly type: ScalarType;
  readonly physicalType: PhysicalType;
  readonly id: number;
  readonly path: readonly string[];
  /** The definition level of a value that is there. */
  readonly maxDefinition: number;
  readonly maxRepetition: 0 | 1;
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
        ...annotation(scalar, column.carried),
      });
      leaves.push({
        column,
        role,
        type: scalar,
        physicalType: physicalTypes[scalar],
        id: fieldId,
        path,
        maxDefinition: (nested ? outer + 1 : 0) + (optional ? 1 : 0),
        maxRepetition: nested ? 1 : 0,
      });
    };
    if (isScalar(type)) leaf('scalar', type, id, [name], !column.required);
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

function annotation(scalar: ScalarType, carried: CarriedType | undefined): { logicalType?: LogicalType } {
  if (carried === 'binary') return {};
  if (carried !== undefined) return { logicalType: carried };
  return scalar === 'string' || scalar === 'timestamp' ? { logicalType: scalar } : {};
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
