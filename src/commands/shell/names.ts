/** What there is to ask about: tables and views with their columns, as the current metadata has them. */
import { currentSchema, currentSnapshot } from '../../iceberg/metadata.ts';
import type { Runtime } from '../../ingest/runtime.ts';
import { viewsOver } from '../../views/select.ts';

export interface Relation {
  readonly name: string;
  readonly kind: 'table' | 'view';
  readonly description: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly description: string }[];
  /** Of tables: rows of the current snapshot and its day range is not read here. */
  readonly rows?: number;
}

/** Tables first. One that cannot be read is left out: statements that name it say why. */
export async function readRelations({ catalog, config }: Pick<Runtime, 'catalog' | 'config'>): Promise<Relation[]> {
  const names = await catalog.listTables();
  const tables = await Promise.all(names.map((name) => catalog.loadTable(name).catch(() => undefined)));
  const relations = tables.flatMap((table, i): Relation[] => {
    if (table === undefined) return [];
    const { metadata } = table;
    const rows = Number(currentSnapshot(metadata)?.summary?.['total-records'] ?? 0);
    return [
      {
        name: names[i]!,
        kind: 'table',
        description: metadata.properties.comment ?? '',
        columns: currentSchema(metadata).fields.map(({ name, type, doc = '' }) => ({
          name,
          type: typeof type === 'string' ? type : typeName(type),
          description: doc,
        })),
        ...(Number.isFinite(rows) && { rows }),
      },
    ];
  });
  const views = viewsOver({ tables: names, stewards: config.stewards }).map(
    ({ name, description, columns }): Relation => ({
      name,
      kind: 'view',
      description,
      columns: Object.entries(columns).map(([column, about]) => ({ name: column, ...about })),
    }),
  );
  return [...relations, ...views];
}

const typeName = (type: { readonly type: string; readonly element?: unknown; readonly value?: unknown }): string =>
  type.type === 'list'
    ? `list<${String(type.element)}>`
    : type.type === 'map'
      ? `map<string,${String(type.value)}>`
      : type.type;
