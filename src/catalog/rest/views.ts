/**
 * Registers views in a REST catalog, where it has views (Iceberg view specification). May run at once in any number of
 * processes: a view is replaced only in the version that was looked at, and the second one looks again. Nothing is written
 * where nothing has changed.
 */
import type { ScalarType } from '../../columns/types.ts';
import type { ViewChanges, ViewEntry } from '../../iceberg/catalog.ts';
import type { RestClient } from './client.ts';
import { asRecord, isStatus } from './errors.ts';

/** Marks the views that are ours to replace, and is whose rights a view has that reads as its owner. */
const marker = 'audit-warehouse';
/** Trino's property for that; without it a view reads as the asker. */
const runAsOwner = 'trino.run-as-owner';
const dialect = 'trino';
const attempts = 5;

const typeNames: Readonly<Record<ScalarType, string>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  double: 'double',
  string: 'string',
  timestamp: 'timestamp',
};

/** Where views are. */
interface Place {
  readonly namespace: readonly string[];
  /** Trino ignores the namespace of a view that does not say under which name Trino has the catalog. */
  readonly engineCatalog: string | undefined;
}

/** What there is of a view. */
interface Found {
  readonly uuid: unknown;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly sql: unknown;
  readonly engineCatalog: unknown;
  readonly columns: string;
  /** Ids of schemas by their columns. */
  readonly schemas: ReadonlyMap<string, unknown>;
  /** The highest number of a version. */
  readonly lastVersion: number;
}

export async function registerRestViews(
  client: RestClient,
  place: Place,
  views: readonly ViewEntry[],
): Promise<ViewChanges> {
  const changes = { created: [] as string[], updated: [] as string[], foreign: [] as string[] };
  if (!(await client.has('POST /v1/{prefix}/namespaces/{namespace}/views'))) return changes;
  const found = await Promise.all(views.map(({ name }) => loadView(client, place.namespace, name)));
  for (const [index, view] of views.entries()) {
    const change = await registerView(client, place, view, found[index]);
    if (change !== undefined) changes[change].push(view.name);
  }
  return changes;
}

async function registerView(
  client: RestClient,
  place: Place,
  view: ViewEntry,
  before: Found | undefined,
): Promise<keyof ViewChanges | undefined> {
  const { namespace } = place;
  const name = [...namespace, view.name].join('.');
  let found = before;
  for (let attempt = 1; ; attempt++) {
    if (found !== undefined && found.properties[marker] !== 'view') return 'foreign';
    if (found !== undefined && isSame(found, view, place)) return undefined;
    try {
      if (found === undefined) {
        const path = await client.pathOf(namespace, 'views');
        await client.call({ doing: `create view ${name}`, method: 'POST', path, body: createRequest(view, place) });
        return 'created';
      }
      const path = await client.pathOf(namespace, 'views', view.name);
      const body = replaceRequest(view, place, found);
      await client.call({ doing: `replace view ${name}`, method: 'POST', path, body });
      return 'updated';
    } catch (error) {
      if (!isStatus(error, 409) || attempt === attempts) throw error;
    }
    found = await loadView(client, namespace, view.name);
    // Taken, and not by a view.
    if (found === undefined && attempt > 1) return 'foreign';
  }
}

async function loadView(client: RestClient, namespace: readonly string[], name: string): Promise<Found | undefined> {
  const path = await client.pathOf(namespace, 'views', name);
  try {
    const doing = `load view ${[...namespace, name].join('.')}`;
    return foundView((await client.call({ doing, method: 'GET', path })).body);
  } catch (error) {
    if (isStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Of "LoadViewResult"; what is not as it should be reads as another view. */
function foundView(body: unknown): Found {
  const metadata = asRecord(asRecord(body).metadata);
  const versions = recordsOf(metadata.versions);
  const version = versions.find((one) => one['version-id'] === metadata['current-version-id']) ?? {};
  const schemas = recordsOf(metadata.schemas);
  const schema = schemas.find((one) => one['schema-id'] === version['schema-id']) ?? {};
  const representation = recordsOf(version.representations).find((one) => one.dialect === dialect) ?? {};
  return {
    uuid: metadata['view-uuid'],
    properties: asRecord(metadata.properties),
    sql: representation.sql,
    engineCatalog: version['default-catalog'],
    columns: columnsText(recordsOf(schema.fields)),
    schemas: new Map(schemas.map((one) => [columnsText(recordsOf(one.fields)), one['schema-id']])),
    lastVersion: Math.max(0, ...versions.map((one) => Number(one['version-id']) || 0)),
  };
}

const recordsOf = (value: unknown): Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map(asRecord) : [];

const columnsText = (fields: readonly Readonly<Record<string, unknown>>[]): string =>
  JSON.stringify(fields.map(({ name, type, doc }) => [name, type, doc]));

const isSame = (found: Found, view: ViewEntry, place: Place): boolean =>
  hasProperties(found, view) && hasText(found, view, place);

function hasProperties({ properties }: Found, view: ViewEntry): boolean {
  const wanted = propertiesOf(view);
  return [...new Set([runAsOwner, ...Object.keys(wanted)])].every((key) => properties[key] === wanted[key]);
}

const hasText = ({ sql, columns, engineCatalog }: Found, view: ViewEntry, place: Place): boolean =>
  sql === view.sql && columns === columnsText(schemaOf(view).fields) && engineCatalog === place.engineCatalog;

const propertiesOf = (view: ViewEntry): Readonly<Record<string, string>> => ({
  [marker]: 'view',
  comment: view.description,
  ...(view.reads === 'owner' && { [runAsOwner]: marker }),
});

const schemaOf = ({ columns }: ViewEntry) => ({
  type: 'struct',
  'schema-id': 0,
  fields: Object.entries(columns).map(([name, { type, description }], index) => ({
    id: index + 1,
    name,
    required: false,
    type: typeNames[type],
    doc: description,
  })),
});

/**
 * Tables by their bare names mean those of the namespace. The number in the summary keeps a version apart from an earlier
 * one that said the same, which servers would take for it.
 */
const versionOf = (view: ViewEntry, { namespace, engineCatalog }: Place, id: number, schema: unknown) => ({
  'version-id': id,
  'timestamp-ms': Date.now(),
  'schema-id': schema,
  summary: { 'engine-name': marker, version: String(id) },
  representations: [{ type: 'sql', sql: view.sql, dialect }],
  ...(engineCatalog !== undefined && { 'default-catalog': engineCatalog }),
  'default-namespace': namespace,
});

const createRequest = (view: ViewEntry, place: Place) => ({
  name: view.name,
  schema: schemaOf(view),
  'view-version': versionOf(view, place, 1, 0),
  properties: propertiesOf(view),
});

/** Servers refuse to add what is there already, so only what differs is sent. -1 is the last one that was added. */
function replaceRequest(view: ViewEntry, place: Place, found: Found) {
  const schema = schemaOf(view);
  const known = found.schemas.get(columnsText(schema.fields));
  const losesOwner = view.reads === 'asker' && found.properties[runAsOwner] !== undefined;
  const version = versionOf(view, place, found.lastVersion + 1, known ?? -1);
  const text = [
    ...(known === undefined ? [{ action: 'add-schema', schema, 'last-column-id': schema.fields.length }] : []),
    { action: 'add-view-version', 'view-version': version },
    { action: 'set-current-view-version', 'view-version-id': -1 },
  ];
  return {
    requirements: [{ type: 'assert-view-uuid', uuid: found.uuid }],
    updates: [
      { action: 'set-properties', updates: propertiesOf(view) },
      ...(losesOwner ? [{ action: 'remove-properties', removals: [runAsOwner] }] : []),
      ...(hasText(found, view, place) ? [] : text),
    ],
  };
}
