/**
 * Conditions out of the plans that DuckDB writes as JSON (`json_serialize_plan`): table filters, and expressions over the
 * columns of a table. What is not understood gives undefined, which never leaves anything out.
 */
import { identifier, literal } from '../sql-types.ts';
import { type ColumnName, type Comparison, type Condition, type Constant, comparedBy } from './condition.ts';

/** A node of a plan; everything in it is optional to us. */
export interface PlanNode {
  readonly [member: string]: unknown;
}

const nodes = (value: unknown): readonly PlanNode[] => (Array.isArray(value) ? (value as PlanNode[]) : []);
const isNode = (value: unknown): value is PlanNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A filter that the scan itself tests on a column; undefined where it is not understood. */
export function filterCondition(column: string, filter: PlanNode, pure: PureFunctions): Condition | undefined {
  switch (filter.filter_type) {
    case 'CONSTANT_COMPARISON': {
      const by = comparedBy[String(filter.comparison_type)];
      const value = constantOf(filter.constant);
      return by && value && { kind: 'compare', column, by, value };
    }
    case 'IS_NULL':
    case 'IS_NOT_NULL':
      return { kind: 'null', column, isNull: filter.filter_type === 'IS_NULL' };
    case 'IN_FILTER': {
      const values = nodes(filter.values).map(constantOf);
      return values.every((value) => value !== undefined) ? { kind: 'among', column, values } : undefined;
    }
    case 'CONJUNCTION_AND': {
      const parts = nodes(filter.child_filters).map((child) => filterCondition(column, child, pure));
      return parts.every((part) => part !== undefined) ? { kind: 'all', of: parts } : undefined;
    }
    case 'CONJUNCTION_OR': {
      const parts = nodes(filter.child_filters).map((child) => filterCondition(column, child, pure));
      return parts.every((part) => part !== undefined) ? { kind: 'any', of: parts } : undefined;
    }
    case 'EXPRESSION_FILTER':
      return isNode(filter.expr) ? expressionCondition(filter.expr, () => column, pure) : undefined;
    default:
      return undefined;
  }
}

/** Names of functions that give the same for the same arguments, and the columns that references stand for. */
export type PureFunctions = ReadonlySet<string>;
type ColumnAt = (index: number) => string | undefined;

/** An expression that has to be true of a row. */
export function expressionCondition(
  expression: PlanNode,
  columnAt: ColumnAt,
  pure: PureFunctions,
): Condition | undefined {
  const type = String(expression.type);
  const children = nodes(expression.children);
  switch (expression.expression_class) {
    case 'BOUND_CONJUNCTION': {
      const parts = children.map((child) => expressionCondition(child, columnAt, pure));
      if (!parts.every((part) => part !== undefined)) return undefined;
      return type === 'CONJUNCTION_AND' ? { kind: 'all', of: parts } : { kind: 'any', of: parts };
    }
    case 'BOUND_COMPARISON': {
      const [left, right] = [expression.left, expression.right];
      const column = isNode(left) ? referenced(left, columnAt) : undefined;
      const value = isNode(right) && right.expression_class === 'BOUND_CONSTANT' ? constantOf(right.value) : undefined;
      const by = comparedBy[type];
      if (column !== undefined && value && by) return { kind: 'compare', column, by, value };
      break;
    }
    case 'BOUND_OPERATOR': {
      const column = children[0] && referenced(children[0], columnAt);
      if (column === undefined) break;
      if (type === 'OPERATOR_IS_NULL' || type === 'OPERATOR_IS_NOT_NULL')
        return { kind: 'null', column, isNull: type === 'OPERATOR_IS_NULL' };
      if (type === 'COMPARE_IN') {
        const values = children
          .slice(1)
          .map((child) => (child.expression_class === 'BOUND_CONSTANT' ? constantOf(child.value) : undefined));
        if (values.every((value) => value !== undefined)) return { kind: 'among', column, values };
      }
    }
  }
  const columns = new Set<string>();
  const sql = textOf(expression, columnAt, pure, columns);
  const implies = impliedBounds(expression, columnAt);
  return sql && { kind: 'text', columns: [...columns], sql, ...(implies && { implies }) };
}

function referenced(expression: PlanNode, columnAt: ColumnAt): string | undefined {
  return expression.expression_class === 'BOUND_REF' ? columnAt(Number(expression.index ?? 0)) : undefined;
}

/** What a comparison says of the bounds of a column, where the column is compared as a value of another type in the same order. */
function impliedBounds(expression: PlanNode, columnAt: ColumnAt): Condition | undefined {
  const compared = (input: unknown, by: Comparison | undefined, value: unknown): Condition | undefined => {
    if (!isNode(input) || !isNode(value) || value.expression_class !== 'BOUND_CONSTANT' || by === undefined)
      return undefined;
    const isCast = input.expression_class === 'BOUND_CAST' && input.try_cast !== true;
    const of = isCast ? input.child : input;
    const column = isNode(of) ? referenced(of, columnAt) : undefined;
    const constant = constantOf(value.value);
    if (column === undefined || constant === undefined) return undefined;
    if (!isCast) return { kind: 'compare', column, by, value: constant };
    const comparable = castOrder(simpleType(input.return_type), value.value as PlanNode);
    return comparable && { kind: 'compare', column, by, value: { ...constant, ...comparable } };
  };
  if (expression.expression_class === 'BOUND_COMPARISON')
    return compared(expression.left, comparedBy[String(expression.type)], expression.right);
  if (expression.expression_class !== 'BOUND_BETWEEN') return undefined;
  const { input, lower, upper, lower_inclusive: withLower, upper_inclusive: withUpper } = expression;
  const of = [compared(input, withLower ? '>=' : '>', lower), compared(input, withUpper ? '<=' : '<', upper)];
  return { kind: 'all', of: of.filter((part) => part !== undefined) };
}

/** Integers as doubles, and timestamps as those of UTC, keep their order. Bounds of other types are not compared with these. */
function castOrder(type: string | undefined, { value }: PlanNode): Pick<Constant, 'kind' | 'value'> | undefined {
  if (typeof value !== 'number') return undefined;
  if (type === 'DOUBLE') return { kind: 'double', value };
  if (type === 'TIMESTAMP WITH TIME ZONE' && Number.isSafeInteger(value))
    return { kind: 'timestamp', value: BigInt(value) };
  return undefined;
}

type Text = (name: ColumnName) => string;

const operators: Readonly<Record<string, (...parts: string[]) => string>> = {
  OPERATOR_NOT: (part) => `NOT ${part}`,
  OPERATOR_IS_NULL: (part) => `${part} IS NULL`,
  OPERATOR_IS_NOT_NULL: (part) => `${part} IS NOT NULL`,
  OPERATOR_COALESCE: (...parts) => `coalesce(${parts.join(', ')})`,
  COMPARE_IN: (part, ...among) => `${part} IN (${among.join(', ')})`,
  COMPARE_NOT_IN: (part, ...among) => `${part} NOT IN (${among.join(', ')})`,
};

/** SQL that means the same; undefined where that is not certain. */
function textOf(expression: PlanNode, columnAt: ColumnAt, pure: PureFunctions, columns: Set<string>): Text | undefined {
  const together = (parts: readonly unknown[], join: (...texts: string[]) => string): Text | undefined => {
    const texts = parts.map((part) => (isNode(part) ? textOf(part, columnAt, pure, columns) : undefined));
    if (!texts.every((text) => text !== undefined)) return undefined;
    return (name) => `(${join(...texts.map((text) => text(name)))})`;
  };
  const children = nodes(expression.children);
  const type = String(expression.type);
  switch (expression.expression_class) {
    case 'BOUND_REF': {
      const column = referenced(expression, columnAt);
      if (column === undefined) return undefined;
      columns.add(column);
      return (name) => name(column);
    }
    case 'BOUND_CONSTANT': {
      const constant = constantOf(expression.value);
      return constant && (() => constant.sql);
    }
    case 'BOUND_COMPARISON': {
      const by = comparedBy[type];
      return by && together([expression.left, expression.right], (left, right) => `${left} ${by} ${right}`);
    }
    case 'BOUND_BETWEEN': {
      const [from, to] = [expression.lower_inclusive, expression.upper_inclusive].map((is) => (is ? '=' : ''));
      return together(
        [expression.input, expression.lower, expression.upper],
        (input, lower, upper) => `${input} >${from} ${lower} AND ${input} <${to} ${upper}`,
      );
    }
    case 'BOUND_CONJUNCTION':
      return together(children, (...parts) => parts.join(type === 'CONJUNCTION_AND' ? ' AND ' : ' OR '));
    case 'BOUND_OPERATOR': {
      const join = operators[type];
      return join && together(children, join);
    }
    case 'BOUND_CAST': {
      const to = simpleType(expression.return_type);
      const cast = expression.try_cast === true ? 'TRY_CAST' : 'CAST';
      return to === undefined ? undefined : together([expression.child], (part) => `${cast}(${part} AS ${to})`);
    }
    case 'BOUND_FUNCTION': {
      const name = String(expression.name);
      return pure.has(name) ? together(children, (...parts) => `${identifier(name)}(${parts.join(', ')})`) : undefined;
    }
    default:
      return undefined;
  }
}

const simpleTypes: ReadonlySet<string> = new Set(
  'BOOLEAN TINYINT SMALLINT INTEGER BIGINT HUGEINT FLOAT DOUBLE VARCHAR DATE TIMESTAMP'
    .split(' ')
    .concat('TIMESTAMP WITH TIME ZONE'),
);

function simpleType(type: unknown): string | undefined {
  if (!isNode(type) || (type.type_info !== null && type.type_info !== undefined)) return undefined;
  return simpleTypes.has(String(type.id)) ? String(type.id) : undefined;
}

const integers: ReadonlySet<string> = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT']);

/** A value of a plan; undefined for kinds that are not written as they are read. */
function constantOf(value: unknown): Constant | undefined {
  if (!isNode(value)) return undefined;
  const type = simpleType(value.type);
  if (type === undefined) return undefined;
  if (value.is_null === true) return { sql: `CAST(NULL AS ${type})` };
  const content = value.value;
  if (type === 'VARCHAR' && typeof content === 'string' && content.isWellFormed() && !content.includes('\0'))
    return { kind: 'text', value: Buffer.from(content), sql: literal(content) };
  if (type === 'BOOLEAN' && typeof content === 'boolean')
    return { kind: 'boolean', value: content, sql: String(content) };
  if (typeof content !== 'number') return undefined;
  // JSON.parse has rounded what is larger.
  if (Number.isSafeInteger(content)) {
    if (integers.has(type)) return { kind: 'integer', value: BigInt(content), sql: `CAST('${content}' AS ${type})` };
    if (type === 'TIMESTAMP')
      return { kind: 'timestamp', value: BigInt(content), sql: `make_timestamp(CAST('${content}' AS BIGINT))` };
    if (type === 'TIMESTAMP WITH TIME ZONE')
      return { sql: `CAST(make_timestamp(CAST('${content}' AS BIGINT)) AS TIMESTAMP WITH TIME ZONE)` };
    if (type === 'DATE') return { sql: `(DATE '1970-01-01' + CAST('${content}' AS INTEGER))` };
  }
  if (type !== 'DOUBLE' || !Number.isFinite(content)) return undefined;
  return { sql: `CAST('${Object.is(content, -0) ? '-0' : content}' AS DOUBLE)` };
}
