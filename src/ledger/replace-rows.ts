/**
 * What batches of objects that were read again do to one table: in one snapshot the rows that the table has of these
 * objects go and those of the batches come, wherever compaction has moved the old ones meanwhile. Files that hold rows of
 * other objects as well are written anew without those that go.
 *
 * The change is planned on a version of the table on which nothing else is under way: amendments that were broken off
 * are finished first, and one that comes in between has it planned again. So rows of erased subjects do not come back
 * (those that objects still give are left out here, at the last moment), and what the amendments table says of these
 * objects is squared with what the ledger will say: ledger + amendments = rows in the table.
 */
import type { LoadedTable } from '../iceberg/catalog.ts';
import type { DataFile } from '../iceberg/data-file.ts';
import { deletedRows } from '../iceberg/deleted-rows.ts';
import { appliedDeletes } from '../iceberg/row-deletes.ts';
import { type LiveFile, liveFiles } from '../iceberg/scan.ts';
import { fileRows, scanRows, stagedRows } from '../iceberg/table-rows.ts';
import { describeTable } from '../rewrite/stored-table.ts';
import { withoutRows } from '../rewrite/without-rows.ts';
import { subjectColumns } from '../sources/registry.ts';
import { amendments } from '../tables/amendments.ts';
import { textRange } from '../text/order.ts';
import { type AmendedRows, amend, finishAmendments } from './amendment.ts';
import { batchesOf } from './batch-summary.ts';
import type { LedgerRuntime } from './runtime.ts';
import { digestOfSubject, placeOfRecord } from './subject-digest.ts';

export interface RowsToReplace {
  readonly table: string;
  /** By id. */
  readonly batches: ReadonlyMap<string, BatchToReplace>;
}

export interface BatchToReplace {
  /** What it makes, in the store already. */
  readonly files: readonly DataFile[];
  /** What it replaces, by uri. No two batches have an object in common. */
  readonly objects: ReadonlyMap<string, ReplacedObject>;
}

export interface ReplacedObject {
  readonly batch: string;
  /** When the version that is read again first was committed, in milliseconds; undefined where it never was. */
  readonly firstCommittedAt: number | undefined;
}

/** By uri: rows that went, and rows of erased subjects that did not come. */
export interface Replaced {
  readonly rows: ReadonlyMap<string, number>;
  readonly erased: ReadonlyMap<string, number>;
}

const tries = 20;

/** Batches that the table has already are left out. */
export async function replaceRows(runtime: LedgerRuntime, request: RowsToReplace): Promise<Replaced> {
  const thinned: ThinnedFiles = new Map();
  for (let attempt = 1; attempt <= tries; attempt++) {
    const done = await new Replacement(runtime, request, thinned).tryOnce();
    if (done !== undefined) return done;
  }
  throw new Error(`table ${request.table} kept changing while objects were being read again; run the command again`);
}

class Replacement {
  readonly #runtime: LedgerRuntime;
  readonly #table: string;
  readonly #batches: ReadonlyMap<string, BatchToReplace>;
  readonly #thinned: ThinnedFiles;
  /** Of the batches that the table has not taken. */
  #open: readonly string[] = [];
  #files: readonly DataFile[] = [];
  #objects: ReadonlyMap<string, ReplacedObject> = new Map();

  constructor(runtime: LedgerRuntime, { table, batches }: RowsToReplace, thinned: ThinnedFiles) {
    this.#runtime = runtime;
    this.#table = table;
    this.#batches = batches;
    this.#thinned = thinned;
  }

  /** undefined where another writer came in between. */
  async tryOnce(): Promise<Replaced | undefined> {
    const table = this.#table;
    await finishAmendments(this.#runtime);
    const loaded = await this.#runtime.catalog.loadTable(table);
    if (loaded === undefined) throw new Error(`table ${table} was dropped during the run`);
    this.#leaveOut(new Set(loaded.metadata.snapshots.flatMap(batchesOf)));
    if (this.#open.length === 0) return { rows: new Map(), erased: new Map() };

    const history = await readHistory(this.#runtime, table, this.#objects);
    const going = await this.#goingFrom(loaded);
    const coming = await this.#comingTo(loaded, history);
    const rows = new Map<string, number>();
    for (const { byObject } of going) for (const [uri, count] of byObject) rows.set(uri, (rows.get(uri) ?? 0) + count);
    const erased = new Map(
      [...coming.erased].map(([uri, places]) => [uri, sum([...places.values()].map(({ length }) => length))]),
    );
    const entries = this.#entries(coming.erased, history);
    const add = [...going.flatMap(({ rest }) => rest ?? []), ...coming.files];
    const remove = going.map(({ file }) => file.path);
    if (add.length + remove.length + entries.length === 0) return { rows, erased };
    const operation = remove.length === 0 ? 'append' : add.length === 0 ? 'delete' : 'overwrite';
    const applied = operation === 'overwrite' ? { applied: appliedDeletes(going.map(({ file }) => file)) } : {};
    const change = { operation, add, remove, ...applied } as const;
    const batches = { ids: this.#open, plannedOn: loaded.metadata['last-sequence-number'] };
    // What is accepted meanwhile changes no table, and what has to be squared.
    const isStillRight = async (): Promise<boolean> =>
      versionOf(await this.#runtime.catalog.loadTable(amendments.name)) === history.version;
    const isDone = await amend(this.#runtime, { operation: 'again', table, change, entries, batches, isStillRight });
    return isDone ? { rows, erased } : undefined;
  }

  #leaveOut(taken: ReadonlySet<string>): void {
    const open = [...this.#batches].filter(([id]) => !taken.has(id));
    this.#open = open.map(([id]) => id);
    this.#files = open.flatMap(([, { files }]) => files);
    this.#objects = new Map(open.flatMap(([, { objects }]) => [...objects]));
  }

  /** The files that hold rows of the objects, with what stays of each. */
  async #goingFrom(loaded: LoadedTable): Promise<ThinnedFile[]> {
    const bounds = [{ column: 'source_uri', ...textRange(this.#objects.keys()) }];
    const files: ThinnedFile[] = [];
    for await (const file of liveFiles(this.#runtime.store, loaded.metadata, { bounds })) {
      const key = [file.path, ...appliedDeletes([file]), this.#open].join(' ');
      const thinned = this.#thinned.get(key) ?? (await this.#thin(loaded, file));
      this.#thinned.set(key, thinned);
      if (thinned.byObject.size > 0) files.push(thinned);
    }
    return files;
  }

  /** Rows that row-level deletes have taken go as well, and count for nothing. */
  async #thin(loaded: LoadedTable, file: LiveFile): Promise<ThinnedFile> {
    const { store } = this.#runtime;
    const { metadata } = loaded;
    const byObject = new Map<string, number>();
    const deleted = await deletedRows(store, metadata, file);
    const columns = ['source_uri'];
    const rows = fileRows(store, metadata, file, { columns, withDeleted: true });
    const dropped = await marked(file, rows, deleted, ({ source_uri }) => {
      const uri = String(source_uri);
      if (!this.#objects.has(uri)) return false;
      byObject.set(uri, (byObject.get(uri) ?? 0) + 1);
      return true;
    });
    const rest = dropped && (await this.#without(loaded, placed(file), dropped));
    return { file, byObject, rest };
  }

  /** The files of the batches, without rows of erased subjects. */
  async #comingTo(loaded: LoadedTable, history: History): Promise<{ files: DataFile[]; erased: ErasedRows }> {
    const objects = this.#objects;
    const subjects = subjectColumns.get(this.#table) ?? [];
    const erased: ErasedRows = new Map();
    if (history.erasures.size === 0 || subjects.length === 0) return { files: [...this.#files], erased };
    const digests = new Map<string, string>();
    const digestOf = (subject: string): string => {
      const digest = digests.get(subject) ?? digestOfSubject(subject);
      if (digests.size < mostDigests) digests.set(subject, digest);
      return digest;
    };
    // Of a version that was there when the subject was erased, all of its rows are; of a later one, those in the same places.
    const isErased = (uri: string, digest: string, place: string): boolean => {
      const last = history.erasures.get(digest);
      const first = objects.get(uri)?.firstCommittedAt ?? Number.POSITIVE_INFINITY;
      return last !== undefined && (last >= first || history.places.get(uri)?.get(digest)?.has(place) === true);
    };
    const { store } = this.#runtime;
    const coming: DataFile[] = [];
    for (const file of this.#files) {
      const rows = stagedRows(store, file, [...subjects, 'source_uri', 'source_offset', 'event_time']);
      const dropped = await marked(file, rows, undefined, (row) => {
        const uri = String(row.source_uri);
        const place = placeOfRecord(row.source_offset, row.event_time);
        const digest = subjects
          .flatMap((column) => (row[column] == null ? [] : digestOf(String(row[column]))))
          .find((one) => isErased(uri, one, place));
        if (digest === undefined) return false;
        const places = erased.get(uri) ?? new Map<string, string[]>();
        erased.set(uri, places);
        const mine = places.get(digest) ?? [];
        places.set(digest, mine);
        mine.push(place);
        return true;
      });
      const rest = dropped === undefined ? file : await this.#without(loaded, file, dropped);
      if (rest !== undefined) coming.push(rest);
    }
    return { files: coming, erased };
  }

  #without(loaded: LoadedTable, file: Parameters<typeof withoutRows>[3], dropped: Uint8Array) {
    const { store, config, uuid } = this.#runtime;
    const options = { store, output: config.output, prefix: 'again-', uuid };
    return withoutRows(options, loaded, describeTable(this.#table, loaded, config), file, dropped);
  }

  /**
   * What has to be written down, so that the amendments of each object add up to what is not as the ledger will have
   * it: rows of erased subjects that are left out now, and nothing else. Erasures, retention, lost files and replays keep
   * accounts of their own, since what they took out may be in no other place.
   */
  #entries(erased: ErasedRows, history: History): AmendedRows[] {
    const table = this.#table;
    return [...this.#objects].flatMap(([sourceUri, { batch }]): AmendedRows[] => {
      const leftOut = erased.get(sourceUri) ?? new Map<string, string[]>();
      const taken = new Map(history.taken.get(sourceUri));
      for (const digest of leftOut.keys()) {
        const key = groupKey('erase', digest);
        taken.set(key, taken.get(key) ?? { operation: 'erase', detail: digest, rows: 0 });
      }
      const squared = [...taken.values()].map(({ operation, detail, rows }): AmendedRows => {
        const out = operation === 'erase' ? (leftOut.get(detail) ?? []) : [];
        const known = history.places.get(sourceUri)?.get(detail);
        const places = out.filter((place) => known?.has(place) !== true);
        const entry = { operation, table, sourceUri, detail, rows: -out.length - rows };
        return places.length === 0 ? entry : { ...entry, places };
      });
      const others = history.others.get(sourceUri) ?? 0;
      const all = [...squared, { table, sourceUri, detail: `batch ${batch}`, rows: -others }];
      return all.filter(({ rows, places }) => rows !== 0 || places !== undefined);
    });
  }
}

/** By path of the old file and what else it depends on: files never change, so this is good for another try. */
type ThinnedFiles = Map<string, ThinnedFile>;

interface ThinnedFile {
  readonly file: LiveFile;
  /** Its rows of the objects, by uri. */
  readonly byObject: ReadonlyMap<string, number>;
  /** Without these rows; undefined where there are no others, or none of these. */
  readonly rest: DataFile | undefined;
}

/** Their places, by uri and then by digest of the subject. */
type ErasedRows = Map<string, Map<string, string[]>>;

/** Subjects whose digests are held at a time. */
const mostDigests = 100_000;

interface History {
  /** What erasures, retention, lost files and replays have done to the table, by uri and `groupKey`; `rows` are below zero where they took some out. */
  readonly taken: ReadonlyMap<string, ReadonlyMap<string, TakenRows>>;
  /** The balance of all other amendments of the table, by uri. */
  readonly others: ReadonlyMap<string, number>;
  /** The version of the record that says so; 0 where there is none. */
  readonly version: number;
  /** When each erased subject was last erased from the table, in milliseconds, by digest. */
  readonly erasures: ReadonlyMap<string, number>;
  /** Of the rows that erasures have taken, by uri and then by digest of the subject. */
  readonly places: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
}

interface TakenRows {
  readonly operation: 'erase' | 'retention' | 'lost' | 'replay';
  /** The digest of the subject, the day, the file, or the reason. */
  readonly detail: string;
  readonly rows: number;
}

const groupKey = (operation: TakenRows['operation'], detail: string): string => `${operation} ${detail}`;

async function readHistory(
  { store, catalog }: LedgerRuntime,
  table: string,
  objects: ReadonlyMap<string, unknown>,
): Promise<History> {
  const taken = new Map<string, Map<string, TakenRows>>();
  const others = new Map<string, number>();
  const erasures = new Map<string, number>();
  const erased = new Map<string, Map<string, Set<string>>>();
  const loaded = await catalog.loadTable(amendments.name);
  const version = versionOf(loaded);
  if (loaded === undefined) return { taken, others, version, erasures, places: erased };
  const bounds = [{ column: 'table_name', from: table, to: table }];
  for await (const group of scanRows(store, loaded, { bounds })) {
    for (const { table_name, operation, source_uri, rows, detail, amended_at, places } of group) {
      if (table_name !== table) continue;
      const [uri, why] = [String(source_uri), String(detail)];
      if (operation !== 'erase' && operation !== 'retention' && operation !== 'lost' && operation !== 'replay') {
        if (objects.has(uri)) others.set(uri, (others.get(uri) ?? 0) + Number(rows));
        continue;
      }
      if (operation === 'erase')
        erasures.set(why, Math.max(erasures.get(why) ?? 0, Math.ceil(Number(amended_at) / 1000)));
      if (!objects.has(uri)) continue;
      if (operation === 'erase') {
        const bySubject = erased.get(uri) ?? new Map<string, Set<string>>();
        erased.set(uri, bySubject);
        const known = bySubject.get(why) ?? new Set();
        bySubject.set(why, known);
        for (const place of (places ?? []) as string[]) known.add(place);
      }
      const groups = taken.get(uri) ?? new Map<string, TakenRows>();
      taken.set(uri, groups);
      const key = groupKey(operation, why);
      groups.set(key, { operation, detail: why, rows: (groups.get(key)?.rows ?? 0) + Number(rows) });
    }
  }
  return { taken, others, version, erasures, places: erased };
}

const versionOf = (loaded: LoadedTable | undefined): number => loaded?.metadata['last-sequence-number'] ?? 0;

/** 1 for each row that `isMarked`, and that was `deleted` before; undefined where none of the others is marked. */
async function marked<Row>(
  { path, recordCount }: Pick<DataFile, 'path' | 'recordCount'>,
  groups: AsyncIterable<readonly Row[]>,
  deleted: Uint8Array | undefined,
  isMarked: (row: Row) => boolean,
): Promise<Uint8Array | undefined> {
  const marks = deleted?.slice() ?? new Uint8Array(recordCount);
  let row = 0;
  let any = false;
  for await (const rows of groups) {
    for (const values of rows) {
      if (marks[row] !== 1 && isMarked(values)) {
        marks[row] = 1;
        any = true;
      }
      row++;
    }
  }
  if (row !== recordCount) throw new Error(`${path} has ${row} rows, and ${recordCount} by the table's manifest`);
  return any ? marks : undefined;
}

function placed(file: LiveFile) {
  const { ymd, path } = file;
  if (ymd === null) throw new Error(`the day of ${path} is not told by its partition; compact the table first`);
  return { ...file, ymd };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
