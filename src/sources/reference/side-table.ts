/**
 * Side tables: small tables beside the events that are replaced as a whole whenever the objects they are made of change.
 * Each column says where its value stands in a JSON object or under which header of a CSV; the table, the reading and
 * the documentation derive from that.
 */
import type { ColumnDeclaration, Scalar, ScalarType } from '../../columns/types.ts';
import type { Frame } from '../../records/frame/frame.ts';
import type { Limits } from '../../records/limits.ts';
import type { Rejection } from '../../records/outcome.ts';
import type { TableDeclaration } from '../../tables/declaration.ts';
import { parsePath } from '../../tables/path.ts';
import type { SideSourceType } from '../config.ts';

/** What the objects of one source become: one table, or several. Pure: no clock, no I/O. */
export interface SideSource {
  readonly type: SideSourceType;
  readonly tables: readonly SideTable[];
  /** The table that an object under `location` belongs to; undefined where it is none of the source's. */
  tableOf(uri: string, location: string): SideTable | undefined;
}

export interface SideTable {
  readonly declaration: TableDeclaration;
  readonly columns: readonly SideColumn[];
}

export interface SideColumn {
  readonly name: string;
  readonly type: ScalarType;
  readonly description: string;
  /** A row without a value is quarantined. */
  readonly required: boolean;
  /** Header in a CSV; in a JSON object a dotted path (tables/declare.ts). */
  readonly from: string;
  /**
   * How a string column reads what exports hold, where that is not plain text. `id`: integers become their digits, so
   * that ids compare whatever wrote them. `time`: a time in any form (values.ts) becomes `YYYY-MM-DD hh:mm:ss.ffffff`
   * in UTC, text that sorts.
   */
  readonly reads?: 'id' | 'time';
  readonly references?: ColumnDeclaration['references'];
}

/** Columns that every side table ends with. */
export const provenanceColumns: readonly ColumnDeclaration[] = [
  {
    name: 'ymd',
    type: 'string',
    description: 'UTC day of the export: of the last change of the newest object that the table was made of.',
    required: true,
  },
  { name: 'source_uri', type: 'string', description: 'The object that the row stood in.', required: true },
  {
    name: 'source_offset',
    type: 'long',
    description: "Offset of the row's first byte in the object after decompression.",
    required: true,
  },
];

export const provenanceNames: readonly string[] = provenanceColumns.map((column) => column.name);

export interface SideTableSpec {
  readonly name: string;
  readonly description: string;
  /** The first one is what rows are sorted by. */
  readonly columns: readonly SideColumn[];
}

export function sideTable({ name, description, columns }: SideTableSpec): SideTable {
  const [first] = columns;
  if (first === undefined) throw new Error(`table ${name} has no columns`);
  const declaration: TableDeclaration = {
    name,
    description,
    columns: [
      ...columns.map(({ name: column, type, description: text, required, references }) => ({
        name: column,
        type,
        description: text,
        ...(required && { required }),
        ...(references !== undefined && { references }),
      })),
      ...provenanceColumns,
    ],
    sortedBy: [first.name],
    bloomColumns: [],
    fullBounds: [],
    provenance: provenanceNames,
  };
  return { declaration, columns };
}

/** Where a column's value stands in a JSON object. */
export const pathOf = (column: Pick<SideColumn, 'from'>): string[] => parsePath(column.from);

/** To be raised when the same objects and columns would be read as other rows than before. */
const readingVersion = 2;

/** Text that differs wherever the same objects would give other rows. */
export const readingOf = (table: SideTable, limits: Pick<Limits, 'recordBytes' | 'nestingDepth'>): string =>
  JSON.stringify([
    readingVersion,
    limits.recordBytes,
    limits.nestingDepth,
    table.columns.map(({ name, type, required, from, reads = '' }) => [name, type, required, from, reads]),
  ]);

export interface SideRecord {
  readonly frame: Frame;
  /** One value for each column of the table that is not provenance, in order; or why there is no row. */
  readonly outcome: (Scalar | null)[] | Rejection;
}
