/** What is wrong with one table, so that commands can go on with the others. */
import { StoreError } from '../store/store.ts';

/** The table itself cannot be used as it is: trying again changes nothing, and other tables are not concerned. */
export class TableFault extends Error {
  override readonly name: string = 'TableFault';
}

/** Of these too: a file that the table names is not there. Not of a store or catalog that gives no answer. */
export const isTableFault = (error: unknown): error is Error =>
  error instanceof TableFault || (error instanceof StoreError && error.code === 'not-found');
