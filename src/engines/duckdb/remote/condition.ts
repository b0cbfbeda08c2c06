/**
 * Conditions that a statement puts on the rows of one table, as far as they are understood: to tell from bounds and
 * bloom filters what cannot match, and to ask DuckDB, as SQL, what does.
 */
import type { Scalar } from '../../../columns/types.ts';
import { compareValues } from '../../../parquet/format/bounds.ts';
import type { ValueBounds } from '../../../parquet/read/footer-parts.ts';

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

export type Condition =
  | { readonly kind: 'compare'; readonly column: string; readonly by: Comparison; readonly value: Constant }
  | { readonly kind: 'among'; readonly column: string; readonly values: readonly Constant[] }
  | { readonly kind: 'null'; readonly column: string; readonly isNull: boolean }
  | { readonly kind: 'all'; readonly of: readonly Condition[] }
  | { readonly kind: 'any'; readonly of: readonly Condition[] }
  /** Of which nothing is known but its text, and what has to be true where it is. */
  | {
      readonly kind: 'text';
      readonly columns: readonly string[];
      readonly sql: (column: ColumnName) => string;
      readonly implies?: Condition;
    };

export interface Constant {
  /** Undefined where bounds cannot be compared with it. Texts as UTF-8, integers and timestamps (µs) as bigint. */
  readonly value?: Scalar;
  /** With a `double`, integers are compared as doubles. */
  readonly kind?: 'text' | 'integer' | 'timestamp' | 'boolean' | 'double';
  readonly sql: string;
}

/** How SQL calls a column of the table. */
export type ColumnName = (column: string) => string;

export const comparedBy: Readonly<Record<string, Comparison>> = {
  COMPARE_EQUAL: '=',
  COMPARE_NOTEQUAL: '<>',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
};

export function columnsOf(condition: Condition): readonly string[] {
  if (condition.kind === 'text') return condition.columns;
  if (condition.kind === 'all' || condition.kind === 'any') return condition.of.flatMap(columnsOf);
  return [condition.column];
}

export function sqlOf(condition: Condition, name: ColumnName): string {
  switch (condition.kind) {
    case 'compare':
      return `(${name(condition.column)} ${condition.by} ${condition.value.sql})`;
    case 'among':
      return `(${name(condition.column)} IN (${condition.values.map(({ sql }) => sql).join(', ')}))`;
    case 'null':
      return `(${name(condition.column)} IS ${condition.isNull ? '' : 'NOT '}NULL)`;
    case 'text':
      return `(${condition.sql(name)})`;
    default: {
      const parts = condition.of.map((part) => sqlOf(part, name));
      if (parts.length === 0) return condition.kind === 'all' ? 'true' : 'false';
      return `(${parts.join(condition.kind === 'all' ? ' AND ' : ' OR ')})`;
    }
  }
}

/** Bounds of a column, undefined where there are none. */
export type BoundsOf = (column: string) => ValueBounds | undefined;

/** False only where no row within the bounds can meet the condition. */
export function mayMatch(condition: Condition, boundsOf: BoundsOf): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every((part) => mayMatch(part, boundsOf));
    case 'any':
      return condition.of.some((part) => mayMatch(part, boundsOf));
    case 'text':
      return condition.implies === undefined || mayMatch(condition.implies, boundsOf);
    case 'null': {
      const bounds = boundsOf(condition.column);
      if (bounds?.nulls === undefined) return true;
      return condition.isNull ? bounds.nulls > 0 : bounds.nulls < bounds.rows;
    }
    case 'among': {
      const bounds = boundsOf(condition.column);
      return condition.values.some((value) => isWithin(bounds, '=', value));
    }
    case 'compare':
      return isWithin(boundsOf(condition.column), condition.by, condition.value);
  }
}

function isWithin(bounds: ValueBounds | undefined, by: Comparison, { value, kind }: Constant): boolean {
  if (bounds === undefined) return true;
  // A comparison with null is never true.
  if (bounds.nulls !== undefined && bounds.nulls >= bounds.rows) return false;
  if (value === undefined) return true;
  const compare = (bound: Scalar | undefined): number | undefined =>
    bound !== undefined && isOfKind(bound, kind)
      ? compareValues(kind === 'double' ? Number(bound) : bound, value)
      : undefined;
  const [least, greatest] = [compare(bounds.least), compare(bounds.greatest)];
  switch (by) {
    case '=':
      return (least === undefined || least <= 0) && (greatest === undefined || greatest >= 0);
    case '<':
      return least === undefined || least < 0;
    case '<=':
      return least === undefined || least <= 0;
    case '>':
      return greatest === undefined || greatest > 0;
    case '>=':
      return greatest === undefined || greatest >= 0;
    case '<>':
      return true;
  }
}

function isOfKind(bound: Scalar, kind: Constant['kind']): boolean {
  if (kind === 'text') return bound instanceof Uint8Array || typeof bound === 'string';
  return typeof bound === (kind === 'boolean' ? 'boolean' : 'bigint');
}

/** For each column that has to equal one of some values: these values. */
export function wantedValues(condition: Condition): Map<string, readonly Constant[]> {
  const wanted = new Map<string, readonly Constant[]>();
  if (condition.kind === 'all') {
    for (const part of condition.of) for (const [column, values] of wantedValues(part)) wanted.set(column, values);
  } else if (condition.kind === 'compare' && condition.by === '=') wanted.set(condition.column, [condition.value]);
  else if (condition.kind === 'among') wanted.set(condition.column, condition.values);
  else if (condition.kind === 'any') {
    const parts = condition.of.map(wantedValues);
    const [first] = parts;
    if (first?.size !== 1 || parts.some((part) => part.size !== 1)) return wanted;
    const [column] = first.keys();
    if (parts.every((part) => part.has(column!)))
      wanted.set(
        column!,
        parts.flatMap((part) => [...part.get(column!)!]),
      );
  }
  return wanted;
}
