/**
 * What the configuration says of a source, by its type: which keys belong to which, and that the tables which are made of
 * them are one source's own.
 */
import type {
  ReferenceColumn,
  SequenceConfig,
  SideSourceConfig,
  SideSourceType,
  SourceConfig,
} from '../sources/config.ts';
import { asField, type FieldPaths, fieldProblem } from '../sources/opa/fields.ts';
import { defaultShape, mappedTypes, mappingOf, type ShapeName, shapeNames } from '../sources/opa/shapes.ts';
import { provenanceNames } from '../sources/reference/side-table.ts';
import { eventSourceOf, eventSourceTypes, isProductName, type SourceType } from '../sources/registry.ts';
import { globProblem } from '../sources/selection.ts';
import type { Mapping } from '../tables/mapping.ts';
import { type IdentityTable, identityTables } from '../tables/names.ts';
import { parsePath } from '../tables/path.ts';
import { type PromotedColumn, type PromotedType, scalarTypes } from '../tables/promoted.ts';
import type { KeyPath } from './check.ts';
import { nearest } from './errors.ts';

/** As the schema has checked it. */
export interface RawSource {
  readonly name: string;
  readonly type: SourceType | SideSourceType;
  readonly location: string;
  readonly queue?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Seconds. */
  readonly expect?: number;
  readonly sequence?: SequenceConfig;
  readonly shape?: unknown;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly columns: Readonly<Record<string, RawColumn>>;
  readonly table?: string;
  readonly tables?: Readonly<Record<string, IdentityTable>>;
}

interface RawColumn {
  readonly type: PromotedType;
  readonly path?: string;
  readonly strict?: boolean;
  readonly from?: string;
  readonly required?: boolean;
}

type Problem = (path: KeyPath, message: string) => void;

const eventTypes: readonly string[] = eventSourceTypes;
/** Those whose standard columns can be somewhere else. */
const mappedSources = eventTypes.filter((type) => eventSourceOf(type)?.mapping !== undefined);

export const isEventSource = (source: Pick<RawSource, 'type'>): boolean => eventTypes.includes(source.type);

/** Keys that not every source may have, with the types that may. */
const sourceKeys = {
  queue: eventTypes,
  include: eventTypes,
  exclude: eventTypes,
  expect: eventTypes,
  sequence: eventTypes.filter((type) => eventSourceOf(type)?.schema['x-table'].sequence !== undefined),
  shape: mappedSources,
  fields: mappedSources,
  table: ['reference'],
  tables: ['okera-identities'],
} as const;
const columnKeys = { path: eventTypes, strict: eventTypes, from: ['reference'], required: ['reference'] } as const;

export function eventSource(source: RawSource, location: string, at: KeyPath, problem: Problem): SourceConfig {
  checkKeys(source, at, problem);
  const columns: [string, PromotedColumn][] = [];
  for (const [name, { path, type, strict = false }] of Object.entries(source.columns)) {
    if (path === undefined)
      problem([...at, 'columns', name, 'path'], 'is missing: dotted path from the root of the record');
    else columns.push([name, { path, type, strict }]);
  }
  if (source.queue !== undefined && location !== '' && !location.startsWith('s3://'))
    problem([...at, 'queue'], 'has a meaning only for a location in S3, whose events it holds');
  const { include, exclude } = source;
  for (const [key, globs] of Object.entries({ include, exclude })) {
    globs?.forEach((glob, i) => {
      const wrong = globProblem(glob);
      if (wrong !== undefined) problem([...at, key, i], wrong);
    });
  }
  const mapping = mappingOfSource(source, at, problem);
  return {
    name: source.name,
    type: source.type as SourceType,
    location,
    ...(source.queue !== undefined && { queue: source.queue }),
    ...(include && { include }),
    ...(exclude && { exclude }),
    ...(source.sequence && { sequence: source.sequence }),
    ...(source.expect !== undefined && { expectSeconds: source.expect }),
    ...(mapping && { mapping }),
    columns: Object.fromEntries(columns),
  };
}

/** What `shape` and `fields` say; undefined where neither is there, or one of them is wrong. */
export function mappingOfSource(
  { shape, fields }: Pick<RawSource, 'shape' | 'fields'>,
  at: KeyPath,
  problem: Problem,
): Mapping | undefined {
  if (shape === undefined && fields === undefined) return undefined;
  let isWrong = false;
  const fail: Problem = (path, message) => {
    isWrong = true;
    problem([...at, ...path], message);
  };
  const names = Array.isArray(shape) ? (shape as unknown[]) : [shape ?? defaultShape];
  const shapePath = (i: number): KeyPath => (Array.isArray(shape) ? ['shape', i] : ['shape']);
  if (names.length === 0) fail(['shape'], 'must not be empty');
  names.forEach((name, i) => {
    if (shapeNames.includes(name as ShapeName)) return;
    const near = typeof name === 'string' ? nearest(name, shapeNames) : undefined;
    fail(shapePath(i), `must be one of ${shapeNames.join(', ')}${near ? `; did you mean ${near}?` : ''}`);
  });
  const own: Record<string, readonly FieldPaths[]> = {};
  for (const [column, value] of Object.entries(fields ?? {})) {
    const type = Object.hasOwn(mappedTypes, column) ? mappedTypes[column] : undefined;
    if (type === undefined) {
      const known = Object.keys(mappedTypes);
      const near = nearest(column, known);
      const hint = near ? `did you mean ${near}?` : `those are ${known.join(', ')}`;
      fail(['fields', column], `is not a standard column; ${hint} Columns of your own go under columns`);
      continue;
    }
    const entries = Array.isArray(value) ? (value as unknown[]) : [value];
    if (entries.length === 0) fail(['fields', column], 'must not be empty');
    if (entries.length > maxAlternatives) fail(['fields', column], `has more than ${maxAlternatives} paths`);
    entries.forEach((entry, i) => {
      const wrong = fieldProblem(entry, type);
      if (wrong !== undefined) fail(['fields', column, ...(Array.isArray(value) ? [i] : [])], wrong);
    });
    if (!isWrong) own[column] = entries.map(asField);
  }
  return isWrong ? undefined : mappingOf(names as ShapeName[], own);
}

/** More would be data, not a configuration. */
const maxAlternatives = 32;

export function sideSource(source: RawSource, location: string, at: KeyPath, problem: Problem): SideSourceConfig {
  checkKeys(source, at, problem);
  const { name, type, table = '', tables, columns } = source;
  if (type === 'okera-identities') {
    if (Object.keys(columns).length > 0)
      problem([...at, 'columns'], 'are given: the tables of Okera have columns of their own');
    return { name, type, location, ...(tables && { tables }) };
  }
  if (table === '') problem([...at, 'table'], 'is missing: the name of the table');
  else if (isProductName(table))
    problem([...at, 'table'], `"${table}" is a table or view of the product; choose another name`);
  if (Object.keys(columns).length === 0)
    problem([...at, 'columns'], 'are missing: name the columns of the table and their types');
  for (const [column, { from = column, type: of }] of Object.entries(columns)) {
    if (!isScalarType(of)) {
      problem(
        [...at, 'columns', column, 'type'],
        `is a list, which a side table cannot hold: ${scalarTypes.join(', ')}`,
      );
    }
    if (provenanceNames.includes(column)) {
      problem([...at, 'columns', column], `is a column that every table has; choose another name, with from: ${from}`);
    } else if (!isPath(from)) {
      problem(
        [...at, 'columns', column, 'from'],
        `"${from}" is not a path: write names with dots between, such as user.country`,
      );
    }
  }
  const referenceColumns = Object.entries(columns).map(
    ([column, { type: of, from, required = false }]): [string, ReferenceColumn] => [
      column,
      { type: isScalarType(of) ? of : 'string', required, ...(from !== undefined && { from }) },
    ],
  );
  return { name, type: 'reference', location, table, columns: Object.fromEntries(referenceColumns) };
}

const isScalarType = (type: PromotedType): type is (typeof scalarTypes)[number] =>
  (scalarTypes as readonly string[]).includes(type);

/** The side tables of a source. */
export const tablesOf = (source: SideSourceConfig): readonly string[] =>
  source.type === 'reference' ? [source.table] : identityTables;

/** Each side table is replaced as a whole, so it is one source's. */
export function checkSideTables(sources: readonly RawSource[], problem: Problem): void {
  const seen = new Map<string, string>();
  sources.forEach((source, i) => {
    if (isEventSource(source)) return;
    const table = source.type === 'reference' ? source.table : source.type;
    if (table === undefined) return;
    const other = seen.get(table);
    if (other === undefined) seen.set(table, source.name);
    else {
      const key = source.type === 'reference' ? 'table' : 'type';
      problem(['sources', i, key], `is that of source "${other}" too: each would replace what the other has loaded`);
    }
  });
}

function checkKeys(source: RawSource, at: KeyPath, problem: Problem): void {
  const check = (holder: object, path: KeyPath, keys: Readonly<Record<string, readonly string[]>>): void => {
    for (const [key, types] of Object.entries(keys)) {
      if (key in holder && !types.includes(source.type)) {
        problem([...path, key], `has a meaning only for a source of type ${types.join(' or ')}`);
      }
    }
  };
  check(source, at, sourceKeys);
  for (const [name, column] of Object.entries(source.columns)) check(column, [...at, 'columns', name], columnKeys);
}

function isPath(text: string): boolean {
  try {
    return parsePath(text).every((segment) => segment !== '');
  } catch {
    return false;
  }
}
