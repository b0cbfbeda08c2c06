/** What the tables hold of each object against the account of the ledger. */
import type { Accounts } from './accounts.ts';
import { isSettled } from './accounts.ts';
import type { Differences } from './difference.ts';

/** Objects of one table whose rows are not what they should be, by uri, with [expected, found]. */
export type Mismatches = Map<string, readonly [expected: number, found: number]>;

export function checkRows(
  table: string,
  byObject: ReadonlyMap<string, number>,
  before: Accounts,
  after: Accounts,
  differences: Differences,
): Mismatches {
  const promised = after.rows.get(table) ?? new Map<string, number>();
  const mismatches: Mismatches = new Map();
  const compare = (uri: string): void => {
    const expected = promised.get(uri) ?? 0;
    const found = byObject.get(uri) ?? 0;
    if (expected === found || !isSettled(uri, table, before, after)) return;
    mismatches.set(uri, [expected, found]);
    differences.add({ kind: found < expected ? 'rows-missing' : 'rows-unexpected', table, uri, expected, found });
  };
  for (const uri of promised.keys()) compare(uri);
  for (const uri of byObject.keys()) if (!promised.has(uri)) compare(uri);
  return mismatches;
}
