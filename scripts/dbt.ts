/**
 * What the dbt package (deploy/dbt) says of the tables, from their declarations: sources with every column and tests that
 * hold of each, and the semantic layer over the events.
 */
import { stringify } from 'yaml';
import type { ColumnDeclaration } from '../src/columns/types.ts';
import { rejectionCodes } from '../src/records/outcome.ts';
import { identityTableOf } from '../src/sources/okera-identities/tables.ts';
import { eventSources } from '../src/sources/registry.ts';
import { amendments } from '../src/tables/amendments.ts';
import type { TableDeclaration } from '../src/tables/declaration.ts';
import { declareTable } from '../src/tables/declare.ts';
import { ingestedObjects } from '../src/tables/ingested-objects.ts';
import { quarantine } from '../src/tables/quarantine.ts';
import { type AnnotatedSchema, extractions } from '../src/tables/schema.ts';
import { sequences } from '../src/tables/sequences.ts';
import { viewDeclarations } from '../src/views/declarations.ts';

const source = 'audit_warehouse';
const events = Object.values(eventSources).map(({ schema }) => ({ schema, table: declareTable(schema) }));

/** deploy/dbt/models/sources.yml. */
export function dbtSources(): string {
  const tables = [
    ...events.map(({ table }) => sourceOfEvents(table)),
    sourceOf(quarantine, { values: { reason: Object.keys(rejectionCodes) } }),
    { ...sourceOf(ingestedObjects), ...freshness('committed_at') },
    sourceOf(amendments),
    sourceOf(sequences),
    ...Object.values(identityTableOf).map(({ declaration }) => sourceOf(declaration, { isWhole: true })),
  ];
  const views = viewDeclarations.map(({ name, description, columns }) => ({
    name,
    description,
    columns: Object.entries(columns).map(([column, about]) => named(column, about.description)),
  }));
  return written({
    version: 2,
    sources: [
      {
        name: source,
        description: 'Tables and views of audit-warehouse.',
        database: `{{ var('audit_warehouse_database') or target.database }}`,
        schema: `{{ var('audit_warehouse_schema') or target.schema }}`,
        tables: [...tables, ...views],
      },
    ],
  });
}

/** Tests look at the last days only, but for tables that are small. Files of YAML know no macros, so macros/days.sql says it again. */
const day = (offset: string): string => `'{{ (run_started_at ${offset}).strftime('%Y-%m-%d') }}'`;
const recent = `ymd between ${day("- modules.datetime.timedelta(days=var('audit_warehouse_days') | int)")} and ${day('+ modules.datetime.timedelta(days=1)')}`;

const isThere = (table: string): string => `'${table}' in var('audit_warehouse_tables')`;

interface Particulars {
  /** The values of a column, where another declaration has them. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** A column whose values should be there once. */
  readonly id?: string | undefined;
  /** Replaced as a whole: all of its rows are looked at. */
  readonly isWhole?: boolean;
}

function sourceOf(table: TableDeclaration, { values = {}, id, isWhole = false }: Particulars = {}) {
  const { name, description } = table;
  const { enabled } = enabledBy(table);
  const config = { enabled, ...(!isWhole && { where: recent }) };
  const required = table.columns.filter((column) => column.required).map((column) => column.name);
  const testsOf = (column: ColumnDeclaration): object[] => {
    const accepted = column.values ?? values[column.name];
    const [other, field] = column.references ?? [];
    const tests: object[] = [];
    if (accepted !== undefined)
      tests.push({
        accepted_values: { name: `${name}_${column.name}_is_known`, arguments: { values: accepted }, config },
      });
    // Exports need not be of one moment.
    if (other !== undefined)
      tests.push({
        relationships: {
          name: `${name}_${column.name}_is_in_${other}`,
          arguments: { to: `source('${source}', '${other}')`, field },
          config: { enabled: `{{ ${isThere(name)} and ${isThere(other)} }}`, severity: 'warn' },
        },
      });
    // A sender that repeats itself, or one that forges another's id: worth knowing, and kept on purpose.
    if (column.name === id)
      tests.push({
        unique: {
          name: `${name}_${column.name}_is_unique`,
          config: { enabled, where: `${column.name} <> '' and ${recent}`, severity: 'warn' },
        },
      });
    return tests;
  };
  return {
    name,
    description,
    config: { enabled },
    data_tests: [
      { 'audit_warehouse.never_null': { name: `${name}_is_complete`, arguments: { columns: required }, config } },
    ],
    columns: table.columns.map((column) => {
      const tests = testsOf(column);
      return { ...named(column.name, column.description), ...(tests.length > 0 && { data_tests: tests }) };
    }),
  };
}

const sourceOfEvents = (table: TableDeclaration) => ({
  ...sourceOf(table, { id: table.identity?.id }),
  ...freshness('event_time'),
});

const freshness = (column: string) => ({
  loaded_at_field: column,
  freshness: { warn_after: { count: 24, period: 'hour' }, filter: recent },
});

const named = (name: string, description: string) => ({
  name,
  description,
  ...(reserved.has(name) && { quote: true }),
});

/** Words of the engines. */
const reserved: ReadonlySet<string> = new Set([
  'user',
  'group',
  'role',
  'timestamp',
  'rows',
  'first',
  'last',
  'count',
  'time',
]);
const quoted = (name: string): string => (reserved.has(name) ? `"${name}"` : name);
const plainName = (name: string): string => (reserved.has(name) ? `event_${name}` : name);

interface Measured {
  readonly name: string;
  readonly label: string;
  readonly model: string;
  /** Whether a row is a denial. */
  readonly denied: string;
  /** Numbers worth adding up or averaging, beside the counts. */
  readonly numbers: Readonly<Record<string, 'sum' | 'average'>>;
}

/** What each table of events is called in the semantic layer, and what is measured of it. */
const measured: Readonly<Record<string, Measured>> = {
  opa_decisions: {
    name: 'decisions',
    label: 'Decisions',
    model: 'audit_decisions',
    denied: 'allowed = false',
    numbers: { server_handler_ns: 'average' },
  },
  okera_audit_logs: {
    name: 'okera_events',
    label: 'Okera events',
    model: 'audit_okera_events',
    denied: 'auth_failure',
    numbers: { num_results_returned: 'sum', bytes_scanned: 'sum', server_total_time_ms: 'average' },
  },
};

/** deploy/dbt/models/semantic.yml: MetricFlow's semantic models and metrics. */
export function dbtSemantics(): string {
  const all = events.flatMap(({ schema, table }) => {
    const about = measured[table.name];
    return about === undefined ? [] : [{ about, schema, table }];
  });
  return written({
    version: 2,
    models: [
      {
        name: 'audit_time_spine',
        description: 'Days, for figures of days on which nothing happened.',
        time_spine: { standard_granularity_column: 'date_day' },
        columns: [{ name: 'date_day', description: 'The day.', granularity: 'day' }],
      },
    ],
    semantic_models: all.map((one) => semanticModel(one.about, one.schema, one.table)),
    metrics: all.flatMap(({ about, table, schema }) => metricsOf(about, table, schema['x-table'].subject[0]!)),
  });
}

const enabledBy = ({ name }: TableDeclaration) => ({ enabled: `{{ ${isThere(name)} }}` });

function semanticModel(
  { name, model, label, denied, numbers }: Measured,
  schema: AnnotatedSchema,
  table: TableDeclaration,
) {
  const { subject } = schema['x-table'];
  const [who] = subject as [string];
  const measure = (measureName: string, agg: string, expr: string, description: string) => ({
    name: measureName,
    agg,
    expr,
    description,
  });
  return {
    name,
    description: table.description,
    config: enabledBy(table),
    model: `ref('${model}')`,
    defaults: { agg_time_dimension: 'event_time' },
    // No column identifies a row for certain: an id may occur twice.
    primary_entity: name.replace(/s$/, ''),
    entities: subject.map((column) => ({ name: plainName(column), type: 'foreign', expr: quoted(column) })),
    dimensions: [
      {
        name: 'event_time',
        type: 'time',
        type_params: { time_granularity: 'day' },
        description: descriptionOf(table, 'event_time'),
      },
      ...dimensionsOf(schema, table).map(({ name: column, description }) => ({
        name: plainName(column),
        type: 'categorical',
        expr: quoted(column),
        description,
      })),
    ],
    measures: [
      measure(name, 'count', '1', `${label}.`),
      measure(`denied_${name}`, 'sum', `case when ${denied} then 1 else 0 end`, `${label} that were denied.`),
      measure(`${who}s`, 'count_distinct', quoted(who), `Distinct values of ${who}.`),
      ...Object.entries(numbers).map(([column, agg]) => measure(column, agg, column, descriptionOf(table, column))),
    ],
  };
}

const descriptionOf = (table: TableDeclaration, name: string): string =>
  table.columns.find((column) => column.name === name)!.description;

/**
 * What a question can be asked by: text and booleans in front of the big raw text that hold one value, but for what says where a row was
 * found, the id of the record, its time as text, and those that are entities.
 */
function dimensionsOf(schema: AnnotatedSchema, table: TableDeclaration): ColumnDeclaration[] {
  const { promotedBefore, provenance, subject, identity, order } = schema['x-table'];
  const asText = extractions(schema)
    .filter(({ json }) => json)
    .map(({ column }) => column);
  const times = Object.entries(schema.properties)
    .filter(([, property]) => 'format' in property)
    .map(([, property]) => property['x-column']?.name);
  const left = new Set<string | undefined>([...provenance, ...subject, ...asText, ...times, identity]);
  return order
    .slice(0, order.indexOf(promotedBefore))
    .map((name) => table.columns.find((column) => column.name === name)!)
    .filter(({ name, type }) => ['string', 'boolean'].includes(type as string) && !left.has(name));
}

function metricsOf({ name, label, numbers }: Measured, table: TableDeclaration, who: string) {
  const config = enabledBy(table);
  const simple = (measure: string, text: string, description: string) => ({
    name: measure,
    label: text,
    description,
    type: 'simple',
    type_params: { measure },
    config,
  });
  const denied = `denied_${name}`;
  return [
    simple(name, label, `${label}.`),
    simple(denied, `Denied ${label}`, `${label} that were denied.`),
    {
      name: `${denied}_share`,
      label: `Share of denied ${label}`,
      description: `${label} that were denied, of all.`,
      type: 'ratio',
      type_params: { numerator: denied, denominator: name },
      config,
    },
    simple(`${who}s`, `${label}: ${who}s`, `Distinct values of ${who}.`),
    ...Object.keys(numbers).map((column) => simple(column, column, descriptionOf(table, column))),
  ];
}

const written = (document: object): string =>
  `# Written by scripts/docs from schemas/, src/tables and src/views; do not edit.\n${stringify(document, { lineWidth: 0, aliasDuplicateObjects: false })}`;
