/**
 * What the tables already hold of an object that has changed since it was ingested (Okera re-uploads growing files),
 * so that only its new records are added. Reads just the files whose bounds say that they may hold rows of it.
 */

import type { Value } from '../columns/types.ts';
import type { LoadedTable } from '../iceberg/catalog.ts';
import { scanRows } from '../iceberg/table-rows.ts';
import { digestOfSubject } from '../ledger/subject-digest.ts';
import type { ObjectStore } from '../store/store.ts';
import type { TableDeclaration } from '../tables/declaration.ts';

/** How often each row, by digest, is there. */
export class PriorRows {
  readonly #counts = new Map<string, number>();

  add(digest: string): void {
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
  }

  /** Whether such a row is there that no earlier call has taken. */
  take(digest: string): boolean {
    const count = this.#counts.get(digest) ?? 0;
    if (count === 0) return false;
    this.#counts.set(digest, count - 1);
    return true;
  }
}

/**
 * What an object gives that is read again although it has changed since: what the tables have of it besides is of an
 * earlier version, and stays, since it can be read nowhere any more.
 */
export class GivenRecords {
  readonly #rows = new Set<string>();
  readonly #rejected = new Set<string>();

  /** `time`: of the event, in microseconds. */
  addRow(digest: string, offset: unknown, time: unknown): void {
    this.#rows.add(digest).add(place(offset, time));
  }

  /** `bytes`: length of the record. */
  addRejected(digest: string, offset: unknown, bytes: unknown): void {
    this.#rejected.add(digest).add(place(offset, bytes));
  }

  /** The same record, or one of the same time at the same place: what makes a record the same may have changed since. */
  hasRow(digest: string, offset: unknown, time: unknown): boolean {
    return this.#rows.has(digest) || this.#rows.has(place(offset, time));
  }

  hasRejected(digest: string, offset: unknown, bytes: unknown): boolean {
    return this.#rejected.has(digest) || this.#rejected.has(place(offset, bytes));
  }
}

const place = (offset: unknown, mark: unknown): string => `${offset} ${mark}`;

/**
 * Rows that were erased from an object. Of an erased row only a digest of its subject is known, and how many there were:
 * the first ones of that subject in the object, since an object that grows does so at its end.
 */
export class ErasedRows {
  readonly #left = new Map<string, number>();
  readonly #identities = new Set<string>();

  add(subjectDigest: string, rows: number): void {
    this.#left.set(subjectDigest, (this.#left.get(subjectDigest) ?? 0) + rows);
  }

  /**
   * Whether a row about these subjects is one that was erased. `content`: what makes it the same record as another, of
   * which an object may have had several; undefined where nothing does.
   */
  take(subjects: readonly string[], content: Uint8Array | undefined): boolean {
    if (this.#left.size === 0) return false;
    const identity = content && Buffer.from(content).toString('latin1');
    if (identity !== undefined && this.#identities.has(identity)) return true;
    for (const digest of subjects.map(digestOfSubject)) {
      const left = this.#left.get(digest) ?? 0;
      if (left === 0) continue;
      this.#left.set(digest, left - 1);
      if (identity !== undefined) this.#identities.add(identity);
      return true;
    }
    return false;
  }
}

/** What erasures have taken from an object of a table, by the record of amendments. */
export async function erasedRowsOf(
  store: ObjectStore,
  record: LoadedTable | undefined,
  table: string,
  uri: string,
): Promise<ErasedRows> {
  const erased = new ErasedRows();
  if (record === undefined) return erased;
  const bounds = [{ column: 'source_uri', from: uri, to: uri }];
  for await (const rows of scanRows(store, record, { bounds }))
    for (const row of rows)
      if (row.source_uri === uri && row.table_name === table && row.operation === 'erase')
        erased.add(String(row.detail), -Number(row.rows));
  return erased;
}

/**
 * The rows of one object in a table, as values in declaration order. `withDeleted`: also those that another engine has
 * deleted, for they were there, and an object that grows does not bring them back.
 */
export async function* rowsOfObject(
  store: ObjectStore,
  table: LoadedTable,
  declaration: TableDeclaration,
  uri: string,
  { withDeleted = true }: { readonly withDeleted?: boolean } = {},
): AsyncGenerator<readonly Value[]> {
  const columns = declaration.columns.map((column) => column.name);
  const scan = { columns, bounds: [{ column: 'source_uri', from: uri, to: uri }], withDeleted };
  for await (const rows of scanRows(store, table, scan))
    for (const row of rows) if (row.source_uri === uri) yield columns.map((name) => row[name] ?? null);
}
