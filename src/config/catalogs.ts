/**
 * What each type of catalog is told in the configuration. The types, their keys, the checks of them and `CatalogConfig`
 * all follow from this record; the adapters are in src/catalog/index.ts, under the same names.
 */
import { type ConfigSchema, choice, type Key, needed, type SectionValues, secret, text } from './keys.ts';

const glue = {
  database: {
    ...text('Glue database, made if missing: lower-case letters, digits and _'),
    pattern: '^[a-z0-9_]{1,255}$',
  },
  region: text('AWS region of the Glue catalog; otherwise the default chain'),
  endpoint: { ...text('endpoint of a Glue-compatible service'), pattern: '^https?://' },
};

/** By type: what those of its keys are called that it cannot do without. */
type NeededKeys<KeysByType> = {
  readonly [Type in keyof KeysByType]: Readonly<Partial<Record<keyof KeysByType[Type], string>>>;
};

/** How a REST catalog is signed in to, by the name that `catalog.auth.type` takes. */
export const restAuthKeys = {
  none: {},
  token: {
    token: {
      ...needed(secret('bearer token, from a variable of the environment; printable, without spaces')),
      pattern: '^[!-~]+$',
    },
  },
  oauth2: {
    client_id: needed(text('OAuth2 client credentials: the client')),
    client_secret: needed(secret('its secret, from a variable of the environment')),
    scope: text('OAuth2 scope, such as PRINCIPAL_ROLE:ALL of Polaris; otherwise catalog'),
    token_uri: {
      ...text('where tokens are issued; otherwise <uri>/v1/oauth/tokens'),
      pattern: '^https?://',
    },
  },
  sigv4: {
    service: needed(text('what the requests are signed for: glue, s3tables or execute-api')),
    signing_region: text('AWS region that the requests are signed for; otherwise the default chain'),
  },
} as const;
export type RestAuthType = keyof typeof restAuthKeys;
export const restAuthTypes = Object.keys(restAuthKeys) as readonly RestAuthType[];

/** Keys that a way to sign in cannot do without. */
export const neededRestAuthKeys = {
  none: {},
  token: { token: 'the token' },
  oauth2: { client_id: 'the name of a client', client_secret: 'the secret of the client' },
  sigv4: { service: 'the name of an AWS service' },
} as const satisfies NeededKeys<typeof restAuthKeys>;

export type RestAuth = {
  readonly [Type in RestAuthType]: { readonly type: Type } & SectionValues<(typeof restAuthKeys)[Type]>;
}[RestAuthType];

const rest = {
  uri: { ...text('URL of an Iceberg REST catalog, without /v1'), pattern: '^https?://' },
  warehouse: text('which of its warehouses or catalogs, where the server has several; not where the files are'),
  namespace: {
    ...text('namespace of the tables, made if missing; dots set its levels apart'),
    pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
  },
  auth: {
    description: 'how to sign in',
    type: 'object',
    additionalProperties: false,
    properties: {
      type: choice(restAuthTypes.join(', '), restAuthTypes, 'none'),
      ...(Object.assign({}, ...Object.values(restAuthKeys)) as Readonly<Record<string, ConfigSchema>>),
    },
  } as Key<RestAuth, '', false>,
};

export const catalogKeys = { file: {}, glue, rest } as const;

/** Keys that a type cannot do without, and what they are called in the message that says so. */
export const neededCatalogKeys = {
  file: {},
  glue: { database: 'the name of a database' },
  rest: { uri: 'the URL of the server', namespace: 'the name of a namespace' },
} as const satisfies NeededKeys<typeof catalogKeys>;

export type CatalogType = keyof typeof catalogKeys;

type Values<Type extends CatalogType> = SectionValues<(typeof catalogKeys)[Type]>;

export type CatalogConfigOf<Type extends CatalogType> = { readonly type: Type } & Values<Type> &
  Required<Pick<Values<Type>, keyof (typeof neededCatalogKeys)[Type] & keyof Values<Type>>>;

export type CatalogConfig = { [Type in CatalogType]: CatalogConfigOf<Type> }[CatalogType];

export const catalogTypes = Object.keys(catalogKeys) as readonly CatalogType[];
