/** A remote data file as a statement meets it: its columns, its row groups, and what bounds tell of them. */
import { currentSchema, type SchemaField, type TableMetadata } from '../../../iceberg/metadata.ts';
import { namesOf } from '../../../iceberg/name-mapping.ts';
import type { LiveFile } from '../../../iceberg/scan.ts';
import { decodeValue } from '../../../iceberg/values.ts';
import type { ValueBounds } from '../../../parquet/read/footer-parts.ts';
import { findColumn, type StoredColumn } from '../../../parquet/read/stored-column.ts';
import { partitionColumn } from '../../../tables/declaration.ts';
import { type Reading, readingOf } from '../table-views.ts';
import { type BoundsOf, type Condition, mayMatch } from './condition.ts';
import type { FetchOptions } from './object-ranges.ts';
import type { FileCopy, Footer, RemoteFile } from './remote-file.ts';
import type { RemoteFiles } from './remote-files.ts';
import type { Scan } from './statement-scans.ts';

/** How a scan meets a row group. */
export interface Meeting {
  /** No row of it is given on. */
  isOut: boolean;
  /** Inside the scan, by columns of `pushed` alone. */
  isOutInside: boolean;
}

export interface Group {
  readonly index: number;
  readonly rows: number;
  /** By scan. */
  readonly meetings: readonly Meeting[];
}

export const isAlive = (group: Group): boolean => group.meetings.some(({ isOut }) => !isOut);

export interface FilePart extends Reading {
  readonly live: LiveFile;
  readonly file: RemoteFile;
  readonly footer: Footer;
  readonly groups: readonly Group[];
  /** Of a column of the table; undefined where the file lacks it. */
  readonly stored: (column: string) => StoredColumn | undefined;
  readonly field: (column: string) => SchemaField;
  /** While conditions are asked. */
  copy?: FileCopy;
}

export const allOf = (of: readonly Condition[]): Condition => ({ kind: 'all', of });
export const conditionsOf = ({ pushed, above }: Scan): readonly Condition[] => [...pushed, ...above];

export async function filePart(
  metadata: TableMetadata,
  live: LiveFile,
  scans: readonly Scan[],
  files: RemoteFiles,
  options: FetchOptions,
): Promise<FilePart> {
  const file = await files.file(live);
  const footer = await file.footer(files.ranges, options);
  const { parts } = footer;
  const fields = new Map(currentSchema(metadata).fields.map((field) => [field.name, field]));
  const names = namesOf(metadata);
  const stored = (column: string): StoredColumn | undefined => findColumn(parts.columns, fields.get(column)!, names);
  return {
    live,
    file,
    footer,
    ...readingOf(metadata, live, parts.columns),
    stored,
    field: (column) => fields.get(column)!,
    groups: parts.rowGroups.map(({ rows }, index) => {
      const boundsOf: BoundsOf = (column) => {
        const found = stored(column);
        return found && parts.bounds(index, found);
      };
      const meetings = scans.map((scan) => {
        const isOutInside = !mayMatch(allOf(scan.pushed), boundsOf);
        return { isOutInside, isOut: isOutInside || !mayMatch(allOf(scan.above), boundsOf) };
      });
      return { index, rows, meetings };
    }),
  };
}

/** By what the manifest says of the file. */
export function manifestBounds(file: LiveFile, field: SchemaField | undefined): ValueBounds | undefined {
  if (field === undefined) return undefined;
  if (field.name === partitionColumn && file.ymd !== null)
    return { least: file.ymd, greatest: file.ymd, nulls: 0, rows: file.recordCount };
  const decode = (bytes: Uint8Array | undefined) => {
    const value = bytes && decodeValue(field.type, bytes);
    return field.type === 'int' && typeof value === 'number' ? BigInt(value) : value;
  };
  const [least, greatest] = [decode(file.lowerBounds.get(field.id)), decode(file.upperBounds.get(field.id))];
  return {
    rows: file.recordCount,
    ...(least !== undefined && { least }),
    ...(greatest !== undefined && { greatest }),
  };
}

/** The leaves of columns, by the names that the file has for them. */
export function leavesOf(part: FilePart, columns: readonly string[]): number[] {
  const stored = new Set(columns.flatMap((column) => part.stored(column)?.name ?? []));
  const [group] = part.footer.parts.rowGroups;
  return (group?.chunks ?? []).flatMap(({ column }, leaf) => (stored.has(column) ? [leaf] : []));
}
