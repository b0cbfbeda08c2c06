import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requirementsOf, stillHolds, type Update, updatesBetween } from '../../src/catalog/rest/changes.ts';
import { removeSnapshots } from '../../src/iceberg/history.ts';
import type { Snapshot, SnapshotRef, TableMetadata } from '../../src/iceberg/metadata.ts';
import { evolve, newTableMetadata } from '../../src/iceberg/schema.ts';
import { events, withColumns } from '../iceberg/fixture.ts';

/** What the specification says that a server makes of each update; one that refers to what is not there is an error. */
function applied(base: TableMetadata, updates: readonly Update[]): TableMetadata {
  // biome-ignore lint/suspicious/noExplicitAny: the fields of each update are those of the specification.
  const table: any = structuredClone(base);
  let last = -1;
  const point = (field: string, list: readonly object[], key: string, id: number): void => {
    const found = list.find((item) => item[key as never] === (id === -1 ? last : id));
    if (found === undefined) throw new Error(`${field} points to nothing`);
    table[field] = found[key as never];
  };
  const drop = (list: string, key: string, ids: readonly unknown[]): void => {
    table[list] = table[list].filter((item: Record<string, unknown>) => !ids.includes(item[key]));
  };
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const apply: Record<string, (update: any) => void> = {
    'add-schema': ({ schema }) => {
      table.schemas.push(schema);
      last = schema['schema-id'];
    },
    'set-current-schema': (update) => point('current-schema-id', table.schemas, 'schema-id', update['schema-id']),
    'add-spec': ({ spec }) => {
      table['partition-specs'].push(spec);
      last = spec['spec-id'];
    },
    'set-default-spec': (update) => point('default-spec-id', table['partition-specs'], 'spec-id', update['spec-id']),
    'add-sort-order': (update) => {
      table['sort-orders'].push(update['sort-order']);
      last = update['sort-order']['order-id'];
    },
    'set-default-sort-order': (update) =>
      point('default-sort-order-id', table['sort-orders'], 'order-id', update['sort-order-id']),
    'set-location': ({ location }) => {
      table.location = location;
    },
    'set-properties': ({ updates: set }) => Object.assign(table.properties, set),
    'remove-properties': ({ removals }) => {
      for (const key of removals) delete table.properties[key];
    },
    'add-snapshot': ({ snapshot }) => {
      if (!table.schemas.some((schema: object) => schema['schema-id' as never] === snapshot['schema-id']))
        throw new Error('a snapshot without its schema');
      table.snapshots.push(snapshot);
    },
    'set-snapshot-ref': ({ action: _, 'ref-name': name, ...ref }) => {
      if (!table.snapshots.some((one: Snapshot) => one['snapshot-id'] === ref['snapshot-id']))
        throw new Error('a ref without its snapshot');
      table.refs[name] = ref;
    },
    'remove-snapshot-ref': (update) => {
      delete table.refs[update['ref-name']];
    },
    'remove-snapshots': (update) => {
      const ids = update['snapshot-ids'];
      if (Object.values(table.refs as TableMetadata['refs']).some((ref) => ids.includes(ref['snapshot-id'])))
        throw new Error('a snapshot is removed that a ref points to');
      drop('snapshots', 'snapshot-id', ids);
    },
    'remove-schemas': (update) => drop('schemas', 'schema-id', update['schema-ids']),
    'remove-partition-specs': (update) => drop('partition-specs', 'spec-id', update['spec-ids']),
    'set-statistics': ({ statistics }) => {
      drop('statistics', 'snapshot-id', [statistics['snapshot-id']]);
      table.statistics.push(statistics);
    },
    'remove-statistics': (update) => drop('statistics', 'snapshot-id', [update['snapshot-id']]),
  };
  for (const update of updates) apply[update.action]!(update);
  return table;
}

/** What the updates are to bring about: lists as sets, and nothing of what the server derives. */
const told = (metadata: TableMetadata) => {
  const sorted = (field: string, key: string) =>
    ((metadata[field] ?? []) as Record<string, number | bigint>[]).toSorted((a, b) => (a[key]! < b[key]! ? -1 : 1));
  return {
    location: metadata.location,
    properties: metadata.properties,
    refs: metadata.refs,
    schemas: sorted('schemas', 'schema-id'),
    schema: metadata['current-schema-id'],
    specs: sorted('partition-specs', 'spec-id'),
    spec: metadata['default-spec-id'],
    orders: sorted('sort-orders', 'order-id'),
    order: metadata['default-sort-order-id'],
    snapshots: sorted('snapshots', 'snapshot-id'),
    statistics: sorted('statistics', 'snapshot-id'),
  };
};

const table = newTableMetadata({ uuid: 'u', location: 'memory://w/events', declaration: events, nowMs: 1 });

const ids = fc.uniqueArray(fc.bigInt(1n, 2n ** 63n - 1n), { maxLength: 6 });
const property = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__x', 'constructor'), fc.string(), {
  maxKeys: 4,
});

/** A table with some of these snapshots, refs on some of those, and versions of schema, spec and order. */
const state = (pool: readonly bigint[]) =>
  fc
    .record({
      properties: property,
      snapshots: fc.subarray([...pool]),
      versions: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      extraOrders: fc.integer({ min: 0, max: 2 }),
      pick: fc.nat(),
      tags: fc.array(fc.nat(), { maxLength: 2 }),
      statistics: fc.boolean(),
      location: fc.constantFrom('memory://w/events', 'memory://w/moved'),
    })
    .map(({ properties, snapshots, versions, extraOrders, pick, tags, statistics, location }): TableMetadata => {
      const schemas = [0, ...versions].map((id) => ({ ...table.schemas[0]!, 'schema-id': id }));
      const specs = [0, ...versions].map((id) => ({ 'spec-id': id, fields: [] }));
      const current = [0, ...versions][pick % schemas.length]!;
      const refs: Record<string, SnapshotRef> = {};
      if (snapshots.length > 0) {
        refs.main = { 'snapshot-id': snapshots[pick % snapshots.length]!, type: 'branch' };
        for (const [index, tag] of tags.entries())
          refs[`tag${index}`] = {
            'snapshot-id': snapshots[tag % snapshots.length]!,
            type: 'tag',
            'max-ref-age-ms': tag,
          };
      }
      return {
        ...table,
        location,
        properties,
        schemas,
        'partition-specs': specs,
        'sort-orders': [
          ...table['sort-orders'],
          ...[2, 3].slice(0, extraOrders).map((id) => ({ 'order-id': id, fields: [] })),
        ],
        'current-schema-id': current,
        'default-spec-id': current,
        'default-sort-order-id': extraOrders === 0 ? 1 : (pick % extraOrders) + 2,
        snapshots: snapshots.map((id) => ({
          'snapshot-id': id,
          'sequence-number': 1,
          'timestamp-ms': 1,
          summary: { operation: 'append' },
          'manifest-list': `memory://w/${id}`,
          'schema-id': 0,
        })),
        refs,
        'current-snapshot-id': refs.main?.['snapshot-id'] ?? -1n,
        statistics: statistics ? snapshots.map((id) => ({ 'snapshot-id': id, pick })) : [],
      };
    });
/** Two of one table; a server never removes sort orders. */
const pair = ids
  .chain((pool) => fc.tuple(state(pool), state(pool)))
  .map(([base, next]): [TableMetadata, TableMetadata] => {
    const kept = base['sort-orders'].length > next['sort-orders'].length ? base['sort-orders'] : next['sort-orders'];
    return [base, { ...next, 'sort-orders': kept }];
  });

describe('updates', () => {
  test('make the next table of the base, whatever differs', () => {
    fc.assert(
      fc.property(pair, ([base, next]) => {
        expect(told(applied(base, updatesBetween(base, next)))).toEqual(told(next));
      }),
    );
  });

  test('are none where nothing differs but what the server derives', () => {
    fc.assert(
      fc.property(pair, ([base]) => {
        const log = [{ 'timestamp-ms': 5, 'metadata-file': 'memory://w/x' }];
        expect(updatesBetween(base, { ...base, 'last-updated-ms': 5, 'metadata-log': log })).toEqual([]);
      }),
    );
  });

  test('of a column that was added are the schema, its pointer and the properties that go with it', () => {
    const grown = evolve(table, withColumns(events, { name: 'tenant', type: 'string', description: '' }), 2)!;
    expect(updatesBetween(table, grown).map(({ action }) => action)).toEqual([
      'add-schema',
      'set-current-schema',
      'set-properties',
    ]);
  });

  test('of snapshots that expire are their removal, after the statistics of them', () => {
    fc.assert(
      fc.property(pair, ([base]) => {
        const next = removeSnapshots(
          base,
          base.snapshots.map((snapshot) => snapshot['snapshot-id']),
        );
        const actions = new Set(updatesBetween(base, next).map(({ action }) => action));
        expect(['remove-statistics', 'remove-snapshots']).toEqual(expect.arrayContaining([...actions]));
      }),
    );
  });

  test('of what no update can change are an error that names the field', () => {
    expect(() => updatesBetween(table, { ...table, 'table-uuid': 'v' })).toThrow('"table-uuid"');
    expect(() => updatesBetween(table, { ...table, 'encryption-keys': [] })).toThrow('"encryption-keys"');
    const other = { ...table, schemas: [{ ...table.schemas[0]!, fields: [] }] };
    expect(() => updatesBetween(table, other)).toThrow('"schemas"');
    expect(() => updatesBetween(table, { ...table, 'sort-orders': [] })).toThrow('sort orders');
  });
});

describe('requirements', () => {
  test('hold on the table they are of, and on one in which only properties differ', () => {
    fc.assert(
      fc.property(pair, property, ([base], properties) => {
        expect(stillHolds(base, { ...base, properties })).toBe(true);
      }),
    );
  });

  test('do not hold where a branch, a schema, a spec or an order differs', () => {
    fc.assert(
      fc.property(pair, ([base, next]) => {
        const differs =
          ['current-schema-id', 'default-spec-id', 'default-sort-order-id'].some((id) => base[id] !== next[id]) ||
          base.refs.main?.['snapshot-id'] !== next.refs.main?.['snapshot-id'];
        if (differs) expect(stillHolds(base, next)).toBe(false);
      }),
    );
  });

  test('of a table without snapshots say that there is no main branch', () => {
    expect(requirementsOf(table)).toContainEqual({ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': null });
  });
});
