import type { ScalarType } from '../columns/types.ts';
import type { Mapping } from '../tables/mapping.ts';
import type { IdentityTable } from '../tables/names.ts';
import type { PromotedColumn } from '../tables/promoted.ts';
import type { SourceType } from './registry.ts';

export interface SourceConfig {
  readonly name: string;
  readonly type: SourceType;
  /** Prefix that all objects of the source start with: s3://bucket/prefix or file:///path/. */
  readonly location: string;
  /** URL of the SQS queue that its bucket sends events to; without one the worker lists the location. */
  readonly queue?: string;
  /** Globs on the key below the location: what is read at all, and what of it is not. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** The newest event of the source is expected to be no older than this. */
  readonly expectSeconds?: number;
  /** Where the standard columns are in a record, by `shape` and `fields`; absent where the configuration has neither. */
  readonly mapping?: Mapping;
  /** Promoted columns, by column name. */
  readonly columns: Readonly<Record<string, PromotedColumn>>;
  /** What of its records may be missing before `verify --producers` fails; absent where the configuration does not say. */
  readonly sequence?: SequenceConfig;
}

export interface SequenceConfig {
  /** Share of the records of an instance and day, from 0 to 1. */
  readonly tolerate: number;
  /** Requests that use a number and make no record. Without any, every gap counts. */
  readonly ignore: readonly Ignorable[];
}

export const ignorable = ['health', 'metrics'] as const;
export type Ignorable = (typeof ignorable)[number];

/** Types of sources whose tables are replaced as a whole (reference/side-table.ts). */
export const sideSourceTypes = ['okera-identities', 'reference'] as const;
export type SideSourceType = (typeof sideSourceTypes)[number];

export type SideSourceConfig = ReferenceConfig | IdentitiesConfig;

/** A table of the user's own. */
export interface ReferenceConfig {
  readonly name: string;
  readonly type: 'reference';
  readonly location: string;
  readonly table: string;
  /** By column name, at least one. */
  readonly columns: Readonly<Record<string, ReferenceColumn>>;
}

export interface ReferenceColumn {
  readonly type: ScalarType;
  /** Header of a CSV, or dotted path in a JSON object, where it is not the column's name. */
  readonly from?: string;
  /** A row without a value is quarantined. */
  readonly required: boolean;
}

export interface IdentitiesConfig {
  readonly name: string;
  readonly type: 'okera-identities';
  readonly location: string;
  /** By prefix below the location; without it objects and folders are named after the tables. */
  readonly tables?: Readonly<Record<string, IdentityTable>>;
}
