/**
 * What a statement reads of each table: columns, conditions and how many rows, by the plan that DuckDB makes of it over
 * empty tables of the same columns. Such a plan holds for any rows, since nothing is known of them.
 *
 * That is what makes it safe to show DuckDB less: where each scan of the plan gives the same rows, so does the statement, by
 * whatever other plan it is then run.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Condition, columnsOf } from './condition.ts';
import { expressionCondition, filterCondition, type PlanNode, type PureFunctions } from './plan-conditions.ts';

export interface Scan {
  readonly table: string;
  /** All that it reads, those of conditions included. */
  readonly columns: readonly string[];
  /** Tested inside the scan: of rows that fail one, DuckDB reads nothing but the columns of these. */
  readonly pushed: readonly Condition[];
  /** Tested by an operator right above. */
  readonly above: readonly Condition[];
  /** These are all conditions there are, so that who meets them is given on. */
  readonly isExact: boolean;
  /** Only so many rows are taken, in this order; without one, the first in the order of the files. */
  readonly first?: { readonly rows: number; readonly order: readonly OrderBy[] };
}

export interface OrderBy {
  readonly column: string;
  /** `DESC NULLS LAST`. */
  readonly direction: string;
}

/**
 * Enough to bring columns and conditions down to the scans, and nothing that goes by the rows that there are. Some plans
 * json_serialize_plan cannot write ("inequal num bindings/types"); which these are depends on the optimizers, so that fewer
 * are tried then.
 */
const optimizers = [
  ['expression_rewriter', 'filter_pullup', 'filter_pushdown', 'cte_filter_pusher', 'regex_range', 'in_clause']
    .concat(['deliminator', 'unused_columns', 'limit_pushdown', 'top_n', 'cte_inlining'])
    .concat(['join_order', 'column_lifetime', 'build_side_probe_side']),
  ['filter_pushdown', 'unused_columns'],
  ['filter_pushdown'],
];

/** By table; undefined where DuckDB does not tell. The tables are there, empty; `sql` has been prepared without an error. */
export async function scansOf(
  connection: DuckDBConnection,
  sql: string,
): Promise<ReadonlyMap<string, readonly Scan[]> | undefined> {
  own ??= await ownFunctions(connection);
  const { pure } = own;
  for (const enabled of optimizers) {
    const disabled = own.optimizers.filter((name) => !enabled.includes(name));
    await connection.run(`SET disabled_optimizers = '${disabled.join(',')}'`);
    const [text] = await column(connection, 'SELECT json_serialize_plan($sql::VARCHAR, optimize := true)', { sql });
    const plan = JSON.parse(withoutOddNumbers(text!)) as {
      readonly error: boolean;
      readonly plans?: readonly PlanNode[];
    };
    if (plan.error || plan.plans === undefined) continue;
    const scans: Scan[] = [];
    if (!plan.plans.every((root) => collect(root, undefined, pure, scans))) return undefined;
    return Map.groupBy(scans, ({ table }) => table);
  }
  return undefined;
}

/** DuckDB writes constants that JSON has no numbers for, and these are not understood in any case. */
const withoutOddNumbers = (json: string): string =>
  json.replace(/"(?:[^"\\]+|\\.)*"|-?(?:NaN|Infinity)/g, (token) => (token.startsWith('"') ? token : 'null'));

/** The same in every database of the process, and slow to list. */
let own: { readonly optimizers: readonly string[]; readonly pure: PureFunctions } | undefined;

async function ownFunctions(connection: DuckDBConnection): Promise<NonNullable<typeof own>> {
  return {
    optimizers: await column(connection, 'SELECT name FROM duckdb_optimizers()'),
    pure: new Set(
      await column(
        connection,
        `SELECT function_name FROM duckdb_functions() WHERE function_type = 'scalar'
         GROUP BY function_name HAVING bool_and(stability = 'CONSISTENT')`,
      ),
    ),
  };
}

async function column(connection: DuckDBConnection, sql: string, values?: Record<string, string>): Promise<string[]> {
  return (await connection.runAndReadAll(sql, values)).getRows().map(([value]) => String(value));
}

interface Taken {
  readonly rows: number;
  /** By index of the columns of the node below. */
  readonly order: readonly { readonly index: number; readonly direction: string }[];
}

const children = (node: PlanNode): readonly PlanNode[] => (node.children ?? []) as readonly PlanNode[];

/** False where there is something in the plan that is not understood. `taken` is what the nodes above take of this one. */
function collect(node: PlanNode, taken: Taken | undefined, pure: PureFunctions, scans: Scan[]): boolean {
  const [child, ...others] = children(node);
  switch (node.type) {
    case 'LOGICAL_GET':
      return (
        addScan(node, [], taken, pure, scans) && children(node).every((below) => collect(below, undefined, pure, scans))
      );
    case 'LOGICAL_FILTER':
      if (child?.type === 'LOGICAL_GET' && children(child).length === 0) {
        const projection = (node.projection_map ?? []) as readonly number[];
        const through = taken && mapped(taken, (index) => (projection.length === 0 ? index : projection[index]));
        return addScan(child, (node.expressions ?? []) as PlanNode[], through, pure, scans);
      }
      break;
    case 'LOGICAL_PROJECTION':
      if (child === undefined || others.length > 0) break;
      return collect(child, taken && mapped(taken, (index) => referenceAt(node, index)), pure, scans);
    case 'LOGICAL_LIMIT':
    case 'LOGICAL_TOP_N':
      if (child === undefined || taken !== undefined) break;
      return collect(child, node.type === 'LOGICAL_LIMIT' ? limitOf(node) : topOf(node), pure, scans);
  }
  return children(node).every((below) => collect(below, undefined, pure, scans));
}

function mapped({ rows, order }: Taken, map: (index: number) => number | undefined): Taken | undefined {
  const indexes = order.map(({ index }) => map(index));
  if (!indexes.every((index) => index !== undefined)) return undefined;
  return { rows, order: order.map(({ direction }, i) => ({ index: indexes[i]!, direction })) };
}

function referenceAt({ expressions }: PlanNode, index: number): number | undefined {
  const expression = ((expressions ?? []) as readonly PlanNode[])[index];
  return expression?.expression_class === 'BOUND_REF' ? Number(expression.index ?? 0) : undefined;
}

function limitOf({ limit_val: limit, offset_val: offset }: PlanNode): Taken | undefined {
  const count = (value: unknown): number | undefined => {
    const { type, constant_integer: constant } = (value ?? {}) as PlanNode;
    if (type === 'UNSET') return 0;
    return type === 'CONSTANT_VALUE' && typeof constant === 'number' ? constant : undefined;
  };
  const [rows, skipped] = [count(limit), count(offset)];
  if (rows === undefined || skipped === undefined || (limit as PlanNode).type === 'UNSET') return undefined;
  return { rows: rows + skipped, order: [] };
}

function topOf({ limit, offset, orders }: PlanNode): Taken | undefined {
  const order = ((orders ?? []) as readonly PlanNode[]).map(({ type, null_order: nulls, expression }) => {
    const { expression_class: kind, index } = (expression ?? {}) as PlanNode;
    const direction = `${type === 'DESCENDING' ? 'DESC' : 'ASC'} ${nulls}`;
    return kind === 'BOUND_REF' && /^(ASC|DESC) NULLS (FIRST|LAST)$/.test(direction)
      ? { index: Number(index ?? 0), direction }
      : undefined;
  });
  if (typeof limit !== 'number' || !order.every((one) => one !== undefined)) return undefined;
  return { rows: limit + Number(offset ?? 0), order };
}

function addScan(
  get: PlanNode,
  expressions: readonly PlanNode[],
  taken: Taken | undefined,
  pure: PureFunctions,
  scans: Scan[],
): boolean {
  const { name, names, column_indexes: indexes, function_data: data } = get;
  // Table functions, such as range(), read no table.
  if (name !== 'seq_scan') return name !== 'read_parquet' && name !== 'parquet_scan';
  const table = (data as PlanNode | undefined)?.table;
  if (typeof table !== 'string' || !Array.isArray(names) || !Array.isArray(indexes)) return false;
  const read = (indexes as readonly PlanNode[]).map(({ index }) => (names as string[])[Number(index)]);
  const shown = (get.projection_ids ?? []) as readonly number[];
  const columnAt = (index: number): string | undefined => read[shown.length === 0 ? index : shown[index]!];

  const filters = ((get.table_filters as PlanNode | undefined)?.filters ?? []) as readonly {
    key: number;
    value: PlanNode;
  }[];
  const pushed: Condition[] = [];
  const above: Condition[] = [];
  let isExact = true;
  for (const { key, value } of filters) {
    const column = (names as string[])[key];
    if (column === undefined) return false;
    for (const part of parts(value)) {
      // An optional filter only saves work: what it stands for is tested above as well, or is how the first rows are found.
      const isOptional = part.filter_type === 'OPTIONAL_FILTER';
      const filter = isOptional ? ((part.child_filter ?? {}) as PlanNode) : part;
      const condition = filterCondition(column, filter, pure);
      if (condition !== undefined) (isOptional ? above : pushed).push(condition);
      else if (!isOptional) isExact = false;
    }
  }
  for (const expression of expressions) {
    const condition = expressionCondition(expression, columnAt, pure);
    if (condition !== undefined) above.push(condition);
    else isExact = false;
  }
  const order = taken?.order.map(({ index, direction }) => ({ column: columnAt(index), direction }));
  const isOrdered = order?.every((one): one is OrderBy => one.column !== undefined);
  const columns = new Set(read.filter((column) => column !== undefined));
  for (const condition of [...pushed, ...above]) for (const column of columnsOf(condition)) columns.add(column);
  const sampled = (get.extra_info as PlanNode | undefined)?.sample_options;
  scans.push({
    table,
    columns: [...columns],
    pushed,
    above,
    isExact: isExact && (sampled === null || sampled === undefined),
    ...(taken && isOrdered && { first: { rows: taken.rows, order: order as OrderBy[] } }),
  });
  return true;
}

/** All of them have to be met; one that is not understood leaves the others. */
const parts = (filter: PlanNode): readonly PlanNode[] =>
  filter.filter_type === 'CONJUNCTION_AND'
    ? ((filter.child_filters ?? []) as readonly PlanNode[]).flatMap(parts)
    : [filter];
