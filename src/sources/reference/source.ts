/** Reference data: a table of the user's own (which countries a subject may ask from), its columns declared in the configuration. */
import type { ReferenceConfig } from '../config.ts';
import { isLogName, segmentsOf } from '../keys.ts';
import { type SideSource, sideTable } from './side-table.ts';

export function referenceSource({ table, columns }: ReferenceConfig): SideSource {
  const only = sideTable({
    name: table,
    description: 'Reference data, replaced as a whole when the objects that it is made of change.',
    columns: Object.entries(columns).map(([column, { type, from, required }]) => ({
      name: column,
      type,
      from: from ?? column,
      required,
      description: from === undefined ? 'As in the source.' : `${from} of the source.`,
    })),
  });
  return {
    type: 'reference',
    tables: [only],
    tableOf: (uri) => (isLogName(segmentsOf(uri)) ? only : undefined),
  };
}
