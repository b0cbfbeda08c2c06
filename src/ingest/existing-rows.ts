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
 * earlier version, and stays, since it can be read nowhere any more. A row is given again only by the same record: one that
 * stands in its place may be forged. A quarantined record is given again by the same bytes in the same place, whatever is made
 * of them now.
 */
export class GivenRecords {
  readonly #rows = new Set<string>();
  readonly #frames = new Set<string>();

  /** `digest`: identity of the row that `frame` became. */
  addRow(digest: string, frame: string): void {
    this.#rows.add(digest);
    this.#frames.add(frame);
  }

  addRejected(frame: string): void {
    this.#frames.add(frame);
  }

  hasRow(digest: string): boolean {
    return this.#rows.has(digest);
  }

  hasRejected(frame: string): boolean {
    return this.#frames.has(frame);
  }
}

/** Rows that were erased from an object: of each its place, under a digest of its subject. */
export class ErasedRows {
  readonly #places = new Map<string, Set<string>>();
  readonly #contents = new Set<string>();

  add(subjectDigest: string, places: Iterable<string>): void {
    const known = this.#places.get(subjectDigest) ?? new Set();
    this.#places.set(subjectDigest, known);
    for (const one of places) known.add(one);
  }

  /**
   * Whether a row about these subjects at this place is one that was erased. What else the object has of the subject is new, or
   * was not there when it was erased. `content`: what makes it the same record as another, of which an object may have had
   * several, one of them as a row; undefined where nothing does.
   */
  has(subjects: readonly string[], at: string, content: Uint8Array | undefined): boolean {
    if (this.#places.size === 0) return false;
    const identity = content && Buffer.from(content).toString('latin1');
    if (identity !== undefined && this.#contents.has(identity)) return true;
    if (!subjects.some((subject) => this.#places.get(digestOfSubject(subject))?.has(at))) return false;
    if (identity !== undefined) this.#contents.add(identity);
    return true;
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
        erased.add(String(row.detail), (row.places ?? []) as string[]);
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
