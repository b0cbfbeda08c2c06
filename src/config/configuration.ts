/**
 * The configuration as it is written: the keys of the file, for programs that build it as an object. The loader checks
 * it against the schema, as it does a file.
 */
import type { CatalogType, catalogKeys, RestAuthType, restAuthKeys } from './catalogs.ts';
import type { Written } from './keys.ts';
import type { encryption, sections, sourceTypes } from './schema.ts';

type Sections = { readonly [Name in keyof typeof sections]?: Written<(typeof sections)[Name]['properties']> };

export interface SourceConfiguration {
  readonly name: string;
  readonly type: (typeof sourceTypes)[number];
  /** s3://bucket/prefix or a folder. */
  readonly location: string;
  readonly columns?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** All others, as docs/cli.md has them. */
  readonly [key: string]: unknown;
}

type WrittenAuth = {
  [Type in RestAuthType]: { readonly type: Type } & Written<(typeof restAuthKeys)[Type]>;
}[RestAuthType];

export interface Configuration extends Sections {
  /** s3://bucket/prefix or a folder. */
  readonly warehouse: string;
  readonly sources: readonly SourceConfiguration[];
  readonly catalog?: {
    [Type in CatalogType]: { readonly type: Type } & Written<Omit<(typeof catalogKeys)[Type], 'auth'>> &
      (Type extends 'rest' ? { readonly auth?: WrittenAuth } : unknown);
  }[CatalogType];
  readonly s3?: {
    readonly endpoint?: string;
    readonly region?: string;
    readonly forcePathStyle?: boolean;
    readonly encryption?: Written<(typeof encryption)['properties']>;
  };
  readonly retention?: Readonly<Record<string, string | number>>;
  readonly queries?: readonly string[];
  readonly stewards?: readonly Readonly<Record<string, unknown>>[];
  readonly engines?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}
