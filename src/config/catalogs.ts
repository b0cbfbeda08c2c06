/**
 * What each type of catalog is told in the configuration. The types, their keys, the checks of them and `CatalogConfig`
 * all follow from this record; the adapters are in src/catalog/index.ts, under the same names.
 */
import { type SectionValues, text } from './keys.ts';

const glue = {
  database: {
    ...text('Glue database, made if missing: lower-case letters, digits and _'),
    pattern: '^[a-z0-9_]{1,255}$',
  },
  region: text('AWS region of the Glue catalog; otherwise the default chain'),
  endpoint: { ...text('endpoint of a Glue-compatible service'), pattern: '^https?://' },
};

export const catalogKeys = { file: {}, glue } as const;

/** Keys that a type cannot do without, and what they are called in the message that says so. */
export const neededCatalogKeys = {
  file: {},
  glue: { database: 'the name of a database' },
} as const satisfies {
  readonly [Type in CatalogType]: Readonly<Partial<Record<keyof (typeof catalogKeys)[Type], string>>>;
};

export type CatalogType = keyof typeof catalogKeys;

type Values<Type extends CatalogType> = SectionValues<(typeof catalogKeys)[Type]>;

export type CatalogConfigOf<Type extends CatalogType> = { readonly type: Type } & Values<Type> &
  Required<Pick<Values<Type>, keyof (typeof neededCatalogKeys)[Type] & keyof Values<Type>>>;

export type CatalogConfig = { [Type in CatalogType]: CatalogConfigOf<Type> }[CatalogType];

export const catalogTypes = Object.keys(catalogKeys) as readonly CatalogType[];
