/** Promoted columns whose values stand in the keys of objects: `$key.cluster` is `a` below `…/cluster=a/…`. */

import { longOf } from '../records/numbers.ts';
import type { ObjectFacts } from '../records/object-facts.ts';
import { originOf, type PromotedColumn } from '../tables/promoted.ts';
import { hiveValue, segmentsOf } from './keys.ts';

/** What Hive and Spark write for null. */
const hiveNull = '__HIVE_DEFAULT_PARTITION__';

/** Gives what `describe` says of an object, and the promoted columns that its key fills. */
export function withKeyColumns(
  promoted: Readonly<Record<string, PromotedColumn>>,
  describe: (uri: string) => ObjectFacts,
): (uri: string) => ObjectFacts {
  const columns = Object.entries(promoted).flatMap(([column, declared]) => {
    const { of, path } = originOf(declared);
    return of === 'key' ? [{ column, name: path[0] as string, isLong: declared.type === 'long' }] : [];
  });
  if (columns.length === 0) return describe;
  return (uri) => {
    const facts = describe(uri);
    const segments = segmentsOf(uri);
    const own = columns.map(({ column, name, isLong }) => {
      const value = hiveValue(segments, name);
      if (value === undefined || value === hiveNull) return [column, null];
      return [column, isLong ? longOf(value) : value.toWellFormed()];
    });
    return { ...facts, columns: { ...facts.columns, ...Object.fromEntries(own) } };
  };
}
