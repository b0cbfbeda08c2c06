/**
 * The column types of the warehouse: the ones that Athena, Trino, Spark and Glue views all take in Iceberg tables.
 * `timestamp` is without zone and always UTC, in microseconds since the epoch. Lists and maps hold scalars only.
 */
export type ScalarType = 'boolean' | 'int' | 'long' | 'double' | 'string' | 'timestamp';

export type ColumnType =
  | ScalarType
  | { readonly list: ScalarType }
  | { readonly map: { readonly key: 'string'; readonly value: ScalarType } };

/**
 * One value of a row on the reference path, by column type:
 * boolean -> boolean; int, double -> number; long, timestamp -> bigint; string -> string or its UTF-8 bytes;
 * list -> array of scalars; map -> array of [key, value] pairs in the order of the record; null for any.
 */
export type Scalar = boolean | number | bigint | string | Uint8Array;
export type Value = Scalar | null | readonly (Scalar | null)[] | readonly (readonly [string, Scalar | null])[];

/** A column as declared: what exists, not where it is stored. Ids belong to a table's metadata (iceberg/schema.ts). */
export interface ColumnDeclaration {
  readonly name: string;
  readonly type: ColumnType;
  readonly description: string;
  /** Never null in a row. */
  readonly required?: boolean;
  /** Made by another engine, in a type that cannot be declared: its values are packed (parquet/format/packed.ts). */
  readonly isCarried?: boolean;
  /** The only values that there are. */
  readonly values?: readonly string[];
  /** The table and column whose values these are. */
  readonly references?: readonly [table: string, column: string];
}

export const isScalar = (type: ColumnType): type is ScalarType => typeof type === 'string';
