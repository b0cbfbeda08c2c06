/** The objects that a deep verification compares, by number, and which columns it compares of each. */
import type { ConfiguredSource } from '../../../ingest/plan.ts';
import { type DigestedColumn, digestedColumns } from '../../../records/row-digest.ts';
import { eventSourceOf } from '../../../sources/registry.ts';
import type { TableDeclaration } from '../../../tables/declaration.ts';
import { compareText } from '../../../text/order.ts';
import type { Accounts } from '../accounts.ts';
import type { ObjectNames } from '../object-names.ts';

/** Of one table: what its rows are digested over. */
export interface DigestedTable {
  readonly name: string;
  /** In the order of all tables. */
  readonly number: number;
  readonly columns: readonly DigestedColumn[];
  /** Without those that are mapped, or computed from such: for rows that were written with another mapping. */
  readonly unmapped: readonly DigestedColumn[];
  /** Columns that a configuration promotes: rows that were written before have none. */
  readonly promoted: ReadonlySet<string>;
}

/** `declarations`: of the sources that write to the table, or of the table itself. */
export function digestedTable(
  number: number,
  name: string,
  declarations: readonly TableDeclaration[],
  type: string | undefined,
): DigestedTable {
  const columns = new Map(declarations.flatMap((table) => table.columns).map((column) => [column.name, column]));
  const digested = digestedColumns({ name, columns: [...columns.values()] });
  const { mapped = {}, derived = {}, order = [] } = (type && eventSourceOf(type)?.schema['x-table']) || {};
  const depends = new Set(Object.keys(mapped));
  for (const [column, { from }] of Object.entries(derived)) if (from && depends.has(from)) depends.add(column);
  const own = new Set(type === undefined ? columns.keys() : order);
  return {
    name,
    number,
    columns: digested,
    unmapped: digested.filter(({ name: column }) => !depends.has(column)),
    promoted: new Set([...columns.keys()].filter((column) => !own.has(column))),
  };
}

export class ComparedObjects {
  readonly count: number;
  readonly #names: ObjectNames;
  /** Where digests are told in order: the place of each name among all of them, and back. */
  readonly #ranks: Uint32Array | undefined;
  readonly #byRank: Uint32Array | undefined;
  /** 1 where rows were written with another mapping than the object's source has now. */
  readonly #isUnmapped: Uint8Array;
  /** By promoted column: 1 where the table has a value of it in any row of the object. */
  readonly #holds = new Map<string, Uint8Array>();
  /** 1 where the object was read to its end. */
  readonly #isRead: Uint8Array;
  /** One more than the index of the source that reads the object; 0 for none. */
  readonly #source: Uint16Array;

  /** `inOrder`: numbers go by the order of the names. */
  constructor(
    names: ObjectNames,
    { objects }: Pick<Accounts, 'objects'>,
    sources: readonly ConfiguredSource[],
    inOrder: boolean,
  ) {
    this.count = names.count;
    this.#names = names;
    if (inOrder) {
      this.#byRank = Uint32Array.from({ length: this.count }, (_, number) => number).sort((a, b) =>
        compareText(names.nameOf(a), names.nameOf(b)),
      );
      this.#ranks = new Uint32Array(this.count);
      for (const [rank, number] of this.#byRank.entries()) this.#ranks[number] = rank;
    }
    this.#isUnmapped = new Uint8Array(this.count);
    this.#isRead = new Uint8Array(this.count);
    this.#source = new Uint16Array(this.count);
    const mapped = sources.filter(({ source }) => source.mapping !== null);
    for (let number = 0; number < this.count; number++) {
      const uri = this.nameOf(number);
      const written = objects.get(uri)?.mappings ?? [];
      const isOther = mapped.some(
        ({ config, source: { mapping } }) =>
          uri.startsWith(config.location) &&
          [...written].some((digest) => (digest ?? mapping!.unrecorded) !== mapping!.current),
      );
      this.#isUnmapped[number] = Number(isOther);
    }
  }

  /** undefined for an object that was not ingested when the ledger was read first. */
  numberOf(uri: string): number | undefined {
    const number = this.#names.numberOf(uri);
    if (number === undefined || number >= this.count) return undefined;
    return this.#ranks === undefined ? number : this.#ranks[number];
  }

  nameOf(object: number): string {
    return this.#names.nameOf(this.#byRank === undefined ? object : this.#byRank[object]!);
  }

  isUnmapped(object: number): boolean {
    return this.#isUnmapped[object] === 1;
  }

  /** Whether the source, by its index, is to read an object: it was ingested, and no other source reads it. */
  claim(uri: string, source: number): boolean {
    const object = this.numberOf(uri);
    if (object === undefined || (this.#source[object] !== 0 && this.#source[object] !== source + 1)) return false;
    this.#source[object] = source + 1;
    return true;
  }

  /** The index of the source that reads an object. */
  sourceOf(object: number): number {
    return this.#source[object]! - 1;
  }

  noteRead(object: number): void {
    this.#isRead[object] = 1;
  }

  isRead(object: number): boolean {
    return this.#isRead[object] === 1;
  }

  /** By object: to be set to 1 where the table has a value. */
  holdersOf(table: string, column: string): Uint8Array {
    const key = `${table} ${column}`;
    const holders = this.#holds.get(key) ?? new Uint8Array(this.count);
    this.#holds.set(key, holders);
    return holders;
  }

  /** The columns that the source's rows of an object are digested over, given what the table has of it. */
  columnsOf(table: DigestedTable, object: number): readonly DigestedColumn[] {
    const columns = this.isUnmapped(object) ? table.unmapped : table.columns;
    const isHeld = (column: string): boolean => this.holdersOf(table.name, column)[object] === 1;
    if ([...table.promoted].every(isHeld)) return columns;
    return columns.filter(({ name }) => !table.promoted.has(name) || isHeld(name));
  }
}
