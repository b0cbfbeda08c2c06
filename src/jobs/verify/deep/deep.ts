/**
 * The deep check: every ingested object is read again, and the canonical texts of its rows (docs/row-digest.md) have to be those
 * of the rows that the tables have of it: by their digests where those are told, otherwise by a keyed hash. Both sides are sorted by
 * object and offset, in a fixed amount of memory, and walked through side by side; only rows that one side has alone are looked at
 * by their values (explain.ts).
 */
import { tmpdir } from 'node:os';
import type { LoadedTable } from '../../../iceberg/catalog.ts';
import { expectTypes } from '../../../iceberg/schema.ts';
import { type ConfiguredSource, objectsAt } from '../../../ingest/plan.ts';
import type { Runtime } from '../../../ingest/runtime.ts';
import type { RowHash } from '../../../kernel/row-digests.ts';
import { describeTable } from '../../../rewrite/stored-table.ts';
import { createSource } from '../../../sources/index.ts';
import { eventTables } from '../../../sources/registry.ts';
import type { ObjectInfo } from '../../../store/store.ts';
import type { TableDeclaration } from '../../../tables/declaration.ts';
import { quarantine } from '../../../tables/quarantine.ts';
import type { Accounts } from '../accounts.ts';
import type { Differences } from '../difference.ts';
import type { ObjectNames } from '../object-names.ts';
import { oddRows, slotDigests } from './compare.ts';
import { explain, type Findings, newFindings, type OddObject, type OddPlace } from './explain.ts';
import type { SearchedTable } from './find-rows.ts';
import { ComparedObjects, type DigestedTable, digestedTable } from './objects.ts';
import { RowSorter } from './sorted-rows.ts';
import { readObjects, SourceDigester } from './source-side.ts';
import { TableDigester } from './table-side.ts';

/** What rows take that wait to be sorted, of the tables and of the objects each. */
const sorterBytes = 16 << 20;
/** Objects that are fetched ahead of one another; a source may list any number. */
const objectsAtATime = 1000;
/** Odd rows that are explained at a time. */
const rowsAtATime = 50_000;

export interface DeepReport {
  /** Objects that were read again. */
  readonly read: number;
  /** Objects with values of a promoted column that their rows were written without, by column. */
  readonly lateColumns: ReadonlyMap<string, { readonly source: string; readonly objects: number }>;
}

/** The digest of the rows that a table has of an object. */
export interface ObjectRowsDigest {
  readonly table: string;
  readonly uri: string;
  readonly rows: number;
  /** 64 hex digits. */
  readonly digest: string;
}

export class DeepCheck {
  readonly #runtime: Runtime;
  readonly #sources: readonly ConfiguredSource[];
  readonly #objects: ComparedObjects;
  readonly #declarations: ReadonlyMap<string, readonly TableDeclaration[]>;
  readonly #tables: ReadonlyMap<string, DigestedTable>;
  readonly #hash: RowHash;
  readonly #stored: RowSorter;
  readonly #folder: string;

  /** `tellsDigests`: of each object, in the order of tables and URIs. */
  constructor(
    runtime: Runtime,
    sources: readonly ConfiguredSource[],
    names: ObjectNames,
    accounts: Pick<Accounts, 'objects'>,
    tellsDigests: boolean,
  ) {
    this.#runtime = runtime;
    this.#sources = sources;
    this.#objects = new ComparedObjects(names, accounts, sources, tellsDigests);
    this.#hash = tellsDigests ? 'digest' : 'keyed';
    const { config } = runtime;
    this.#folder = localFolder(config.compact.spill);
    this.#stored = new RowSorter(this.#folder, this.#hash, sorterBytes);
    const writers = config.sources.map((source) => ({
      type: source.type,
      table: createSource(source.type, source.columns, config.limits).table,
    }));
    this.#declarations = Map.groupBy([quarantine, ...writers.map(({ table }) => table)], ({ name }) => name);
    this.#tables = new Map(
      [...eventTables, quarantine.name].map((name, number) => {
        const type = writers.find(({ table }) => table.name === name)?.type;
        return [name, digestedTable(number, name, this.#declarations.get(name) ?? [], type)];
      }),
    );
  }

  /** Throws a TableFault where a table holds a column in another type than the configuration gives it. */
  expectTypes({ metadata }: LoadedTable, name: string): void {
    for (const declaration of this.#declarations.get(name) ?? []) expectTypes(metadata, declaration);
  }

  /** For the rows of a table; undefined where nothing of it is compared. */
  digester(table: string): { readonly rows: TableDigester; readonly numberOf: (uri: string) => number } | undefined {
    const digested = this.#tables.get(table);
    if (digested === undefined) return undefined;
    const objects = this.#objects;
    return {
      rows: new TableDigester(digested, objects, this.#hash, this.#stored),
      numberOf: (uri) => objects.numberOf(uri) ?? -1,
    };
  }

  /** To be called once the rows of all tables were seen; the check is void afterwards. */
  async compare(request: CompareRequest, differences: Differences): Promise<DeepReport> {
    const { loaded, unreadable, accounts, isSettled } = request;
    const objects = this.#objects;
    const given = new RowSorter(this.#folder, this.#hash, sorterBytes);
    const late = new Map<string, { readonly source: string; readonly objects: number }>();
    let read = 0;
    for (const [index, source] of this.#sources.entries()) {
      const table = this.#tables.get(source.source.table.name)!;
      if (!loaded.has(table.name)) continue;
      request.onPhase?.(`objects of ${source.config.name}`);
      const digester = new SourceDigester(
        objects,
        table,
        this.#tables.get(quarantine.name)!,
        this.#hash,
        given,
        ({ uri }, error) => {
          if (error === undefined) read++;
          else {
            const detail = `cannot be read again: ${error instanceof Error ? causeOf(error).message : String(error)}`;
            differences.add({ kind: 'content-differs', table: table.name, uri, detail });
          }
        },
      );
      const isWanted = ({ uri, etag }: ObjectInfo): boolean =>
        // An object that two sources list is read once.
        objects.claim(uri, index) &&
        accounts.objects.get(uri)?.etags.has(etag) === true &&
        isSettled(uri, table.name) &&
        isSettled(uri, quarantine.name);
      for await (const group of this.#listed(source, isWanted)) {
        await readObjects(this.#runtime, source, group, digester);
      }
      for (const [column, some] of digester.lateColumns)
        late.set(column, { source: source.config.name, objects: (late.get(column)?.objects ?? 0) + some.size });
    }
    const [stored, again] = [this.#stored.finish(), given.finish()];
    try {
      request.onPhase?.('the rows of each object');
      const tables = [...this.#tables.values()];
      if (request.onDigest !== undefined) {
        const nameOf = (slot: number) => ({
          table: tables[Math.floor(slot / objects.count)]!.name,
          uri: objects.nameOf(slot % objects.count),
        });
        for (const { slot, rows, digest } of slotDigests(stored.read(), nameOf))
          await request.onDigest({ ...nameOf(slot), rows, digest: digest.toString('hex') });
      }
      const searched = (name: string, declaration: TableDeclaration): SearchedTable | undefined => {
        const table = loaded.get(name);
        return (
          table && {
            store: this.#runtime.store,
            loaded: table,
            described: describeTable(name, table, this.#runtime.config),
            declaration,
            unreadable,
          }
        );
      };
      const isCompared = (slot: number): boolean =>
        objects.isRead(slot % objects.count) && loaded.has(tables[Math.floor(slot / objects.count)]!.name);
      const explained = new Explanations(
        this.#runtime,
        request,
        { objects, tables, sourceOf: (object) => this.#sources[objects.sourceOf(object)]!, searched },
        differences,
      );
      for (const odd of oddRows(stored.read(), again.read(), isCompared)) {
        if (explained.isFull(odd.slot, odd.offset)) await explained.flush(odd.slot);
        explained.add(odd.slot, odd.offset, odd.side);
      }
      await explained.flush(Number.POSITIVE_INFINITY);
    } finally {
      stored.close();
      again.close();
    }
    return { read, lateColumns: late };
  }

  async *#listed(
    { config: { location } }: ConfiguredSource,
    isWanted: (object: ObjectInfo) => boolean,
  ): AsyncGenerator<ObjectInfo[]> {
    const { store, config } = this.#runtime;
    let group: ObjectInfo[] = [];
    for await (const object of objectsAt(store, location)) {
      if (object.uri.startsWith(`${config.warehouse}/`) || !isWanted(object)) continue;
      group.push(object);
      if (group.length < objectsAtATime) continue;
      yield group;
      group = [];
    }
    if (group.length > 0) yield group;
  }
}

/** Where other jobs spill to as well, if that is on this machine. */
const localFolder = (spill: string): string => (spill.startsWith('file://') ? spill.slice('file://'.length) : tmpdir());

const causeOf = (error: Error): Error => (error.cause instanceof Error ? error.cause : error);

export interface CompareRequest {
  readonly loaded: ReadonlyMap<string, LoadedTable>;
  /** Files of any table that cannot be read, each reported. */
  readonly unreadable: ReadonlySet<string>;
  readonly accounts: Accounts;
  /** Whether an object is at rest: no run is at it. */
  readonly isSettled: (uri: string, table: string) => boolean;
  /** Told of each object that a table has rows of. */
  readonly onDigest?: (digest: ObjectRowsDigest) => void | Promise<void>;
  readonly onOdd?: (odd: OddRows) => void;
  readonly onPhase?: (phase: string) => void;
}

/** What differs between the rows of an object in a table and those that it gives. */
export interface OddRows {
  readonly table: string;
  readonly uri: string;
  /** By offset of the record. */
  readonly places: ReadonlyMap<number, OddPlace>;
}

interface Compared {
  readonly objects: ComparedObjects;
  readonly tables: readonly DigestedTable[];
  readonly sourceOf: (object: number) => ConfiguredSource;
  readonly searched: (name: string, declaration: TableDeclaration) => SearchedTable | undefined;
}

/** Gathers odd rows of many objects, has them explained together, and reports each object once all of it was seen. */
class Explanations {
  readonly #runtime: Runtime;
  readonly #request: CompareRequest;
  readonly #compared: Compared;
  readonly #differences: Differences;
  readonly #odd = new Map<number, { readonly missing: number[]; readonly extra: number[] }>();
  readonly #findings = new Map<number, Findings>();
  #rows = 0;
  #lastSlot = -1;
  #lastOffset = -1;

  constructor(runtime: Runtime, request: CompareRequest, compared: Compared, differences: Differences) {
    this.#runtime = runtime;
    this.#request = request;
    this.#compared = compared;
    this.#differences = differences;
  }

  /** Rows of one place are explained together. */
  isFull(slot: number, offset: number): boolean {
    return this.#rows >= rowsAtATime && (slot !== this.#lastSlot || offset !== this.#lastOffset);
  }

  add(slot: number, offset: number, side: 'table' | 'source'): void {
    const odd = this.#odd.get(slot) ?? { missing: [], extra: [] };
    this.#odd.set(slot, odd);
    (side === 'table' ? odd.extra : odd.missing).push(offset);
    this.#rows++;
    this.#lastSlot = slot;
    this.#lastOffset = offset;
  }

  /** Explains what was gathered, and reports the objects in front of `next`. */
  async flush(next: number): Promise<void> {
    const { objects, tables, sourceOf } = this.#compared;
    const groups = Map.groupBy(this.#odd.keys(), (slot) => {
      const table = Math.floor(slot / objects.count);
      return `${table} ${sourceOf(slot % objects.count).config.name}`;
    });
    for (const slots of groups.values()) {
      const table = tables[Math.floor(slots[0]! / objects.count)]!;
      await this.#explain(table, sourceOf(slots[0]! % objects.count), slots);
    }
    this.#odd.clear();
    this.#rows = 0;
    for (const [slot, findings] of [...this.#findings]) {
      if (slot >= next) continue;
      this.#report(slot, findings);
      this.#findings.delete(slot);
    }
  }

  async #explain(table: DigestedTable, source: ConfiguredSource, slots: readonly number[]): Promise<void> {
    const { objects, searched } = this.#compared;
    const { accounts } = this.#request;
    const isQuarantine = table.name === quarantine.name;
    const { table: events } = source.source;
    const [own, other] = isQuarantine
      ? [searched(quarantine.name, quarantine), searched(events.name, events)]
      : [searched(events.name, events), searched(quarantine.name, quarantine)];
    const odd = new Map<string, OddObject>();
    for (const slot of slots) {
      const object = slot % objects.count;
      const uri = objects.nameOf(object);
      const info = await this.#runtime.store.head(uri);
      const { etags } = accounts.objects.get(uri)!;
      // What has changed meanwhile is for the next verification.
      if (info === undefined || !etags.has(info.etag)) continue;
      const columns = isQuarantine ? table.columns : objects.columnsOf(table, object);
      odd.set(uri, { info, columns, versions: etags.size, ...this.#odd.get(slot)! });
    }
    const first = table.number * objects.count;
    const findsPlaces = this.#request.onOdd !== undefined;
    await explain(this.#runtime, { source, table: own!, other, isQuarantine }, odd, accounts, findsPlaces, (uri) => {
      const slot = first + objects.numberOf(uri)!;
      const findings = this.#findings.get(slot) ?? newFindings(findsPlaces);
      this.#findings.set(slot, findings);
      return findings;
    });
  }

  #report(slot: number, { extra, lost, unexcused, firstLost, records, places }: Findings): void {
    const { objects, tables } = this.#compared;
    const { accounts } = this.#request;
    const uri = objects.nameOf(slot % objects.count);
    const { name: table, promoted } = tables[Math.floor(slot / objects.count)]!;
    const about = { kind: 'content-differs', table, uri } as const;
    const named = records.length > 0 && { records: records.toSorted((a, b) => a.offset - b.offset) };
    const isMore = extra > (accounts.added.get(uri) ?? 0);
    const isLess = lost > (accounts.removed.get(uri) ?? 0) && unexcused > 0;
    if (places !== undefined && (isMore || isLess)) {
      // What is lost and excused by a number stays so.
      const odd = new Map([...places].filter(([, { digests }]) => isLess || digests.size > 0));
      this.#request.onOdd?.({ table: about.table, uri, places: odd });
    }
    if (isMore) {
      const detail = `${extra} rows of the table are not what the object gives${adviceOn(records, promoted)}`;
      this.#differences.add({ ...about, ...named, detail });
    }
    if (isLess)
      this.#differences.add({
        ...about,
        ...named,
        detail: `${unexcused} records of the object are in no table, the first at offset ${firstLost}`,
      });
  }
}

/** Rows that differ in nothing but promoted columns may be as they were written, from other paths or as other types. */
function adviceOn(records: Findings['records'], promoted: ReadonlySet<string>): string {
  const columns = [...new Set(records.flatMap((record) => record.columns ?? []))];
  if (columns.length === 0 || !columns.every((column) => promoted.has(column))) return '';
  return (
    `; they differ in ${columns.join(', ')}: if the path or type of a promoted column has changed since they were ` +
    'written, backfill --again writes them anew'
  );
}
