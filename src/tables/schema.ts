import type { ColumnType, ScalarType } from '../columns/types.ts';

/**
 * The annotated JSON Schemas of the inputs (`schemas/*.schema.json`): the only place where their fields are declared.
 * Two annotation keywords of our own are read here and nowhere else: `x-column` on a property says which column its
 * value becomes, `x-table` at the root says what the table is like. `extractions` gives every path that becomes a column
 * whatever the shape of the record; validator, flattener, Iceberg schema, Glue columns and docs all derive from it.
 */
export interface AnnotatedSchema {
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly 'x-table': TableAnnotation;
}

export interface PropertySchema {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, PropertySchema>>;
  readonly 'x-column'?: ColumnAnnotation;
}

export interface ColumnAnnotation {
  readonly name: string;
  /** Written as Hive writes it: string, long, list<string>, map<string,long>. */
  readonly type: string;
  /** json: the column holds the exact JSON text of the value, whatever it is. */
  readonly encode?: 'json';
}

export interface TableAnnotation {
  readonly name: string;
  readonly description: string;
  /** All columns in file order. */
  readonly order: readonly string[];
  /** The column that promoted columns go before: the first of the big raw text. */
  readonly promotedBefore: string;
  /** Columns that are never null. */
  readonly required: readonly string[];
  readonly sortedBy: readonly string[];
  readonly clusteredBy: readonly string[];
  /** Name of the column that identifies a record; `record` where only all of it does. */
  readonly identity: string;
  readonly bloomColumns: readonly string[];
  readonly fullBounds: readonly string[];
  readonly provenance: readonly string[];
  /** Columns whose paths follow the shape of the records (mapping.ts). */
  readonly mapped?: Readonly<Record<string, { readonly type: string; readonly description: string }>>;
  /** Columns that say whom a row is about: what `erase --subject` looks at. */
  readonly subject: readonly string[];
  /**
   * Columns by which gaps in what has arrived are found (sequences/): a number that the producer counts up by one, and
   * which process counts. Absent where producers number nothing.
   */
  readonly sequence?: { readonly number: string; readonly instance: string };
  /** Columns that no single path gives. */
  readonly derived: Readonly<Record<string, DerivedColumn>>;
}

export interface DerivedColumn {
  readonly type: string;
  readonly description: string;
  /** The column that it is computed from, and how (records/computed.ts); absent where it says where the record was found. */
  readonly from?: string;
  readonly as?: string;
}

/** A path of the record that becomes a column. */
export interface Extraction {
  readonly column: string;
  readonly type: ColumnType;
  readonly description: string;
  /** Member names from the record's root. */
  readonly path: readonly string[];
  readonly json: boolean;
  /** Another type quarantines the record instead of giving null (promoted columns only). */
  readonly strict: boolean;
}

/** Every annotated path of a schema, in the order of the schema. */
export function extractions(schema: AnnotatedSchema): Extraction[] {
  const found: Extraction[] = [];
  const visit = (properties: Readonly<Record<string, PropertySchema>>, parent: readonly string[]): void => {
    for (const [name, property] of Object.entries(properties)) {
      const path = [...parent, name];
      const column = property['x-column'];
      if (column) {
        found.push({
          column: column.name,
          type: parseColumnType(column.type),
          description: property.description ?? '',
          path,
          json: column.encode === 'json',
          strict: false,
        });
      }
      if (property.properties) visit(property.properties, path);
    }
  };
  visit(schema.properties, []);
  return found;
}

const scalars = new Set(['boolean', 'int', 'long', 'double', 'string', 'timestamp']);

/** Throws where the text names no column type of the warehouse. */
export function parseColumnType(text: string): ColumnType {
  if (scalars.has(text)) return text as ScalarType;
  const list = /^list<(\w+)>$/.exec(text)?.[1];
  if (list !== undefined && scalars.has(list)) return { list: list as ScalarType };
  const map = /^map<string,(\w+)>$/.exec(text)?.[1];
  if (map !== undefined && scalars.has(map)) return { map: { key: 'string', value: map as ScalarType } };
  throw new Error(`no column type of the warehouse: ${text}`);
}

/** The inverse of parseColumnType, for docs and messages. */
export function columnTypeText(type: ColumnType): string {
  if (typeof type === 'string') return type;
  return 'list' in type ? `list<${type.list}>` : `map<string,${type.map.value}>`;
}
