/** What the tables hold of each object against the account of the ledger. */
import { type Accounts, type EarlierAccounts, isSettled } from './accounts.ts';
import type { Differences } from './difference.ts';
import type { ObjectSums } from './object-names.ts';

export function checkRows(
  table: string,
  byObject: ObjectSums | undefined,
  before: EarlierAccounts,
  after: Accounts,
  differences: Differences,
  isCounted = (uri: string): boolean => isSettled(uri, table, before, after),
): void {
  const promised = after.rows.get(table);
  const compare = (uri: string): void => {
    const expected = promised?.get(uri) ?? 0;
    const found = byObject?.get(uri) ?? 0;
    if (expected === found || !isCounted(uri)) return;
    differences.add({ kind: found < expected ? 'rows-missing' : 'rows-unexpected', table, uri, expected, found });
  };
  for (const uri of promised?.keys() ?? []) compare(uri);
  for (const uri of byObject?.keys() ?? []) if (promised?.get(uri) === undefined) compare(uri);
}
