/**
 * Where the standard columns of a table come from in records of different shapes: for each column a list of alternatives,
 * the first of which with a usable value wins.
 *
 * What is usable: null and a missing member never are. A text column takes a text, the JSON text of a number or boolean,
 * and with `join` a list of texts; a list column takes a list of texts; a boolean column takes a boolean, or the answer to
 * a condition. Any other value is passed over; where nothing else gives the column a value, it is null and counted as a
 * mismatch of types, unless the path leads to what another alternative lies in (`result` beside `result.allowed`), or to
 * a list that joins to nothing.
 */
import { createHash } from 'node:crypto';
import type { ColumnType } from '../columns/types.ts';
import { compareText } from '../text/order.ts';
import type { AnnotatedSchema } from './schema.ts';
import { parseColumnType } from './schema.ts';

/**
 * empty: true for a list, an object or a text without anything in it, false for any other.
 * present: true for any value; where no alternative exists, false.
 * true, false: true for that boolean, false for the other one.
 */
export const conditions = ['empty', 'present', 'true', 'false'] as const;
export type Condition = (typeof conditions)[number];

export interface Alternative {
  /** Member names from the record's root. */
  readonly path: readonly string[];
  readonly is?: Condition;
  /** The elements of a list of texts with this between them, as one text; nothing where there are none. */
  readonly join?: string;
  /** What stands in front of joined elements, even where there are none. */
  readonly lead?: string;
  /** Only a text is usable, no number or boolean. */
  readonly isExact?: boolean;
}

/** By column. */
export type Mapping = Readonly<Record<string, readonly Alternative[]>>;

/** Tells two mappings apart: 16 hex digits. The order of columns makes no difference. */
export function mappingDigest(mapping: Mapping): string {
  const columns = Object.entries(mapping).sort(([a], [b]) => compareText(a, b));
  return createHash('sha256').update(JSON.stringify(columns)).digest('hex').slice(0, 16);
}

export interface MappedColumn {
  readonly column: string;
  readonly type: ColumnType;
  readonly alternatives: readonly MappedAlternative[];
}

export interface MappedAlternative extends Alternative {
  /** Another alternative of the column lies below: an object here is looked into, and never a value or a mismatch. */
  readonly isAbove: boolean;
}

/** The mapped columns of a table, in the order of its schema, with their alternatives. */
export function mappedColumns(schema: AnnotatedSchema, mapping: Mapping): MappedColumn[] {
  return Object.entries(schema['x-table'].mapped ?? {}).map(([column, { type }]) => {
    const alternatives = mapping[column] ?? [];
    return {
      column,
      type: parseColumnType(type),
      alternatives: alternatives.map((alternative) => ({
        ...alternative,
        isAbove: alternatives.some((other) => isBelow(other.path, alternative.path)),
      })),
    };
  });
}

/** Whether a path leads through another one, and further. */
export const isBelow = (path: readonly string[], above: readonly string[]): boolean =>
  path.length > above.length && above.every((segment, i) => path[i] === segment);
