/**
 * Exports of Okera's users, groups and roles. An object belongs to the table that it or a folder above it is named after
 * (`users.jsonl`, `groups/part-0.json.gz`), or to the one that the configuration names for its prefix.
 */

import { type IdentityTable, identityTables } from '../../tables/names.ts';
import type { IdentitiesConfig } from '../config.ts';
import { isLogName, segmentsOf } from '../keys.ts';
import type { SideSource } from '../reference/side-table.ts';
import { identityTableOf } from './tables.ts';

export function okeraIdentitiesSource({ tables }: IdentitiesConfig): SideSource {
  return {
    type: 'okera-identities',
    tables: identityTables.map((name) => identityTableOf[name]),
    tableOf(uri, location) {
      if (!isLogName(segmentsOf(uri))) return undefined;
      const key = keyBelow(uri, location);
      const name = tables === undefined ? namedTable(key) : prefixedTable(key, tables);
      return name && identityTableOf[name];
    },
  };
}

/** What follows the location; the name alone where the location is the object itself. */
function keyBelow(uri: string, location: string): string {
  const below = uri.slice(location.length).replace(/^\//, '');
  return below === '' ? (segmentsOf(uri).at(-1) ?? '') : below;
}

/** The table that a segment is named after, up to its first dot; the one nearest to the object counts. */
function namedTable(key: string): IdentityTable | undefined {
  const names = key.split('/').map((segment, i, { length }) => (i === length - 1 ? segment.split('.')[0] : segment));
  return names.findLast((name): name is IdentityTable =>
    (identityTables as readonly (string | undefined)[]).includes(name),
  );
}

/** The longest prefix counts. */
function prefixedTable(key: string, tables: Readonly<Record<string, IdentityTable>>): IdentityTable | undefined {
  const prefixes = Object.keys(tables).filter((prefix) => key.startsWith(prefix));
  const longest = prefixes.reduce((a, b) => (b.length > a.length ? b : a), '');
  return tables[longest];
}
